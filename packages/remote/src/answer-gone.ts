import { CallError, type Executed } from '@troupe/actor';

/**
 * The result that a call was to be made on is not here: the first call failed, or has been
 * answered. Callers never see it; they make the call again from where the result is by then.
 */
export class AnswerGone extends CallError {
  override readonly name = 'AnswerGone';
  readonly code = 'ERR_ANSWER_GONE';
  readonly executed: Executed = 'no';
  constructor() {
    super('the result to call on is gone: make the call from where it is');
  }
}

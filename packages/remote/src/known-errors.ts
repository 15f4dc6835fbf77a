import * as actor from '@troupe/actor';
import { noLess } from '@troupe/actor/internal';
import { AnswerGone } from './answer-gone.ts';
import type { WireError } from './wire-error.ts';

/** What an error is built from; `options` holds its cause, if it had one. */
interface Parts {
  readonly message: string;
  readonly executed: actor.Executed;
  readonly fields: Fields;
  readonly options: ErrorOptions | undefined;
}

type Build = (parts: Parts) => Error;

/** A field is not of the type that the class wants. */
class Misfit extends Error {}

/** The fields of an error as a peer tells them. */
class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  text(name: string): string {
    const value = this.#get(name);
    if (typeof value === 'string') return value;
    throw new Misfit();
  }

  optionalText(name: string): string | undefined {
    return this.#get(name) === undefined ? undefined : this.text(name);
  }

  number(name: string): number {
    const value = this.#get(name);
    if (typeof value === 'number') return value;
    throw new Misfit();
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }
}

/**
 * The error of the framework or of the language that `wire` describes, built anew by its class.
 * @returns undefined when it is none, or when its fields do not fit, as those of an error of the
 *   application's with the same code, or of a later version, may not
 */
export function knownError(wire: WireError, options: ErrorOptions | undefined): Error | undefined {
  const build = errorsByCode.get(wire.code ?? '') ?? errorsByName.get(wire.name);
  const { message, executed, fields } = wire;
  try {
    const error = build?.({ message, executed, fields: new Fields(fields), options });
    return noLess(error, executed) as Error | undefined;
  } catch (error) {
    if (error instanceof Misfit) return undefined;
    throw error;
  }
}

/** The framework's own errors, by the code that never changes. */
const errorsByCode: ReadonlyMap<string, Build> = new Map<string, Build>([
  [
    'ERR_MAILBOX_FULL',
    ({ fields, options }) =>
      new actor.MailboxFull(fields.text('to'), fields.number('capacity'), options),
  ],
  [
    'ERR_ACTOR_DOWN',
    ({ fields, executed, options }) => new actor.ActorDown(fields.text('to'), executed, options),
  ],
  [
    'ERR_NO_SUCH_ACTOR',
    ({ fields, options }) => new actor.NoSuchActor(fields.text('to'), fields.text('hint'), options),
  ],
  [
    'ERR_NO_SUCH_METHOD',
    ({ fields, options }) =>
      new actor.NoSuchMethod(fields.text('to'), fields.text('method'), options),
  ],
  [
    'ERR_BAD_ARGUMENTS',
    ({ fields, options }) => {
      const [to, method, issue] = [fields.text('to'), fields.text('method'), fields.text('issue')];
      return new actor.BadArguments(to, method, issue, options);
    },
  ],
  [
    'ERR_BAD_OPTION',
    ({ fields, message, options }) => badOption(fields.text('option'), message, options),
  ],
  [
    'ERR_NOT_SERIALIZABLE',
    ({ fields, executed, options }) => {
      const [path, issue] = [fields.text('path'), fields.text('issue')];
      return new actor.NotSerializable(path, issue, executed, options);
    },
  ],
  [
    'ERR_DEADLINE_EXCEEDED',
    ({ fields, executed, options }) => {
      const [to, timeoutMs] = [fields.text('to'), fields.number('timeoutMs')];
      return new actor.DeadlineExceeded(to, timeoutMs, executed, options);
    },
  ],
  [
    'ERR_CANCELLED',
    ({ fields, executed, options }) => new actor.Cancelled(fields.text('to'), executed, options),
  ],
  ['ERR_DEADLOCK', ({ fields, options }) => new actor.DeadlockError(fields.text('path'), options)],
  [
    'ERR_UNREACHABLE',
    ({ fields, options }) =>
      new actor.Unreachable(fields.text('to'), fields.text('reason'), options),
  ],
  [
    'ERR_SESSION_LOST',
    ({ fields, options }) =>
      new actor.SessionLost(fields.text('to'), fields.text('reason'), options),
  ],
  ['ERR_ANSWER_GONE', () => new AnswerGone()],
  ['ERR_DRAINING', ({ fields, options }) => new actor.Draining(fields.text('to'), options)],
  [
    'ERR_OVERLOADED',
    ({ fields, options }) => {
      const [to, bound, limit] = [fields.text('to'), fields.text('bound'), fields.number('limit')];
      return new actor.Overloaded(to, bound, limit, options);
    },
  ],
  [
    'ERR_UNAUTHORIZED',
    ({ fields, options }) =>
      new actor.Unauthorized(fields.text('to'), fields.text('method'), options),
  ],
  [
    'ERR_REMOTE',
    ({ fields, executed, options }) => {
      const remoteCode = fields.optionalText('remoteCode');
      return new actor.RemoteError(
        fields.text('remoteName'),
        fields.text('remoteMessage'),
        fields.optionalText('remoteStack'),
        { ...options, executed, ...(remoteCode === undefined ? {} : { remoteCode }) },
      );
    },
  ],
  ['ERR_CHANNEL_CLOSED', ({ options }) => new actor.ChannelClosed(options)],
  [
    'ERR_CHANNEL_LOST',
    ({ fields, options }) =>
      new actor.ChannelLost(fields.text('reason'), fields.number('inDoubt'), options),
  ],
]);

/** The language's errors, by name. `AggregateError` is not among them: it holds others. */
const errorsByName: ReadonlyMap<string, Build> = new Map<string, Build>([
  ['Error', ({ message, options }) => new Error(message, options)],
  ['TypeError', ({ message, options }) => new TypeError(message, options)],
  ['RangeError', ({ message, options }) => new RangeError(message, options)],
  ['SyntaxError', ({ message, options }) => new SyntaxError(message, options)],
  ['ReferenceError', ({ message, options }) => new ReferenceError(message, options)],
  ['EvalError', ({ message, options }) => new EvalError(message, options)],
  ['URIError', ({ message, options }) => new URIError(message, options)],
  ['AbortError', ({ message }) => new DOMException(message, 'AbortError')],
  ['TimeoutError', ({ message }) => new DOMException(message, 'TimeoutError')],
]);

/** The value itself does not cross: the message says what is to be known of it. */
function badOption(option: string, message: string, options?: ErrorOptions): Error {
  const error = new actor.BadOption(option, undefined, '', options);
  return Object.defineProperty(error, 'message', { value: message });
}

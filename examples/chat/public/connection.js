/** @typedef {import('../src/screen.ts').ScreenEvent} ScreenEvent */

const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 4_000;
/** The server says something at least every 5 s; twice that in silence, and nobody is there. */
const SILENCE_MS = 12_000;
const ANSWER_MS = 15_000;

/**
 * The line to the node that served the page: events come down one stream, requests go up by
 * POST. When the stream breaks it is opened again, for as long as the page is open.
 */
export class Connection {
  /** @type {EventSource | undefined} */
  #stream;
  #tab = '';
  #retryMs = RETRY_FIRST_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  #onEvent;
  #onBroken;

  /**
   * @param {(event: ScreenEvent) => void} onEvent
   * @param {() => void} onBroken called each time an attempt fails or the stream breaks
   */
  constructor(onEvent, onBroken) {
    this.#onEvent = onEvent;
    this.#onBroken = onBroken;
  }

  get isOpen() {
    return this.#tab !== '';
  }

  open() {
    const stream = new EventSource('api/events');
    this.#stream = stream;
    this.#expectWord(stream);
    stream.addEventListener('message', ({ data }) => {
      this.#expectWord(stream);
      const event = /** @type {ScreenEvent} */ (JSON.parse(String(data)));
      if (event.kind === 'hello') {
        this.#tab = event.tab;
        this.#retryMs = RETRY_FIRST_MS;
      }
      this.#onEvent(event);
    });
    stream.addEventListener('pulse', () => this.#expectWord(stream));
    stream.addEventListener('error', () => this.#broken(stream));
  }

  /** @param {EventSource} stream */
  #expectWord(stream) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#broken(stream), SILENCE_MS);
  }

  /** @param {EventSource} stream */
  #broken(stream) {
    if (this.#stream !== stream) return;
    // EventSource would reconnect by itself, but at its own pace and not after every error.
    stream.close();
    clearTimeout(this.#silence);
    this.#stream = undefined;
    this.#tab = '';
    this.#onBroken();
    setTimeout(() => this.open(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_LAST_MS);
  }

  /**
   * @param {'enter' | 'leave' | 'say'} action
   * @param {Record<string, unknown>} body
   * @returns {Promise<Answer>}
   */
  async post(action, body) {
    if (this.#tab === '') return unsent('this page is not connected');
    try {
      const response = await fetch(`api/${action}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, tab: this.#tab }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      return /** @type {Answer} */ (await response.json());
    } catch {
      // Whether the request got there before the connection broke, nobody can tell from here.
      return { ok: false, executed: 'unknown', why: 'the node did not answer' };
    }
  }
}

/**
 * What the server makes of a request. `executed` is the framework's word for whether a failed
 * request took effect: `no` means that trying again is safe.
 * @typedef {{ ok: true }
 *   | { ok: false, executed: 'no' | 'unknown' | 'yes', refused?: string, why: string }} Answer
 */

/** @param {string} why @returns {Answer} */
function unsent(why) {
  return { ok: false, executed: 'no', why };
}

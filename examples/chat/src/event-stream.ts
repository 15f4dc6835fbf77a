import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

const PULSE_MS = 5_000;

/**
 * Server-sent events to one page. `send` waits while the page does not read, so whoever sends
 * needs no queue here; nothing but a pulse is written unasked.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #ended = new AbortController();

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.flushHeaders();
    const pulse = setInterval(() => {
      // The page takes long silence for a dead node. One that reads nothing needs no pulse either.
      if (!response.writableNeedDrain) response.write('event: pulse\ndata: 1\n\n');
    }, PULSE_MS);
    response.once('close', () => {
      clearInterval(pulse);
      this.#ended.abort();
    });
  }

  /** Aborted when the page has gone. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** @throws the abort reason of `ended` once the page has gone */
  async send(event: object): Promise<void> {
    this.ended.throwIfAborted();
    // JSON has no raw line ends, so one event is one `data` line.
    if (this.#response.write(`data: ${JSON.stringify(event)}\n\n`)) return;
    await once(this.#response, 'drain', { signal: this.ended });
  }

  end(): void {
    this.#response.end();
  }
}

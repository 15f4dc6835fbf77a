import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventStream } from './event-stream.ts';
import { type PageFile, readPageFiles } from './page-files.ts';
import { isPortTaken } from './ports.ts';

/** What the page is told about a request; see connection.js, which reads it. */
export type Answer =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** Whether the request took effect; after `no` the page may safely try again. */
      readonly executed: 'no' | 'unknown' | 'yes';
      /** Set when trying again would bring the same answer. */
      readonly refused?: string;
      readonly why: string;
    };

export type Fields = Readonly<Record<string, unknown>>;

export interface Routes {
  /** A page has opened its stream of events. */
  readonly open: (stream: EventStream) => void;
  /** `POST /api/<name>` with a JSON object. */
  readonly actions: ReadonlyMap<string, (fields: Fields) => Promise<Answer>>;
  /** `GET /api/status`. */
  readonly status: () => Fields;
}

const BODY_BYTES_MAX = 8_192;
const CONNECTIONS_MAX = 1_000;

const HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** The page and its requests, on this machine only. Knows HTTP, and nothing of chats or actors. */
export class WebServer {
  readonly #server: Server;
  #routes: Routes | undefined;

  private constructor(readonly files: ReadonlyMap<string, PageFile>) {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Listens on `127.0.0.1:port`, or on any free port when that one is taken. */
  static async listen(port: number): Promise<WebServer> {
    const web = new WebServer(await readPageFiles());
    try {
      await web.#listen(port);
    } catch (error) {
      if (!isPortTaken(error)) throw error;
      await web.#listen(0);
    }
    return web;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** Until it is told what to serve, the server answers 503. */
  serve(routes: Routes): void {
    this.#routes = routes;
  }

  /** Ends all connections, streams included. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    try {
      await this.#route(request, response);
    } catch (error) {
      if (error instanceof BadRequest) {
        reply(response, error.status, {
          ok: false,
          executed: 'no',
          refused: 'bad-request',
          why: error.message,
        });
      } else {
        console.error('chat: a request failed:', error);
        reply(response, 500, { ok: false, executed: 'unknown', why: 'the node made a mistake' });
      }
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#refuseStrangers(request);
    const routes = this.#routes;
    if (routes === undefined) throw new BadRequest(503, 'this node is still starting');
    const [pathname = '/'] = (request.url ?? '/').split('?');
    const action = pathname.startsWith('/api/') ? pathname.slice('/api/'.length) : '';
    const act = routes.actions.get(action);
    if (act !== undefined) {
      requireMethod(request, 'POST');
      return reply(response, 200, await act(await readFields(request)));
    }
    requireMethod(request, 'GET');
    if (action === 'events') return routes.open(new EventStream(response));
    if (action === 'status') return reply(response, 200, routes.status());
    const file = this.files.get(pathname);
    if (file === undefined) throw new BadRequest(404, `there is no ${pathname} here`);
    response.writeHead(200, { 'content-type': file.type, 'content-length': file.content.length });
    response.end(file.content);
  }

  /**
   * Other sites open in the same browser must not speak for its user. A foreign name that was
   * made to resolve to this machine shows in `Host`, a foreign page in `Origin`.
   */
  #refuseStrangers({ headers }: IncomingMessage): void {
    const { port } = new URL(this.url);
    const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
    if (headers.host === undefined || !hosts.includes(headers.host)) {
      throw new BadRequest(403, `this page is at ${this.url}`);
    }
    if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
      throw new BadRequest(403, 'requests come from this page only');
    }
  }
}

class BadRequest extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

function requireMethod({ method }: IncomingMessage, expected: 'GET' | 'POST'): void {
  if (method !== expected) throw new BadRequest(405, `use ${expected} here, not ${method}`);
}

async function readFields(request: IncomingMessage): Promise<Fields> {
  if (request.headers['content-type'] !== 'application/json') {
    throw new BadRequest(415, 'send application/json');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new BadRequest(413, `at most ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Fields;
  } catch (error) {
    throw new BadRequest(400, `that is no JSON: ${String(error)}`);
  }
  throw new BadRequest(400, 'send a JSON object');
}

function reply(response: ServerResponse, status: number, body: Answer | Fields): void {
  if (response.headersSent) return void response.destroy();
  // What of the request was not read would otherwise be taken for the next one.
  if (status >= 400) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

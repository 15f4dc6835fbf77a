import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { Actor, actor, channel, type Receiver, rpc, type Sender, startNode } from 'troupe';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = CHROMIUM.find((path) => existsSync(path));
// CI installs Chromium, so a missing one fails the test there. Elsewhere its title says why it is
// skipped and what to do.
const browserTest =
  executablePath === undefined && process.env['CI'] === undefined ? test.skip : test; // No browser.
const unless = executablePath === undefined ? ' (skipped: apt-get install chromium)' : '';

interface Guest {
  readonly name: string;
  readonly at: Date;
}

@actor({ kind: 'book' })
class Book extends Actor {
  readonly #guests: Guest[] = [];
  @rpc sign(guest: Guest): readonly Guest[] {
    this.#guests.push(guest);
    return this.#guests;
  }
  @rpc burn(): void {}
  @rpc async *pages(end: number): AsyncGenerator<number> {
    for (let page = 1; page <= end; page += 1) yield page;
  }
  @rpc lines(): { readonly sender: Sender<number>; readonly receiver: Receiver<number> } {
    const { sender, receiver } = channel<number>(8);
    return { sender, receiver };
  }
  @rpc apply(body: (value: number) => Promise<number>): Promise<number> {
    return body(1);
  }
  @rpc shut(): void {
    this.stop();
  }
}

/** What runs in the page: no class of the server's, and the same references. */
const SCRIPT = `
  import { connect } from 'troupe/browser';
  const url = location.href.replace('http', 'ws') + 'troupe';
  const client = await connect(url, { token: 'ann' });
  const book = client.entity('book', 'today');
  const guests = await book.sign({ name: client.name, at: new Date(0) });
  const refusal = await book.burn().catch(({ name, executed }) => name + ', executed: ' + executed);
  const pages = [];
  for await (const page of book.pages(100)) pages.push(page);
  const { sender, receiver } = await book.lines();
  const written = (async () => {
    for (let line = 1; line <= 3_000; line += 1) await sender.send(line);
    sender.close();
  })();
  let lines = 0;
  for await (const line of receiver) lines += line;
  await written;
  const applied = await book.apply(async (value) => value + 1);
  const down = new Promise((resolve) => client.monitor(book, resolve));
  await book.shut();
  const { reason } = await down;
  document.title = [
    guests[0].name,
    guests[0].at.toISOString(),
    refusal,
    pages.length + ' pages',
    lines + ' in lines',
    applied,
    reason.kind,
  ].join('; ');
`;

async function bundle(): Promise<string> {
  const { outputFiles, warnings } = await build({
    stdin: { contents: SCRIPT, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    minify: true,
    logLevel: 'silent',
  });
  if (warnings.length > 0) throw new Error(JSON.stringify(warnings));
  return outputFiles[0]?.text ?? '';
}

/** Serves the page and its script. */
async function pages(script: string): Promise<Server> {
  const server = createServer(({ url }, response) => {
    const isScript = url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return server;
}

test('a client for browsers is bundled without anything of Node.js', async (t) => {
  const script = await bundle(); // For a browser, esbuild refuses every import of Node's.

  t.notRegex(script, /["']node:/);
  t.true(script.length < 150_000, `${script.length} bytes`);
});

browserTest(
  `a page does by its token what any client does, and no more than it may${unless}`,
  async (t) => {
    const server = await pages(await bundle());
    const { port } = server.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    await using node = await startNode({
      actors: [Book],
      outsiders: {
        listen: 'ws://any/troupe',
        server,
        origins: [origin],
        authenticate: (token) => ({ name: token }),
        permits: (_, { method }) => method !== 'burn',
      },
    });
    const browser = await chromium.launch({
      ...(executablePath !== undefined && { executablePath }),
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    });
    const page = await browser.newPage();
    const failed = new Promise<never>((_, fail) => page.once('pageerror', fail));

    await page.goto(`${origin}/`);
    await Promise.race([failed, page.waitForFunction("document.title !== ''")]);

    t.is(
      await page.title(),
      'ann; 1970-01-01T00:00:00.000Z; Unauthorized, executed: no; ' +
        '100 pages; 4501500 in lines; 2; stopped',
    );
    await browser.close();
    await node.stop();
    server.closeAllConnections();
    server.close();
  },
);

import { existsSync } from 'node:fs';
import test from 'ava';
import { chromium, type Browser, type Page } from 'playwright-core';
import { type Chat, type ChatNode, roomOn, startChat } from './chat.ts';

const PATIENCE_MS = 20_000;
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = CHROMIUM.find((path) => existsSync(path));

// CI installs Chromium, so a missing one fails the test there. Elsewhere its title says why it is
// skipped and what to do.
const browserTest =
  executablePath === undefined && process.env['CI'] === undefined ? test.skip : test; // No browser.

const unless = executablePath === undefined ? ' (skipped: apt-get install chromium)' : '';

browserTest(
  `two browsers on two nodes chat, and go on when the room's node is killed${unless}`,
  async (t) => {
    await using chat = await startChat(18_101);
    await using browser = await openBrowser();
    const room = roomOn('c');
    const ann = await browser.enter(chat, 'a', { room, nick: 'ann' });
    const bob = await browser.enter(chat, 'b', { room, nick: 'bob' });

    await say(ann, 'hello from a');
    await sees(bob, 'hello from a');
    await say(bob, 'hello from b');
    await sees(ann, 'hello from b');
    await homeIs(ann, 'c');
    await homeIs(bob, 'c');

    process.kill(nodeOf(chat, 'c').pid, 'SIGKILL');

    for (const page of [ann, bob]) {
      await page.getByText(/Node\s*c is gone; this room now lives on/).waitFor();
    }
    await say(ann, 'still here');
    await sees(bob, 'still here');
    await say(bob, 'so am I');
    await sees(ann, 'so am I');
    t.regex(chat.launcher.output, /node c is gone: it was killed by SIGKILL/);
    t.deepEqual(browser.errors, []);
  },
);

browserTest(
  `what is said while the room is on its way is said once it is there${unless}`,
  async (t) => {
    await using chat = await startChat(18_131);
    await using browser = await openBrowser();
    const room = roomOn('c');
    const ann = await browser.enter(chat, 'a', { room, nick: 'ann' });
    const bob = await browser.enter(chat, 'b', { room, nick: 'bob' });
    // Any sooner it may go to the node that has just been killed, and nobody can say what of it.
    const said = whenLost(
      ann,
      `document.querySelector('#text').value = 'in between';
       document.querySelector('#composer').requestSubmit()`,
    );

    process.kill(nodeOf(chat, 'c').pid, 'SIGKILL');
    await said;

    await sees(bob, 'in between');
    t.is(await bob.locator('#log').getByText('in between').count(), 1);
  },
);

browserTest(`who goes elsewhere while their room is on its way stays there${unless}`, async (t) => {
  await using chat = await startChat(18_281);
  await using browser = await openBrowser();
  const room = roomOn('c');
  const ann = await browser.enter(chat, 'a', { room, nick: 'ann' });
  const bob = await browser.enter(chat, 'b', { room, nick: 'bob' });
  const gone = whenLost(ann, `location.hash = '${roomOn('a')}'`);

  process.kill(nodeOf(chat, 'c').pid, 'SIGKILL');
  await gone;
  await bob.getByText(/this room now lives on/).waitFor();
  await ann.locator('#room-title').getByText(roomOn('a')).waitFor();
  await say(ann, 'over here');
  await say(bob, 'still here');

  await sees(ann, 'over here');
  await sees(bob, 'still here');
  t.is(await ann.locator('#room-title').textContent(), `# ${roomOn('a')}`);
  t.is(await bob.locator('#log').getByText('over here').count(), 0);
  t.deepEqual(browser.errors, []);
});

browserTest(`a name that is taken is refused with a reason, in the page${unless}`, async (t) => {
  await using chat = await startChat(18_161);
  await using browser = await openBrowser();
  await browser.enter(chat, 'a', { room: 'lobby', nick: 'ann' });

  const other = await browser.knock(chat, 'b', { room: 'lobby', nick: 'ann' });

  await other.getByText('Somebody here is called ann already.').waitFor();
  t.true(await other.locator('#entry').isVisible());
});

interface Wish {
  readonly room: string;
  readonly nick: string;
}

class Visitors implements AsyncDisposable {
  readonly #browser: Browser;
  /** What the pages threw, or printed as errors. */
  readonly errors: string[] = [];

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Fills in the form at the door of one node, with a browser profile of its own. */
  async knock(chat: Chat, node: string, { room, nick }: Wish): Promise<Page> {
    const page = await this.#browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.errors.push(String(error)));
    await page.goto(`${nodeOf(chat, node).url}/#${room}`);
    await page.locator('#nick').fill(nick);
    await page.getByRole('button', { name: 'Enter' }).click();
    return page;
  }

  async enter(chat: Chat, node: string, wish: Wish): Promise<Page> {
    const page = await this.knock(chat, node, wish);
    await page.locator('#entry').waitFor({ state: 'hidden' });
    await page.locator(`#people [data-nick="${wish.nick}"]`).waitFor({ state: 'attached' });
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

async function openBrowser(): Promise<Visitors> {
  if (executablePath === undefined) {
    throw new Error('no Chromium: install the package chromium, as .ci/run does');
  }
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return new Visitors(browser);
}

function nodeOf(chat: Chat, name: string): ChatNode {
  const node = chat.nodes.get(name);
  if (node === undefined) throw new TypeError(`BUG: no node ${name}`);
  return node;
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator('#text').fill(text);
  await page.locator('#text').press('Enter');
}

async function sees(page: Page, text: string): Promise<void> {
  await page.locator('#log').getByText(text, { exact: true }).waitFor();
}

async function homeIs(page: Page, node: string): Promise<void> {
  await page.locator('#home').getByText(node, { exact: true }).waitFor();
}

/** Runs `script` in the page as soon as it says that the room is lost, which it may not do long. */
function whenLost(page: Page, script: string): Promise<unknown> {
  return page.evaluate(`new Promise((resolve) => {
    const log = document.querySelector('#log');
    const observer = new MutationObserver(() => {
      if (!log.textContent.includes('does not answer. Looking for')) return;
      observer.disconnect();
      ${script};
      resolve();
    });
    observer.observe(log, { childList: true, subtree: true });
  })`);
}

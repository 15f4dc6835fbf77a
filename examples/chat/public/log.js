import { badge, element, face, hued } from './element.js';

/** @typedef {import('../src/line.ts').Person} Person */
/** @typedef {import('../src/line.ts').Said & import('../src/line.ts').Stamp} Said */

/** Lines kept on the page; older ones go as new ones come. */
const LINES_MAX = 500;
/** Lines by one person within this time stand under one heading. */
const TOGETHER_MS = 5 * 60_000;
/** So close to the end counts as reading along. */
const NEAR_END_PX = 80;

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

/** The conversation: lines, what happened between them, and own lines still on their way. */
export class Log {
  #list;
  #scroller;
  #newer;
  /** @type {{ nick: string, node: string, at: number } | undefined} */
  #last;
  /**
   * Own lines that the room has not taken yet stay at the end, in order.
   * @type {Map<string, HTMLElement>}
   */
  #pending = new Map();

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} scroller
   * @param {HTMLElement} newer appears when lines arrive below what is in view
   */
  constructor(list, scroller, newer) {
    this.#list = list;
    this.#scroller = scroller;
    this.#newer = newer;
    newer.addEventListener('click', () => this.toEnd());
    scroller.addEventListener('scroll', () => {
      if (this.#isNearEnd()) newer.hidden = true;
    });
    new ResizeObserver(() => {
      if (newer.hidden) this.toEnd();
    }).observe(scroller);
  }

  /** @param {string} room */
  clear(room) {
    this.#list.replaceChildren(
      element('li', 'empty', element('strong', '', `# ${room}`), 'This is where the room begins.'),
    );
    this.#last = undefined;
    this.#pending.clear();
    this.#newer.hidden = true;
  }

  /** @param {Said} line @param {boolean} isOwn */
  said(line, isOwn) {
    this.#pending.get(line.ref)?.remove();
    this.#pending.delete(line.ref);
    const isFirst = !this.#continues(line.by, line.at);
    this.#last = { ...line.by, at: line.at };
    this.#add(saidItem(line, isOwn, isFirst));
  }

  /**
   * A quiet remark between the lines.
   * @param {...(Node | string)} words
   */
  remark(...words) {
    this.#last = undefined;
    this.#add(element('li', 'event', ...words));
  }

  /**
   * Something that concerns everybody in the room.
   * @param {string} node whose colour it bears
   * @param {...(Node | string)} words
   * @returns {(...words: (Node | string)[]) => void} puts other words in its place
   */
  notice(node, ...words) {
    this.#last = undefined;
    const text = element('span', '', ...words);
    this.#add(hued(element('li', 'event notice', text), node));
    return (...others) => {
      const stays = this.#isNearEnd();
      text.replaceChildren(...others);
      if (stays) this.toEnd();
    };
  }

  /**
   * An own line that has been sent; it becomes an ordinary one when the room returns it.
   * @param {string} ref
   * @param {Person} by
   * @param {string} text
   */
  pending(ref, by, text) {
    if (this.#pending.has(ref)) return;
    const at = Date.now();
    const isFirst = this.#pending.size === 0 && !this.#continues(by, at);
    const item = saidItem({ by, at, text }, true, isFirst);
    item.classList.add('pending');
    this.#pending.set(ref, item);
    this.#list.append(item);
    this.toEnd();
  }

  /**
   * @param {string} ref
   * @param {string} note what the sender should know
   * @param {Record<string, () => void>} [actions] what they can do about it
   */
  annotate(ref, note, actions = {}) {
    const item = this.#pending.get(ref);
    if (item === undefined) return;
    item.querySelector('.note')?.remove();
    item.classList.toggle('failed', Object.keys(actions).length > 0);
    if (note === '') return;
    const buttons = Object.entries(actions).map(([label, act]) => {
      const button = element('button', '', label);
      button.type = 'button';
      button.addEventListener('click', act);
      return button;
    });
    const stays = this.#isNearEnd();
    item.querySelector('.body')?.append(element('span', 'note', note, ...buttons));
    if (stays) this.toEnd();
  }

  /** @param {string} ref */
  discard(ref) {
    this.#pending.get(ref)?.remove();
    this.#pending.delete(ref);
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#newer.hidden = true;
  }

  #isNearEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  /** @param {HTMLElement} item */
  #add(item) {
    const stays = this.#isNearEnd();
    const [firstPending] = this.#pending.values();
    this.#list.insertBefore(item, firstPending ?? null);
    // It may have stood under a heading from which this line now parts it.
    if (!item.classList.contains('mine')) firstPending?.classList.add('first');
    while (this.#list.childElementCount > LINES_MAX) this.#list.firstElementChild?.remove();
    if (stays) this.toEnd();
    else this.#newer.hidden = false;
  }

  /** @param {Person} by @param {number} at whether it belongs under the heading of the last line */
  #continues(by, at) {
    const last = this.#last;
    if (last === undefined || last.nick !== by.nick || last.node !== by.node) return false;
    return at - last.at < TOGETHER_MS;
  }
}

/**
 * @param {{ by: Person, at: number, text: string }} line
 * @param {boolean} isOwn
 * @param {boolean} isFirst whether it shows its heading; otherwise only screen readers get it
 */
function saidItem({ by, at, text }, isOwn, isFirst) {
  const time = element('time', '', clock.format(at));
  time.dateTime = new Date(at).toISOString();
  const heading = element('div', 'by', element('strong', '', by.nick), badge(by.node), time);
  const margin = element('span', 'margin', clock.format(at));
  margin.setAttribute('aria-hidden', 'true');
  const item = element('li', 'said', face(by), margin);
  item.append(element('div', 'body', heading, element('div', 'words', text)));
  item.classList.toggle('mine', isOwn);
  item.classList.toggle('first', isFirst);
  return hued(item, by.node);
}

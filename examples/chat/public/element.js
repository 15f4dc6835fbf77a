/**
 * Makes an element. Text goes in as text, never as markup: what people say cannot become code.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/**
 * The element of that id, which the page must have.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`the page has no ${type.name} #${id}`);
}

// The first three nodes get hues that most colour-blind people can tell apart; a letter always
// stands beside the colour anyway.
const HUES = new Map([
  ['a', 258],
  ['b', 52],
  ['c', 162],
]);

/** @param {string} node @returns {number} degrees on the colour circle, the same on every page */
export function hueOf(node) {
  const fixed = HUES.get(node);
  if (fixed !== undefined) return fixed;
  let hash = 0;
  for (const character of node) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 3_600;
  return hash / 10;
}

/**
 * Colours `target` as that node.
 * @template {HTMLElement} T
 * @param {T} target
 * @param {string} node
 * @returns {T}
 */
export function hued(target, node) {
  target.classList.add('hued');
  target.style.setProperty('--hue', String(hueOf(node)));
  return target;
}

/**
 * The mark of a node: its name on its colour. A terminal's name is long and says little.
 * @param {string} node
 */
export function badge(node) {
  const made = hued(element('span', 'badge', node.startsWith('terminal-') ? '>_' : node), node);
  made.title = `node ${node}`;
  return made;
}

/**
 * A node within a sentence: the word and its mark, never parted by a line end.
 * @param {string} node
 * @param {string} [word]
 */
export function nodeMark(node, word = 'node') {
  return element('span', 'together', `${word} `, badge(node));
}

/** @param {import('../src/line.ts').Person} person */
export function face(person) {
  const made = hued(element('span', 'face', initials(person.nick)), person.node);
  made.setAttribute('aria-hidden', 'true');
  return made;
}

const characters = new Intl.Segmenter();

/** @param {string} nick one letter of each of two words, or two of the only one */
function initials(nick) {
  const words = nick.split(/[ ._-]+/u).filter((word) => word !== '');
  const each = words.length > 1 ? 1 : 2;
  const letters = words.slice(0, 2).flatMap((word) => {
    const found = Array.from(characters.segment(word), ({ segment }) => segment);
    return found.slice(0, each);
  });
  return letters.join('').toUpperCase();
}

import { badge, element, face, hued } from './element.js';

/** @typedef {import('../src/line.ts').Person} Person */
/** @typedef {import('../src/screen.ts').NodeView} NodeView */
/** @typedef {import('../src/screen.ts').RoomView} RoomView */

/**
 * The strip of nodes at the top.
 * @param {HTMLElement} list
 * @param {readonly NodeView[]} nodes
 * @param {string} own the node that serves this page
 */
export function showCluster(list, nodes, own) {
  const guests = nodes.filter((node) => !node.hosts && node.state !== 'left');
  const items = nodes.filter((node) => node.hosts).map((node) => nodeItem(node, own));
  const here = guests.filter((node) => node.state === 'alive');
  if (here.length > 0) items.push(guestsItem(here));
  list.replaceChildren(...items);
}

/** @param {NodeView} node @param {string} own */
function nodeItem(node, own) {
  const state = node.name === own && node.state === 'alive' ? 'you are here' : node.state;
  const parts = [badge(node.name), element('span', 'word', state)];
  const item = hued(element('li', 'node'), node.name);
  item.dataset['state'] = node.state;
  item.dataset['node'] = node.name;
  item.title = `node ${node.name}: ${state}`;
  if (node.name === own || node.state !== 'alive' || node.web === undefined) item.append(...parts);
  else {
    const link = element('a', '', ...parts);
    link.href = `${node.web}/${location.hash}`;
    link.target = '_blank';
    link.rel = 'noopener';
    item.title += '; opens its page';
    item.append(link);
  }
  return item;
}

/** @param {readonly NodeView[]} guests */
function guestsItem(guests) {
  const word = guests.length === 1 ? 'terminal' : 'terminals';
  const mark = hued(element('span', 'badge', '>_'), guests[0]?.name ?? '');
  const item = element('li', 'node', mark);
  item.append(element('span', 'guest-word', `${guests.length} ${word}`));
  item.dataset['state'] = 'alive';
  item.title = guests.map((node) => node.name).join(', ');
  return item;
}

/**
 * @param {HTMLElement} list
 * @param {readonly RoomView[]} rooms
 * @param {string | undefined} current
 */
export function showRooms(list, rooms, current) {
  const names = new Set(['lobby', ...(current === undefined ? [] : [current])]);
  const known = new Map(rooms.map((room) => [room.name, room]));
  for (const name of known.keys()) names.add(name);
  const sorted = [...names].toSorted(
    (a, b) => Number(b === 'lobby') - Number(a === 'lobby') || a.localeCompare(b),
  );
  list.replaceChildren(...sorted.map((name) => roomItem(name, known.get(name), name === current)));
}

/** @param {string} name @param {RoomView | undefined} room @param {boolean} isCurrent */
function roomItem(name, room, isCurrent) {
  const link = element('a', 'room-link', element('span', 'name', name));
  link.href = `#${encodeURIComponent(name)}`;
  if (isCurrent) link.setAttribute('aria-current', 'true');
  if (room !== undefined && room.people > 0) {
    const count = element('span', 'count', String(room.people));
    count.append(element('span', 'unseen', room.people === 1 ? ' person' : ' people'));
    link.append(count, badge(room.home));
  }
  return element('li', '', link);
}

/**
 * @param {HTMLElement} list
 * @param {Iterable<Person & { away?: boolean }>} people
 * @param {string} own the nick of the person who looks
 */
export function showPeople(list, people, own) {
  const sorted = [...people].toSorted(
    (a, b) => Number(b.nick === own) - Number(a.nick === own) || a.nick.localeCompare(b.nick),
  );
  list.replaceChildren(...sorted.map((person) => personItem(person, person.nick === own)));
}

/** @param {Person & { away?: boolean }} person @param {boolean} isOwn */
function personItem(person, isOwn) {
  const name = element('span', 'name', person.nick);
  if (isOwn) name.append(' ', element('span', 'you', 'you'));
  const item = element('li', 'person', face(person), name, badge(person.node));
  item.dataset['nick'] = person.nick;
  if (person.away === true) {
    item.classList.add('away');
    item.title = `${person.nick} has not come back yet`;
  }
  return item;
}

/**
 * A button that opens a panel on narrow screens, and whatever closes it again.
 * @param {HTMLElement} button
 * @param {HTMLElement} panel
 */
export function drawer(button, panel) {
  /** @param {boolean} open */
  const set = (open) => {
    panel.classList.toggle('open', open);
    button.setAttribute('aria-expanded', String(open));
  };
  button.addEventListener('click', () => set(!panel.classList.contains('open')));
  document.addEventListener('pointerdown', ({ target }) => {
    if (!(target instanceof Node) || panel.contains(target) || button.contains(target)) return;
    set(false);
  });
  document.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape' || !panel.classList.contains('open')) return;
    set(false);
    button.focus();
  });
  panel.addEventListener('click', ({ target }) => {
    if (target instanceof HTMLElement && target.closest('a') !== null) set(false);
  });
}

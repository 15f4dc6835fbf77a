import { Connection } from './connection.js';
import { byId, element, hueOf, nodeMark } from './element.js';
import { Log } from './log.js';
import { Outbox } from './outbox.js';
import { drawer, showCluster, showPeople, showRooms } from './panels.js';

/** @typedef {import('../src/line.ts').Line} Line */
/** @typedef {import('../src/line.ts').Person} Person */
/** @typedef {import('../src/line.ts').Said & import('../src/line.ts').Stamp} Said */
/** @typedef {import('../src/screen.ts').ScreenEvent} ScreenEvent */
/** @typedef {import('../src/screen.ts').NodeView} NodeView */
/** @typedef {import('../src/screen.ts').Welcome} Welcome */

/** People of a room that moved have this long to come back before the list forgets them. */
const COME_BACK_MS = 8_000;
const ENTER_AGAIN_MS = 1_000;

const log = new Log(
  byId('log', HTMLOListElement),
  byId('scroller', HTMLDivElement),
  byId('newer', HTMLButtonElement),
);
const connection = new Connection(onEvent, onBroken);
const outbox = new Outbox(connection, log);
const ui = {
  status: byId('status', HTMLParagraphElement),
  title: byId('room-title', HTMLHeadingElement),
  home: byId('home', HTMLParagraphElement),
  count: byId('people-count', HTMLSpanElement),
  me: byId('me', HTMLParagraphElement),
  entry: byId('entry', HTMLFormElement),
  entryError: byId('entry-error', HTMLParagraphElement),
  entryWhere: byId('entry-where', HTMLParagraphElement),
  nick: byId('nick', HTMLInputElement),
  entryRoom: byId('entry-room', HTMLInputElement),
  composer: byId('composer', HTMLFormElement),
  text: byId('text', HTMLTextAreaElement),
  left: byId('left', HTMLSpanElement),
};

// One tab is one person. The id lets a tab that lost its connection take its own place again.
const me = {
  id: sessionStorage.getItem('id') ?? crypto.randomUUID(),
  nick: sessionStorage.getItem('nick') ?? '',
};
sessionStorage.setItem('id', me.id);
const state = {
  node: '',
  /** The room that is shown. @type {string | undefined} */
  room: undefined,
  /** The room that was asked for last. @type {string | undefined} */
  wanted: undefined,
  home: '',
  life: '',
  number: 0,
  /** @type {Map<string, Person & { away?: boolean }>} */
  people: new Map(),
  /** @type {readonly NodeView[]} */
  nodes: [],
  /** @type {import('../src/screen.ts').RoomView[]} */
  rooms: [],
  unread: 0,
  /**
   * Rewrites the notice of a move under way.
   * @type {((...words: (Node | string)[]) => void) | undefined}
   */
  moving: undefined,
};

/** @param {ScreenEvent} event */
function onEvent(event) {
  switch (event.kind) {
    case 'hello':
      return onHello(event.node);
    case 'cluster':
      return onCluster(event.nodes);
    case 'rooms':
      state.rooms = [...event.rooms];
      return drawRooms();
    case 'welcome':
      return onWelcome(event);
    case 'line':
      if (event.room === state.room) onLine(event.line);
      return;
    case 'lost':
      return onLost(event.home);
    case 'out':
      return onOut(event.why);
    case 'bye':
      return showStatus(`Node ${state.node} is stopping.`);
  }
}

/** @param {string} node */
function onHello(node) {
  state.node = node;
  document.documentElement.style.setProperty('--hue', String(hueOf(node)));
  showStatus('');
  drawMe();
  ui.entryWhere.replaceChildren(
    'You talk to ',
    nodeMark(node),
    ' of a small cluster. Whichever node you pick, the rooms are the same.',
  );
  if (state.wanted !== undefined) void enter(state.wanted);
  else if (me.nick !== '') void enter(roomInAddress());
  else askName('');
}

function onBroken() {
  outbox.close();
  const others = state.nodes.filter((n) => n.name !== state.node && n.state === 'alive' && n.web);
  const links = others.map((node) => {
    const link = element('a', '', `Go on by node ${node.name}`);
    link.href = `${node.web}/#${encodeURIComponent(state.room ?? roomInAddress())}`;
    return link;
  });
  const name = state.node === '' ? 'The node' : `Node ${state.node}`;
  showStatus(`${name} does not answer. This page keeps trying.`, ...links);
}

/** @param {string} words @param {...Node} links */
function showStatus(words, ...links) {
  // Only changes are written, or a screen reader would repeat them with every attempt.
  if (ui.status.firstChild?.textContent === words) return;
  ui.status.replaceChildren(words, ...links);
  ui.status.hidden = words === '';
}

/** @param {readonly NodeView[]} nodes */
function onCluster(nodes) {
  const before = new Map(state.nodes.map((node) => [node.name, node.state]));
  state.nodes = nodes;
  showCluster(byId('cluster', HTMLUListElement), nodes, state.node);
  if (state.room === undefined || before.size === 0) return;
  for (const { name, state: now, hosts } of nodes) {
    const was = before.get(name);
    if (was === now || !hosts || name === state.home) continue;
    if (now === 'down') log.remark(nodeMark(name, 'Node'), ' is gone.');
    if (now === 'left') log.remark(nodeMark(name, 'Node'), ' has left the cluster.');
    if (now === 'alive' && was !== 'suspect') log.remark(nodeMark(name, 'Node'), ' is here.');
  }
}

/** @param {Welcome} welcome */
function onWelcome(welcome) {
  const { room, home, life, people, history } = welcome;
  if (room !== state.wanted) return; // Another one was asked for meanwhile.
  const isSameRoom = room === state.room;
  const isSameLife = isSameRoom && life === state.life;
  const { home: oldHome } = state;
  if (!isSameRoom) {
    log.clear(room);
    outbox.clear();
  } else if (!isSameLife) {
    onMoved(welcome.movedFrom ?? oldHome, home);
  }
  keepPeople(people, isSameRoom);
  Object.assign(state, { room, home, life });
  for (const line of history) {
    if (!(isSameLife && line.number <= state.number)) showSaid(line);
  }
  state.number = welcome.number;
  if (!isSameRoom && history.length > 0) log.remark('You came in here.');
  ui.entry.hidden = true;
  ui.entryError.textContent = '';
  outbox.open();
  drawRoom();
  if (!isSameRoom) ui.text.focus();
}

/** @param {string} from @param {string} to */
function onMoved(from, to) {
  const isGone = state.nodes.find((node) => node.name === from)?.state !== 'alive';
  const detail = element(
    'span',
    'detail',
    'A room keeps its lines in memory, so newcomers see only what is said from here on.',
  );
  const words =
    from === to
      ? ['The room began anew on ', nodeMark(to), '.', detail]
      : isGone
        ? [nodeMark(from, 'Node'), ' is gone; this room now lives on ', nodeMark(to), '.', detail]
        : ['This room moved from ', nodeMark(from), ' to ', nodeMark(to), '.', detail];
  if (state.moving !== undefined) state.moving(...words);
  else log.notice(to, ...words);
  state.moving = undefined;
  outbox.roomBeganAnew();
}

/**
 * After a move the room knows only those who have come back so far. The others stay on the list
 * for a while, dimmed, instead of vanishing and coming back one by one.
 * @param {readonly Person[]} people
 * @param {boolean} isSameRoom
 */
function keepPeople(people, isSameRoom) {
  /** @type {typeof state.people} */
  const known = new Map(people.map((person) => [person.nick, person]));
  const alive = new Set(state.nodes.filter((n) => n.state === 'alive').map((n) => n.name));
  if (isSameRoom) {
    for (const person of state.people.values()) {
      if (known.has(person.nick) || !alive.has(person.node)) continue;
      known.set(person.nick, { ...person, away: true });
    }
  }
  state.people = known;
  setTimeout(() => {
    for (const person of known.values()) if (person.away === true) known.delete(person.nick);
    if (state.people === known) drawRoom();
  }, COME_BACK_MS);
}

/** @param {Line} line */
function onLine(line) {
  if (line.number <= state.number) return; // Seen already, as history.
  state.number = line.number;
  switch (line.kind) {
    case 'said':
      showSaid(line);
      if (document.hidden) state.unread += 1;
      drawTitle();
      return;
    case 'joined':
      state.people.set(line.who.nick, line.who);
      if (!line.back && line.who.nick !== me.nick) log.remark(`${line.who.nick} came in.`);
      break;
    case 'left':
      state.people.delete(line.who.nick);
      log.remark(...farewell(line));
      break;
  }
  drawRoom();
}

/** @param {import('../src/line.ts').Left} line */
function farewell({ who, why }) {
  if (why === 'node-down') return [`${who.nick} is gone with `, nodeMark(who.node), '.'];
  if (why === 'too-slow') return [`${who.nick} could not keep up and was let go.`];
  if (why === 'failed') return [`${who.nick} dropped out.`];
  return [`${who.nick} left.`];
}

/** @param {Said} line */
function showSaid(line) {
  outbox.arrived(line.ref);
  log.said(line, line.by.nick === me.nick);
}

/** @param {string} home */
function onLost(home) {
  outbox.close();
  state.moving ??= log.notice(
    home,
    nodeMark(home, 'Node'),
    ' does not answer. Looking for the room’s new home …',
  );
  ui.home.replaceChildren('looking for its new home …');
}

/** @param {string} why */
function onOut(why) {
  const room = state.room ?? roomInAddress();
  state.room = undefined;
  state.wanted = undefined;
  state.moving = undefined;
  outbox.close();
  askName(`You are out of the room: ${why}.`, room);
}

/** @param {string} room */
async function enter(room) {
  state.wanted = room;
  if (room !== state.room) outbox.close(); // What is typed now must not be said over there.
  const answer = await connection.post('enter', { room, nick: me.nick, id: me.id });
  if (answer.ok || state.wanted !== room) return; // The welcome comes down the stream.
  if (answer.refused === undefined) {
    // Entering twice is harmless, so it does not matter whether the first time took effect.
    const again = () => void (connection.isOpen && state.wanted === room && enter(room));
    setTimeout(again, ENTER_AGAIN_MS);
    return;
  }
  state.room = undefined;
  state.wanted = undefined;
  askName(`${answer.why}.`, room);
}

/** @param {string} error @param {string} [room] */
function askName(error, room = roomInAddress()) {
  ui.entry.hidden = false;
  ui.entryError.textContent = error === '' ? '' : error.charAt(0).toUpperCase() + error.slice(1);
  ui.nick.value = me.nick || (localStorage.getItem('nick') ?? '');
  ui.entryRoom.value = room;
  ui.nick.focus();
}

function roomInAddress() {
  // URLSearchParams takes any text, where decodeURIComponent throws at a stray percent sign.
  const name = asRoomName(new URLSearchParams(`room=${location.hash.slice(1)}`).get('room') ?? '');
  return name === '' ? 'lobby' : name;
}

function drawRoom() {
  const { room, home, people } = state;
  if (room === undefined) return;
  ui.title.textContent = `# ${room}`;
  if (state.moving === undefined) ui.home.replaceChildren('lives on ', nodeMark(home));
  ui.count.textContent = String(people.size);
  showPeople(byId('people', HTMLUListElement), people.values(), me.nick);
  drawTitle();
  drawRooms();
  drawMe();
}

function drawTitle() {
  const { unread, room } = state;
  if (room === undefined) return;
  document.title = `${unread > 0 ? `(${unread}) ` : ''}${room} · Troupe chat`;
}

function drawRooms() {
  showRooms(byId('rooms', HTMLUListElement), state.rooms, state.room);
}

function drawMe() {
  ui.me.hidden = me.nick === '' || state.node === '';
  const change = element('button', '', 'change name');
  change.type = 'button';
  change.addEventListener('click', () => askName(''));
  ui.me.replaceChildren(
    element('strong', '', me.nick),
    ' on ',
    nodeMark(state.node),
    ' · ',
    change,
  );
}

function onTyping() {
  ui.text.style.height = 'auto';
  ui.text.style.height = `${ui.text.scrollHeight}px`;
  ui.composer.classList.toggle('blank', ui.text.value.trim() === '');
  const remaining = ui.text.maxLength - ui.text.value.length;
  ui.left.textContent = remaining < 100 ? String(remaining) : '';
}

ui.text.addEventListener('input', onTyping);
ui.text.addEventListener('keydown', (event) => {
  // While an input method composes a word, Enter ends the word, not the line.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ui.composer.requestSubmit();
});
ui.composer.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = ui.text.value.trim();
  // On the way to another room the text stays where it is.
  if (text === '' || state.room === undefined || state.room !== state.wanted) return;
  outbox.say(text, { nick: me.nick, node: state.node });
  ui.text.value = '';
  onTyping();
});
ui.entry.addEventListener('submit', (event) => {
  event.preventDefault();
  me.nick = ui.nick.value.replace(/\s+/gu, ' ').trim();
  sessionStorage.setItem('nick', me.nick);
  localStorage.setItem('nick', me.nick);
  const room = asRoomName(ui.entryRoom.value);
  history.replaceState(null, '', `#${encodeURIComponent(room)}`);
  state.room = undefined;
  void enter(room);
});
byId('new-room', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const field = byId('room-name', HTMLInputElement);
  location.hash = encodeURIComponent(asRoomName(field.value));
  field.value = '';
});
window.addEventListener('hashchange', () => {
  const room = roomInAddress();
  if (room === state.wanted || me.nick === '') return;
  if (connection.isOpen) void enter(room);
  else state.wanted = room; // And once there is a connection, it is entered.
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  state.unread = 0;
  drawTitle();
});

/** @param {string} typed */
function asRoomName(typed) {
  return typed.normalize('NFC').trim().toLowerCase().replace(/\s+/gu, '-');
}

drawer(byId('rooms-toggle', HTMLButtonElement), byId('rooms-panel', HTMLElement));
drawer(byId('people-toggle', HTMLButtonElement), byId('people-panel', HTMLElement));
onTyping();
drawRooms();
connection.open();

import test from 'ava';
import { HandshakeRefused, type PeerIdentity, type RefusalReason } from '@troupe/remote';
import {
  type Admission,
  type Agreement,
  EXCHANGE_PROTOCOL,
  Handshake,
  type HandshakeOptions,
  PROTOCOL_MAX,
  type SessionState,
} from '../dist/handshake.js';

const ANN: PeerIdentity = { name: 'ann', incarnation: '1', address: 'ann:1' };
const BOB: PeerIdentity = { name: 'bob', incarnation: '7', address: '' };

type Role = 'dialler' | 'acceptor';

/** One side, what it has sent that nobody took yet, and how it ended. */
class Side {
  readonly said: Uint8Array[] = [];
  agreement: Agreement | undefined;
  /** Bytes that came after the handshake. */
  rest: Uint8Array = new Uint8Array();
  error: HandshakeRefused | undefined;
  readonly #handshake: Handshake;

  constructor(role: Role, options: Partial<HandshakeOptions> = {}) {
    const self = role === 'dialler' ? ANN : BOB;
    const all = { self, isLoopback: true, ...options };
    this.#handshake = new Handshake(role, all, (bytes) => this.said.push(bytes));
    this.#handshake.begin();
  }

  hear(bytes: Uint8Array): void {
    if (this.error !== undefined || this.agreement !== undefined) return;
    try {
      const done = this.#handshake.push(bytes);
      this.agreement = done?.agreement;
      this.rest = done?.rest ?? this.rest;
    } catch (error) {
      if (!(error instanceof HandshakeRefused)) throw error;
      this.error = error;
    }
  }

  /** All that it has to say by now. */
  take(): Uint8Array {
    return Buffer.concat(this.said.splice(0));
  }

  get outcome(): Agreement | RefusalReason | undefined {
    return this.agreement ?? this.error?.reason;
  }
}

/** Lets two sides talk until neither has anything to say. */
function converse(dialler: Side, acceptor: Side, pieces = Infinity): void {
  for (;;) {
    const [out, back] = [dialler.take(), acceptor.take()];
    if (out.length + back.length === 0) return;
    for (const piece of cut(out, pieces)) acceptor.hear(piece);
    for (const piece of cut(back, pieces)) dialler.hear(piece);
  }
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

/** A message as `DESIGN.md` describes it, made without the code under test. */
function message(type: number, body: unknown): Uint8Array {
  const json = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const head = Buffer.from([0x54, 0x52, 0x50, 0x45, type, json.length >> 8, json.length & 0xff]);
  return Buffer.concat([head, json]);
}

function bodyOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(bytes.subarray(7)).toString()) as Record<string, unknown>;
}

for (const secret of [undefined, 'secret']) {
  const known = secret === undefined ? 'without a secret' : 'with one secret';
  for (const pieces of [Infinity, 7, 1]) {
    test(`two nodes ${known} learn who the other is, in pieces of ${pieces} bytes`, (t) => {
      const [ann, bob] = [new Side('dialler', { secret }), new Side('acceptor', { secret })];

      converse(ann, bob, pieces);

      t.like(ann.agreement, { peer: BOB, protocol: PROTOCOL_MAX });
      t.like(bob.agreement, { peer: ANN, protocol: PROTOCOL_MAX });
    });
  }
}

test('what follows the handshake in the same chunk is handed on', (t) => {
  const [ann, bob] = [new Side('dialler'), new Side('acceptor')];
  bob.hear(ann.take());
  ann.hear(bob.take());

  bob.hear(Buffer.concat([ann.take(), Uint8Array.of(1, 2)]));
  ann.hear(Buffer.concat([bob.take(), Uint8Array.of(3)]));

  t.deepEqual([...bob.rest], [1, 2]);
  t.deepEqual([...ann.rest], [3]);
});

for (const [ours, theirs, common] of [
  [[1, 1], [1, 1], 1],
  [[1, 3], [1, 1], 1],
  [[1, 3], [2, 5], 3],
  [[4, 5], [2, 4], 4],
  [[1, 1], [2, 3], undefined],
  [[2, 3], [1, 1], undefined],
] as const) {
  const verdict = common === undefined ? 'have no version in common' : `speak version ${common}`;
  test(`nodes of the versions ${ours.join('–')} and ${theirs.join('–')} ${verdict}`, (t) => {
    const ann = new Side('dialler', { versions: ours });
    const bob = new Side('acceptor', { versions: theirs });

    converse(ann, bob);

    t.deepEqual([ann.agreement?.protocol, bob.agreement?.protocol], [common, common]);
    if (common !== undefined) return;
    t.deepEqual([ann.outcome, bob.outcome], ['version', 'version']);
    t.regex(ann.error?.message ?? '', /update the older one/);
  });
}

test('a peer that picks a version which was not offered is refused, and told', (t) => {
  const ann = new Side('dialler');
  ann.take();

  ann.hear(message(2, { version: PROTOCOL_MAX + 1, node: BOB, nonce: 'x' }));

  t.is(ann.outcome, 'version');
  t.deepEqual(bodyOf(ann.take()), { reason: 'version' });
});

for (const [ours, theirs] of [
  ['right', 'wrong'],
  ['right', undefined],
  [undefined, 'right'],
  ['', undefined],
  ['right', 'right '],
]) {
  test(`'${ours}' and '${theirs}' are different secrets, and both sides learn that`, (t) => {
    const ann = new Side('dialler', { secret: ours });
    const bob = new Side('acceptor', { secret: theirs });

    converse(ann, bob);

    t.is(bob.outcome, 'secret');
    t.is(ann.outcome, 'secret');
    t.regex(ann.error?.message ?? '', /start both nodes with the same secret/);
  });
}

for (const [ours, theirs] of [
  ['old', ['old', 'new']],
  [
    ['old', 'new'],
    ['old', 'new'],
  ],
  [
    ['old', 'new'],
    ['new', 'old'],
  ],
  [['new', 'old'], 'new'],
] as const) {
  const [one, other] = [ours, theirs].map((secret) => JSON.stringify(secret));
  test(`nodes a step apart in changing the secret let each other in: ${one}, ${other}`, (t) => {
    for (const [dialler, acceptor] of [
      [ours, theirs],
      [theirs, ours],
    ]) {
      const ann = new Side('dialler', { secret: dialler, isLoopback: false });
      const bob = new Side('acceptor', { secret: acceptor, isLoopback: false });

      converse(ann, bob);

      t.like(ann.agreement, { peer: BOB });
      t.like(bob.agreement, { peer: ANN });
    }
  });
}

for (const [ours, theirs] of [
  ['old', ['new', 'old']], // Let in, but not by those who have only the old one: it proves the new.
  ['old', 'new'],
  ['lost', ['new', 'old']],
  [undefined, ['new', 'old']],
] as const) {
  const [one, other] = [ours, theirs].map((secret) => JSON.stringify(secret));
  test(`who proves none that is known is refused: ${other} by ${one}`, (t) => {
    const ann = new Side('dialler', { secret: theirs });
    const bob = new Side('acceptor', { secret: ours });

    converse(ann, bob);

    t.is(bob.outcome, 'secret');
    t.is(ann.outcome, 'secret');
  });
}

test('of several secrets a node proves in return the one that was proved to it', (t) => {
  const ann = new Side('dialler', { secret: 'old' });
  const bob = new Side('acceptor', { secret: ['new', 'old'] });

  converse(ann, bob);

  t.like(ann.agreement, { peer: BOB });
});

test('a list of no secrets is none to start with', (t) => {
  t.throws(() => new Side('dialler', { secret: [] }), { instanceOf: TypeError });
});

test('the secret itself never crosses, and every handshake has bytes of its own', (t) => {
  const transcripts = [0, 1].map(() => {
    const said: Uint8Array[] = [];
    const [ann, bob] = [
      new Side('dialler', { secret: 'hush' }),
      new Side('acceptor', { secret: 'hush' }),
    ];
    for (let round = 0; round < 2; round += 1) {
      const out = ann.take();
      bob.hear(out);
      const back = bob.take();
      ann.hear(back);
      said.push(out, back);
    }
    t.like(ann.agreement, { peer: BOB, protocol: PROTOCOL_MAX });
    return said.map((bytes) => Buffer.from(bytes).toString('latin1'));
  });

  t.false(transcripts.flat().some((text) => text.includes('hush')));
  for (const [i, text] of (transcripts[0] ?? []).entries()) t.not(text, transcripts[1]?.[i]);
});

test('a recorded handshake is of no use to whoever plays it again', (t) => {
  const secret = 'secret';
  const [ann, bob] = [new Side('dialler', { secret }), new Side('acceptor', { secret })];
  const hello = ann.take();
  bob.hear(hello);
  ann.hear(bob.take());
  const proof = ann.take();
  bob.hear(proof);
  t.like(bob.agreement, { peer: ANN, protocol: PROTOCOL_MAX });

  const another = new Side('acceptor', { secret });
  another.hear(hello);
  another.take();
  another.hear(proof);

  t.is(another.outcome, 'secret');
});

test('a proof cannot be handed back to the node that gave it', (t) => {
  const ann = new Side('dialler', { secret: 'secret' });
  ann.take();
  ann.hear(message(2, { version: 1, node: BOB, nonce: 'x' }));
  const { proof } = bodyOf(ann.take());

  ann.hear(message(4, { proof }));

  t.is(ann.outcome, 'secret');
  t.is(ann.take().length, 0); // Who it has proved itself to may take that for something else.
});

test('a node is not let in by its own challenge', (t) => {
  const bob = new Side('acceptor', { secret: 'secret' });
  bob.hear(new Side('dialler').take());
  const challenge = bob.take();

  bob.hear(challenge);

  t.is(bob.outcome, 'not-troupe');
});

for (const field of ['name', 'incarnation', 'address', 'nonce'] as const) {
  test(`whoever changes the ${field} on its way is found out by the proof`, (t) => {
    const secret = 'secret';
    const [ann, bob] = [new Side('dialler', { secret }), new Side('acceptor', { secret })];
    const hello = bodyOf(ann.take());
    const node = hello['node'] as PeerIdentity;
    const changed = field === 'nonce' ? { nonce: 'x' } : { node: { ...node, [field]: 'x' } };

    bob.hear(message(1, { ...hello, ...changed }));
    ann.hear(bob.take());
    bob.hear(ann.take());

    t.is(bob.outcome, 'secret');
  });
}

test('without a secret nobody from another machine is let in', (t) => {
  const ann = new Side('dialler', { secret: 'secret', isLoopback: false });
  const bob = new Side('acceptor', { isLoopback: false });

  converse(ann, bob);

  t.is(bob.outcome, 'loopback-only');
  t.is(ann.outcome, 'loopback-only');
  t.regex(ann.error?.message ?? '', /need a secret; start both with the same one/);
});

test('without a secret no node on another machine is believed', (t) => {
  const ann = new Side('dialler', { isLoopback: false });
  ann.take();

  ann.hear(message(2, { version: 1, node: BOB, nonce: 'x' })); // It would take any proof.

  t.is(ann.outcome, 'loopback-only');
  t.deepEqual(bodyOf(ann.take()), { reason: 'loopback-only' });
});

test('with a secret another machine is as good as this one', (t) => {
  const options = { secret: 'secret', isLoopback: false };
  const [ann, bob] = [new Side('dialler', options), new Side('acceptor', options)];

  converse(ann, bob);

  t.like(ann.agreement, { peer: BOB, protocol: PROTOCOL_MAX });
});

test('who is let in is decided only once the peer has proved who it is', (t) => {
  const asked: string[] = [];
  const admit = ({ name }: PeerIdentity): Admission => {
    asked.push(name);
    return { refuse: 'duplicate' };
  };
  const liar = new Side('dialler', { secret: 'wrong' });
  converse(liar, new Side('acceptor', { secret: 'right', admit }));
  const honest = new Side('dialler', { secret: 'right' });
  converse(honest, new Side('acceptor', { secret: 'right', admit }));

  t.is(liar.outcome, 'secret');
  t.is(honest.outcome, 'duplicate');
  t.deepEqual(asked, ['ann']);
});

test('both go on with a session that both know, each from what the other lacks', (t) => {
  const proposed: SessionState = { session: 'ours', received: 7 };
  const ann = new Side('dialler', { propose: () => proposed });
  const bob = new Side('acceptor', { admit: (_, { session }) => ({ session, received: 3 }) });

  converse(ann, bob);

  t.like(ann.agreement, { session: 'ours', isResumed: true, arrived: 3 });
  t.like(bob.agreement, { session: 'ours', isResumed: true, arrived: 7 });
});

test('a session that the other side knows no more is followed by a new one, on both sides', (t) => {
  const ann = new Side('dialler', { propose: () => ({ session: 'ours', received: 7 }) });
  const bob = new Side('acceptor');

  converse(ann, bob);

  t.like(ann.agreement, { isResumed: false, arrived: 0 });
  t.deepEqual(ann.agreement?.session, bob.agreement?.session);
  t.not(ann.agreement?.session, 'ours');
});

test('nobody between the nodes can change where a session goes on', (t) => {
  const secret = 'secret';
  const ann = new Side('dialler', { secret, propose: () => ({ session: 'ours', received: 7 }) });
  const bob = new Side('acceptor', { secret });
  bob.hear(ann.take());
  ann.hear(bob.take());
  const proof = bodyOf(ann.take());

  bob.hear(message(3, { ...proof, received: 6 }));

  t.is(bob.outcome, 'secret');
});

for (const [ours, theirs] of [
  [true, true],
  [true, false],
  [false, true],
] as const) {
  const verdict = ours && theirs ? 'is' : 'is not';
  test(`there ${verdict} compression where one side says ${ours}, the other ${theirs}`, (t) => {
    const ann = new Side('dialler', { compress: ours });
    const bob = new Side('acceptor', { compress: theirs });

    converse(ann, bob);

    t.is(ann.agreement?.deflates, ours && theirs);
    t.is(bob.agreement?.deflates, ours && theirs);
  });
}

test('a connection is for a session unless the dialler says that it is for something else', (t) => {
  for (const purpose of [undefined, 'session', 'exchange', 'line'] as const) {
    const told: unknown[] = [];
    const ann = new Side('dialler', { purpose });
    const bob = new Side('acceptor', {
      admit: (_peer, proposed, wanted) => {
        told.push(wanted);
        return proposed.session === '' ? { session: 's', received: 0 } : proposed;
      },
    });

    const greeting = Buffer.concat(ann.said).toString();
    converse(ann, bob);

    t.is(greeting.includes('purpose'), purpose !== undefined && purpose !== 'session');
    t.is(ann.agreement?.purpose, purpose ?? 'session');
    t.is(bob.agreement?.purpose, purpose ?? 'session');
    t.deepEqual(told, [purpose ?? 'session']);
  }
});

test('no exchanges with a node of a version that would take them for a session', (t) => {
  for (const [ours, theirs] of [
    [EXCHANGE_PROTOCOL - 1, PROTOCOL_MAX],
    [PROTOCOL_MAX, EXCHANGE_PROTOCOL - 1],
  ] as const) {
    const ann = new Side('dialler', { purpose: 'exchange', versions: [1, ours] });
    const bob = new Side('acceptor', { versions: [1, theirs] });

    converse(ann, bob);

    t.deepEqual([ann.outcome, bob.outcome], ['version', 'version']);
  }
});

test('the dialler itself sees that an older node has not understood what it wants', (t) => {
  const ann = new Side('dialler', { purpose: 'exchange' });
  ann.take();

  ann.hear(message(2, { ...challenge, version: EXCHANGE_PROTOCOL - 1 }));

  t.is(ann.outcome, 'version');
  t.regex(String(ann.take()), /TRPE.*"version"/s); // Told, and nothing was proved.
});

for (const purpose of ['', 'lane', null, 1, ['exchange'], {}]) {
  test(`${JSON.stringify(purpose)} is nothing to want a connection for`, (t) => {
    const bob = new Side('acceptor');

    bob.hear(message(1, { ...hello, versions: [1, PROTOCOL_MAX], purpose }));

    t.is(bob.outcome, 'version');
  });
}

const hello = { versions: [1, 1], node: ANN, nonce: 'x' };
const challenge = { version: 1, node: BOB, nonce: 'x' };
const tooLong = 'x'.repeat(257);

const strange: readonly [to: Role, what: string, bytes: Uint8Array][] = [
  ['acceptor', 'a wrong first byte', Buffer.from('G')],
  ['acceptor', 'a wrong fourth byte', Buffer.from('TRPX')],
  ['acceptor', 'more than fits', Buffer.from([0x54, 0x52, 0x50, 0x45, 1, 0x08, 0x01])],
  ['acceptor', 'no JSON', message(1, '{')],
  ['acceptor', 'nothing', message(1, '')],
  ['acceptor', 'null', message(1, 'null')],
  ['acceptor', 'a text', message(1, '"x"')],
  ['acceptor', 'a hello of nobody', message(1, { ...hello, node: undefined })],
  ['acceptor', 'a hello without a name', message(1, { ...hello, node: { ...ANN, name: '' } })],
  ['acceptor', 'a name too long', message(1, { ...hello, node: { ...ANN, name: tooLong } })],
  ['acceptor', 'a numeric incarnation', message(1, { ...hello, node: { ...ANN, incarnation: 1 } })],
  ['acceptor', 'a proof before the hello', message(3, { proof: '' })],
  ['acceptor', 'a welcome', message(4, { proof: '' })],
  ['acceptor', 'a kind of message that is not known', message(99, {})],
  ['acceptor', 'a refusal for a reason that is not known', message(5, { reason: 'constructor' })],
  ['acceptor', 'two hellos', Buffer.concat([message(1, hello), message(1, hello)])],
  ['dialler', 'a hello', message(1, hello)],
  ['dialler', 'a welcome before the challenge', message(4, { proof: '' })],
  ['dialler', 'a challenge of nobody', message(2, { ...challenge, node: [] })],
  ['dialler', 'two challenges', Buffer.concat([message(2, challenge), message(2, challenge)])],
  ['dialler', 'an HTTP answer', Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
];

for (const [role, what, bytes] of strange) {
  test(`the ${role} takes this for no node of ours: ${what}`, (t) => {
    for (const size of [Infinity, 1]) {
      const side = new Side(role);

      for (const piece of cut(bytes, size)) side.hear(piece);

      t.is(side.outcome, 'not-troupe');
      t.regex(side.error?.message ?? '', /is not a Troupe node/);
    }
  });
}

for (const versions of [undefined, [], [1], ['1', '1'], [0.5, 1], [1, null], {}]) {
  test(`${JSON.stringify(versions)} are no versions`, (t) => {
    const bob = new Side('acceptor');

    bob.hear(message(1, { ...hello, versions }));

    t.is(bob.outcome, 'version');
  });
}

for (const version of [undefined, '1', NaN, 1.5, {}]) {
  test(`${JSON.stringify(version)} is no version to agree on`, (t) => {
    const ann = new Side('dialler', { versions: [1, 3] });

    ann.hear(message(2, { ...challenge, version }));

    t.is(ann.outcome, 'version');
  });
}

for (const proof of [undefined, null, 1, ['x'], 'x', 'x'.repeat(1_900), '']) {
  test(`${JSON.stringify(proof)?.slice(0, 20)} proves nothing`, (t) => {
    const bob = new Side('acceptor', { secret: 'secret' });
    bob.hear(message(1, hello));

    bob.hear(message(3, { proof }));

    t.is(bob.outcome, 'secret');
  });
}

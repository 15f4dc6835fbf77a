// Compiled, never run: what Go's compiler refuses of channels, ours does (Go: test/chan/perm.go).
import { expectTypeOf } from 'expect-type';
import {
  type Channel,
  channel,
  type Received,
  type Receiver,
  type Schema,
  select,
  type Sender,
  sending,
  type Subscription,
  ticker,
  topic,
  watch,
} from '@troupe/actor';

const c: Channel<number> = channel<number>();
let cr: Receiver<number> = c;
let cs: Sender<number> = c;
let both: Channel<number> = c;
const n: number = 0;

// @ts-expect-error -- a receiver is not both ends
both = cr;
// @ts-expect-error -- a sender is not both ends
both = cs;
// @ts-expect-error -- a sender is no receiver
cr = cs;
// @ts-expect-error -- a receiver is no sender
cs = cr;

// @ts-expect-error -- receive from what is no channel
void n.receive();
// @ts-expect-error -- send to what is no channel
void n.send(2);

void c.send(0);
expectTypeOf(c.receive()).toEqualTypeOf<Promise<number>>();
expectTypeOf(c.next()).toEqualTypeOf<Promise<Received<number>>>();

// @ts-expect-error -- a receiver does not send
void cr.send(0);
// @ts-expect-error -- not even if it can be done at once
void cr.trySend(0);
expectTypeOf(cr.receive()).toEqualTypeOf<Promise<number>>();

expectTypeOf(cs.send(0)).toEqualTypeOf<Promise<void>>();
// @ts-expect-error -- a sender does not receive
void cs.receive();
// @ts-expect-error -- nor with the end as a result
void cs.next();
// @ts-expect-error -- nor if it can be done at once
cs.tryReceive();

void select({ sent: sending(c, 0), received: c });
// @ts-expect-error -- a receiver in a send case
void select({ sent: sending(cr, 0) });
void select({ received: cr });
void select({ sent: sending(cs, 0) });
// @ts-expect-error -- a sender in a receive case
void select({ received: cs });

async function loops(): Promise<void> {
  for await (const value of cr) expectTypeOf(value).toEqualTypeOf<number>();
  // @ts-expect-error -- a loop over a sender
  for await (const _ of cs) void _;
}
void loops;

c.close();
cs.close();
// @ts-expect-error -- only who sends may close
cr.close();
// @ts-expect-error -- close of what is no channel
n.close();

// Beyond Go: a sender takes less than it could, a receiver is read as more than it is.
const anySender: Sender<number | string> = channel<number | string>();
const numbersOnly: Sender<number> = anySender;
const anyReceiver: Receiver<number | string> = cr;
void [numbersOnly, anyReceiver, both];
// @ts-expect-error -- a sender of numbers takes no string
const wrongSender: Sender<number | string> = cs;
// @ts-expect-error -- a receiver of both may yield a string
const wrongReceiver: Receiver<number> = anyReceiver;
void [wrongSender, wrongReceiver];
// @ts-expect-error -- an element of another type
void c.send('one');
// @ts-expect-error -- in a case too
sending(c, 'one');

async function outcomes(): Promise<void> {
  const r = await select({ line: channel<string>(), tick: ticker(1), off: false });
  expectTypeOf(r.case).toEqualTypeOf<'line' | 'tick'>();
  if (r.case === 'line' && r.ok) expectTypeOf(r.value).toEqualTypeOf<string>();
  if (r.case === 'tick' && r.ok) expectTypeOf(r.value).toEqualTypeOf<number>();
  expectTypeOf(topic<string>().subscribe()).toEqualTypeOf<Subscription<string>>();
  expectTypeOf(watch('on').subscribe()).toEqualTypeOf<Receiver<string>>();
}
void outcomes;

declare const text: Schema<string>;
expectTypeOf(channel(1, { schema: text })).toEqualTypeOf<Channel<string>>();
// @ts-expect-error -- the schema yields something else
channel<number>(1, { schema: text });

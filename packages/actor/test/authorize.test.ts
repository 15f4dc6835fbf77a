import test from 'ava';
import {
  Actor,
  ActorSystem,
  type CallerIdentity,
  type CallToAuthorize,
  type DeadLetter,
  defineActor,
  rpc,
  Unauthorized,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

class Safe extends Actor {
  opened = 0;
  @rpc({ authorize: ({ name }) => name === 'bank' }) open(): number {
    return (this.opened += 1);
  }
  @rpc({ authorize: (_caller, { args }) => args[0] === 'please' }) ask(word: string): string {
    return word;
  }
  @rpc({
    authorize: () => {
      throw new RangeError('no such key');
    },
  })
  broken(): void {}
  @rpc({ authorize: (async () => true) as unknown as () => boolean }) late(): void {}
  @rpc({ authorize: (() => Promise.reject(new Error('down'))) as unknown as () => boolean })
  lost(): void {}
  @rpc count(): number {
    return this.opened;
  }
}

class Vault extends Safe {
  override open(): number {
    return super.open() + 100;
  }
}

function start(name: string) {
  const letters: DeadLetter[] = [];
  const env = virtualEnv();
  const onDeadLetter = (letter: DeadLetter) => letters.push(letter);
  return { env, letters, system: new ActorSystem({ name, env, onDeadLetter }) };
}

test('a method is called only by those whom it lets in', async (t) => {
  const bank = start('bank').system.spawn(Safe);
  const thief = start('thief').system.spawn(Safe);

  t.is(await bank.open(), 1);
  const error = await t.throwsAsync(thief.open(), { instanceOf: Unauthorized });

  t.like(error, { code: 'ERR_UNAUTHORIZED', executed: 'no' });
  t.is(await thief.count(), 0);
});

test('what is wanted counts, not only who wants it', async (t) => {
  const safe = start('bank').system.spawn(Safe);

  t.is(await safe.ask('please'), 'please');
  await t.throwsAsync(safe.ask('now'), { instanceOf: Unauthorized });
});

test('a tell that is refused becomes a dead letter', async (t) => {
  const { system, letters, env } = start('thief');

  system.spawn(Safe).tell.open();
  await env.settled();

  t.like(letters, [{ method: 'open', reason: { code: 'ERR_UNAUTHORIZED' } }]);
});

test('who cannot decide does not let in, and nothing but true does', async (t) => {
  const safe = start('bank').system.spawn(Safe);

  const error = await t.throwsAsync(safe.broken(), { instanceOf: Unauthorized });
  t.true(error?.cause instanceof RangeError);
  await t.throwsAsync(safe.late(), { instanceOf: Unauthorized });
  await t.throwsAsync(safe.lost(), { instanceOf: Unauthorized });
});

test('an override is as well guarded as what it overrides', async (t) => {
  const vault = start('thief').system.spawn(Vault);

  await t.throwsAsync(vault.open(), { instanceOf: Unauthorized });
});

test('the plain form takes the same options', async (t) => {
  const seen: [CallerIdentity, CallToAuthorize][] = [];
  const Plain = defineActor(
    {
      kind: 'plain',
      rpc: { say: { authorize: (caller, call) => seen.push([caller, call]) === 1 } },
    },
    class extends Actor {
      say(text: string): string {
        return text;
      }
    },
  );
  const plain = start('bank').system.spawn(Plain);

  t.is(await plain.say('hello'), 'hello');
  await t.throwsAsync(plain.say('again'), { instanceOf: Unauthorized });
  t.deepEqual(seen[0], [
    { kind: 'node', name: 'bank' },
    { to: 'bank/plain/#1', method: 'say', args: ['hello'] },
  ]);
});

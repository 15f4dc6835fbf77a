// This folder is compiled without `experimentalDecorators`: its decorators are the standard ones.
import test from 'ava';
import { Actor, actor, ActorSystem, addressOf, NoSuchMethod, rpc } from '@troupe/actor';

@actor({ kind: 'greeter' })
class Greeter extends Actor {
  @rpc greet(name: string): string {
    return `hello ${name}`;
  }
  whisper(): string {
    return 'psst';
  }
}

class Louder extends Greeter {
  override greet(name: string): string {
    return super.greet(name).toUpperCase();
  }
}

test('standard decorators open the marked methods, and only those', async (t) => {
  await using system = new ActorSystem();
  const greeter = system.spawn(Greeter);

  t.is(await greeter.greet('ann'), 'hello ann');
  t.is(addressOf(greeter), 'local/greeter/#1');
  await t.throwsAsync(greeter.whisper(), { instanceOf: NoSuchMethod });
});

test('standard decorators follow inheritance', async (t) => {
  await using system = new ActorSystem();

  t.is(await system.spawn(Louder).greet('ann'), 'HELLO ANN');
});

test('a method with a symbol for a name cannot be marked', (t) => {
  function define(): void {
    class Odd extends Actor {
      @rpc [Symbol.iterator](): void {}
    }
    new Odd();
  }

  t.throws(define, { instanceOf: TypeError, message: /string name/ });
});

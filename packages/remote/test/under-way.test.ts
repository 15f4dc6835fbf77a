import test from 'ava';
import fc from 'fast-check';
import { UnderWay } from '../dist/under-way.js';

/** Numbers as an honest peer counts them, and such as share a slot whatever the size. */
const ids = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat({ max: 40 }).map((n) => n * 2 ** 20),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
);

test('what is under way is found by its number, whatever numbers there are', (t) => {
  const steps = fc.array(fc.tuple(fc.constantFrom('set', 'delete', 'take'), ids), {
    maxLength: 400,
  });

  fc.assert(
    fc.property(steps, (all) => {
      const underWay = new UnderWay<object>();
      const model = new Map<number, object>();
      for (const [step, id] of all) {
        if (step === 'take') t.is(underWay.take(id), model.get(id));
        if (step === 'take') model.delete(id);
        else if (step === 'delete') t.is(underWay.delete(id), model.delete(id));
        else {
          const value = { id };
          underWay.set(id, value);
          model.set(id, value);
        }
        t.is(underWay.get(id), model.get(id));
      }
      t.is(underWay.size, model.size);
      for (const [id, value] of model) t.is(underWay.get(id), value);
      const sorted = [...model].sort(([a], [b]) => a - b).map(([, value]) => value);
      t.deepEqual(underWay.values(), sorted);
    }),
  );
});

test('nothing is under way any more after clear', (t) => {
  const underWay = new UnderWay<string>();
  for (let id = 0; id < 1_000; id += 1) underWay.set(id, 'call');
  underWay.set(2 ** 40, 'stray');

  underWay.clear();

  t.is(underWay.size, 0);
  t.is(underWay.get(7), undefined);
  t.is(underWay.get(2 ** 40), undefined);
});

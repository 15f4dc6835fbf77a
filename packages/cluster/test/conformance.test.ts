import test from 'ava';
import { gossip, type Membership, staticMembers } from '@troupe/cluster';
import {
  membershipConformance,
  type MembershipUnderTest,
  reasonToSkip,
} from '@troupe/cluster/conformance';

const subjects: Readonly<Record<string, () => MembershipUnderTest>> = {
  'gossip()': () => ({ create: (seeds) => gossip({ seeds }), patienceMs: 15_000 }),
  "gossip({ profile: 'local' })": () => ({
    create: (seeds) => gossip({ seeds, profile: 'local' }),
    patienceMs: 10_000,
  }),
  'staticMembers()': () => ({ create: (seeds) => staticMembers({ seeds }), patienceMs: 10_000 }),
};

for (const [name, make] of Object.entries(subjects)) {
  for (const each of membershipConformance.cases) {
    const reason = reasonToSkip(each, make().create([]));
    if (reason === undefined) {
      test(`${name}: ${each.name}`, async (t) => {
        await t.notThrowsAsync(each.run(make));
      });
      continue;
    }
    // The suite says why, and the title carries it.
    test.skip(`${name}: ${each.name} (skipped: ${reason})`, (t) => t.pass());
  }
}

/** Memberships with one mistake each, by the case that must find it. */
const mistakes: Readonly<Record<string, Partial<Membership>>> = {
  'who leaves is known to have left by all, without suspicion': { leave: async () => {} },
  'nothing is left running when members stop, and their views can be read': {
    stop: async () => {},
  },
  'a member whose connection broke and whose address refuses is down within a second': {
    report: () => {},
  },
  'what a member says of itself reaches the others': { setMeta: () => {} },
  'observers are told of joining and leaving until they stop': { observe: () => () => {} },
  'who watches is told of the present members first, versions never falling': {
    async *watch() {},
  },
};

for (const [name, mistake] of Object.entries(mistakes)) {
  test(`the suite finds a membership that is wrong: ${name}`, async (t) => {
    const found = membershipConformance.cases.find((each) => each.name === name);
    const make = (): MembershipUnderTest => ({
      create: (seeds) => withMistake(staticMembers({ seeds }), mistake),
      patienceMs: 10_000,
    });

    await t.throwsAsync(found?.run(make) ?? Promise.resolve());
  });
}

function withMistake(membership: Membership, mistake: Partial<Membership>): Membership {
  return new Proxy(membership, {
    get(target, name) {
      const value: unknown = Reflect.get(name in mistake ? mistake : target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => Reflect.apply(value, target, args);
    },
  });
}

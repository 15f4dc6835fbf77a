import test from 'ava';
import { gossip, staticMembers } from '@troupe/cluster';
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

import test from 'ava';
import * as actor from '@troupe/actor';
import * as cluster from '@troupe/cluster';
import * as consensus from '@troupe/consensus';
import * as troupe from 'troupe';

/** For those who build nodes out of parts, which users of the umbrella package do not. */
const PARTS = new Set(['ActorSystem', 'checkChanges']);

for (const [name, parts] of Object.entries({ actor, cluster, consensus })) {
  for (const each of Object.keys(parts)) {
    if (PARTS.has(each)) continue;
    test(`troupe offers ${each} of @troupe/${name}`, (t) => {
      t.is(Reflect.get(troupe, each), Reflect.get(parts, each));
    });
  }
}

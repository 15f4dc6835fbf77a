import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '../../..');

/** The rows of its tables: a file, and the title of a test in it. */
const proofs = [
  ...readFileSync(join(root, 'docs/promises.md'), 'utf8').matchAll(
    /^\| `([^`]+)` *\| (.+?) *\|$/gm,
  ),
].map(([, file = '', title = '']) => ({ file, title }));

test('sixteen promises stand in docs/promises.md, each with a proof or with what is missing', (t) => {
  const sections = readFileSync(join(root, 'docs/promises.md'), 'utf8').split(/^## /m).slice(1);

  t.deepEqual(
    sections.map((section) => section.split(' ')[0]),
    Array.from({ length: 16 }, (_, i) => `P${i + 1}`),
  );
  for (const section of sections) t.regex(section, /^\| `|_Not yet/m, section.split('\n')[0]);
});

for (const { file, title } of proofs) {
  test(`${file} has the test '${title}'`, (t) => {
    const source = readFileSync(join(root, file), 'utf8');

    t.true(source.includes(title.replaceAll("'", "\\'")) || source.includes(title));
  });
}

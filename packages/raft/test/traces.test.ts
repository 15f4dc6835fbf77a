import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Scenario } from './scenario.ts';

/**
 * Every file in `traces` is a script with what it must print, in blocks: commands, `----`, output.
 * `REWRITE=1 npm test` writes what they print now; read the difference before you believe it.
 */
const folder = join(import.meta.dirname, '../test/traces');
const isRewriting = process.env['REWRITE'] === '1';

for (const name of readdirSync(folder)) {
  test(`trace: ${name.replace('.txt', '').replaceAll('-', ' ')}`, (t) => {
    const path = join(folder, name);
    const golden = readFileSync(path, 'utf8');

    const actual = replay(golden);

    if (isRewriting) writeFileSync(path, actual);
    t.is(actual, isRewriting ? actual : golden);
  });
}

test('a trace that prints something else is found', (t) => {
  t.is(replay('nodes a\n----\nnothing\n'), 'nodes a\n----\n');
  t.throws(() => replay('fly a\n----\n'), { message: "no such command: 'fly a'" });
});

/** Runs a script and returns it with what it prints now. */
function replay(script: string): string {
  const scenario = new Scenario();
  const blocks = script.split(/\n(?=\n)/).map((block) => {
    const [commands = ''] = block.split('\n----');
    const lines = commands.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    if (lines.length === 0) return commands;
    const output = lines.flatMap((line) => scenario.run(line));
    return [commands, '----', ...output].join('\n');
  });
  return `${blocks.join('\n').trimEnd()}\n`;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DirectoryInUse, nodeFiles, openDirectory } from '@troupe/consensus';

async function temporary(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'troupe-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test('a directory that is open cannot be opened again, until it is closed', async (t) => {
  await using directory = await temporary();
  const store = await openDirectory(directory.path, { node: 'a', reserveBytes: 0 });

  const refused = await t.throwsAsync(openDirectory(directory.path, { node: 'a' }), {
    instanceOf: DirectoryInUse,
  });
  await store.close();
  const again = await openDirectory(directory.path, { node: 'a', reserveBytes: 0 });
  await again.close();

  t.like(refused, { code: 'ERR_DIRECTORY_IN_USE', executed: 'no', pid: process.pid });
  t.true(refused.message.includes(directory.path));
});

test('what another process has open is refused while it lives, and taken over when it is dead', async (t) => {
  await using directory = await temporary();
  const files = new URL('../dist/node-files.js', import.meta.url).href;
  const child = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { nodeFiles } from '${files}';
     await nodeFiles('${directory.path}');
     console.log('open');
     process.stdin.resume();`,
  ]);
  await once(child.stdout, 'data');

  const refused = await t.throwsAsync(nodeFiles(directory.path), { instanceOf: DirectoryInUse });
  child.kill('SIGKILL');
  await once(child, 'exit');

  t.like(refused, { pid: child.pid });
  await t.notThrowsAsync(nodeFiles(directory.path));
  t.is((await readdir(directory.path)).length, 1);
});

test('a lock of a process that began at another time is not heeded', async (t) => {
  if (process.platform !== 'linux') return t.pass('only Linux says when a process began');
  await using directory = await temporary();
  await writeFile(join(directory.path, `lock-${process.pid}-1-earlier`), '');

  const files = await nodeFiles(directory.path);

  t.deepEqual(await files.list(), []); // Nor is the new one a file of the log.
  await files.close?.();
  t.deepEqual(await readdir(directory.path), []);
});

test('what is damaged, or of another node, is refused, and not kept locked', async (t) => {
  await using directory = await temporary();
  const first = await openDirectory(directory.path, { node: 'a', reserveBytes: 0 });
  await first.close();

  await t.throwsAsync(openDirectory(directory.path, { node: 'b' }), { code: 'ERR_WRONG_LOG' });
  const log = (await readdir(directory.path)).find((name) => name.startsWith('log-')) ?? '';
  await writeFile(join(directory.path, log), 'not a log');
  const damaged = await t.throwsAsync(openDirectory(directory.path, { node: 'a' }));

  t.like(damaged, { code: 'ERR_LOG_DAMAGED', executed: 'no', node: 'a' });
  t.deepEqual(
    (await readdir(directory.path)).filter((name) => name.startsWith('lock-')),
    [],
  );
});

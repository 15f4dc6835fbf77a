/** One breach a file, named by the rule that must find it. */
export const breaches: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'typescript(no-floating-promises)': {
    'packages/a/src/floating.ts': 'async function go(): Promise<void> {}\ngo();\n',
  },
  'typescript(no-misused-promises)': {
    'packages/a/src/misused.ts':
      'export async function yes(): Promise<boolean> {\n  return true;\n}\nif (yes()) await yes();\n',
  },
  'typescript(switch-exhaustiveness-check)': {
    'packages/a/src/switch.ts':
      "export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n      return;\n  }\n}\n",
  },
  'import(no-cycle)': {
    'packages/a/src/hen.ts': "import { egg } from './egg.ts';\nexport const hen = () => egg;\n",
    'packages/a/src/egg.ts': "import { hen } from './hen.ts';\nexport const egg = () => hen;\n",
  },
  'typescript(no-explicit-any)': { 'packages/a/src/any.ts': 'export const a: any = 1;\n' },
  'eslint(no-empty)': {
    'packages/a/src/empty.ts': 'try {\n  JSON.parse("1");\n} catch {}\nexport {};\n',
  },
  'eslint(eqeqeq)': {
    'packages/a/src/equal.ts': 'export const same = (a: number, b: number) => a == b;\n',
  },
  'typescript(consistent-type-imports)': {
    'packages/a/src/kind.ts':
      "import { Log } from './log.ts';\nexport const kind = (log: Log): Log => log;\n",
    'packages/a/src/log.ts': 'export interface Log {\n  a: string;\n}\n',
  },
  'eslint(max-lines-per-function)': {
    'packages/a/src/long.ts': `export function long() {\n${'  void 0;\n'.repeat(70)}}\n`,
  },
  'eslint(max-params)': {
    'packages/a/src/parameters.ts':
      'export class A {\n  constructor(readonly a: 1, readonly b: 1, readonly c: 1, readonly d: 1, e: 1) {\n    void e;\n  }\n}\n',
  },
  'eslint(no-restricted-globals)': {
    'packages/a/src/timer.ts': 'setTimeout(() => 0, 5);\n',
    'packages/a/src/interval.ts': 'globalThis.setInterval(() => 0, 5);\n',
    'packages/a/src/immediate.ts': 'setImmediate(() => 0);\n',
    'packages/a/src/elapsed.ts': 'export const at = performance.now();\n',
  },
  'eslint(no-restricted-properties)': {
    'packages/a/src/clock.ts': 'export const at = Date.now();\n',
    'packages/a/src/dice.ts': 'export const dice = Math.random();\n',
  },
  'eslint(no-restricted-imports)': {
    'packages/a/src/sleep.ts':
      "import { setTimeout as sleep } from 'node:timers/promises';\nawait sleep(5);\n",
  },
};

/** Right in `env.ts`, in a transport and in a program; wrong in any other source of a package. */
export const doors = 'export const at = Date.now() + performance.now();\nsetTimeout(() => 0, 5);\n';

/** Right in many places, and wrong in a pure core: what reaches the world, or waits for it. */
export const impurities: readonly string[] = [
  'export const at = new Date();',
  'export const at = performance.now();',
  'setTimeout(() => 0, 5);',
  'queueMicrotask(() => 0);',
  'export const later = Promise.resolve(1);',
  'export async function go(): Promise<void> {}',
  'export const dice = Math.random();',
  'export const id = crypto.randomUUID();',
  'export const { pid } = process;',
  "console.log('here');",
  "import { readFileSync } from 'node:fs';\nreadFileSync('log');",
];

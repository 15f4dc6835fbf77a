/** A block of code in a Markdown document. */
export interface Fence {
  /** What stands after the three backticks; `sh` for a block that is only indented. */
  readonly language: string;
  /** From `program=name`: fences of one document with one name are one program. */
  readonly program: string | undefined;
  /** Where its first line stands, counted from 1. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** TypeScript made of a document's fences, each line where it stands in the document. */
export interface Program {
  readonly name: string;
  readonly text: string;
}

export function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  const lines = markdown.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const info = /^```(.*)$/.exec(lines[at] ?? '')?.[1];
    if (info !== undefined) {
      const end = lines.indexOf('```', at + 1);
      if (end === -1) throw new SyntaxError(`the fence of line ${at + 1} does not end`);
      fences.push({ ...attributesOf(info), line: at + 2, lines: lines.slice(at + 1, end) });
      at = end;
    } else if (isIndentedBlock(lines, at)) {
      const length = lines.slice(at).findIndex((line) => !line.startsWith('    '));
      const block = lines.slice(at, length === -1 ? undefined : at + length);
      fences.push({ language: 'sh', program: undefined, line: at + 1, lines: block });
      at += block.length - 1;
    }
  }
  return fences;
}

function attributesOf(info: string): Pick<Fence, 'language' | 'program'> {
  const [language = '', ...attributes] = info.trim().split(/\s+/);
  const program = attributes.find((attribute) => attribute.startsWith('program='));
  return { language, program: program?.slice('program='.length) };
}

/** Four spaces after an empty line are code, unless they go on with the item of a list. */
function isIndentedBlock(lines: readonly string[], at: number): boolean {
  if (!/^ {4}\S/.test(lines[at] ?? '') || lines[at - 1] !== '') return false;
  const before = lines.slice(0, at).findLast((line) => line !== '');
  return before === undefined || !/^(?:\s|[-*] |\d+\. )/.test(before);
}

/** The programs of one document. A fence without a name is a program by itself. */
export function programsOf(fences: readonly Fence[]): Program[] {
  const byName = new Map<string, Fence[]>();
  for (const fence of fences.filter(({ language }) => language === 'ts')) {
    const name = fence.program ?? `line-${fence.line}`;
    byName.set(name, [...(byName.get(name) ?? []), fence]);
  }
  return [...byName].map(([name, parts]) => ({ name, text: joined(parts) }));
}

function joined(parts: readonly Fence[]): string {
  const lines: string[] = [];
  const claims: number[] = [];
  for (const { line, lines: code } of parts) {
    for (const [offset, source] of code.entries()) {
      const at = line + offset;
      lines[at - 1] = withClaim(source, at);
      if (lines[at - 1] !== source) claims.push(at);
    }
  }
  // The first line of a document is in no fence, so there is room for what the claims need.
  lines[0] = `import { proof } from './proof.js'; const $prove = proof([${claims.join(', ')}]);`;
  return `${Array.from(lines, (line) => line ?? '').join('\n')}\nexport {};\n`;
}

/** `expression; // => value` becomes a claim; so does `const name = expression; // => value`. */
function withClaim(source: string, line: number): string {
  const claim = /^(\s*)(.*?);?\s*\/\/ => (.+)$/.exec(source);
  if (claim === null) return source;
  const [, indent = '', statement = '', value = ''] = claim;
  const name = /^(?:const|let) (\w+)\b/.exec(statement)?.[1];
  if (name !== undefined) return `${indent}${statement}; $prove(${line}, ${name}, ${value});`;
  return `${indent}$prove(${line}, ${statement}, ${value});`;
}

/** The commands in `fence`, without comments. */
export function commandsOf({ lines }: Fence): string[] {
  return lines
    .flatMap((line) => line.replace(/(?:^|\s)#.*$/, '').split('&&'))
    .map((command) => command.trim())
    .filter((command) => command !== '');
}

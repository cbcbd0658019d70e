/**
 * The habits of CONTRIBUTING.md that a machine can see: a header that says what a file is, functions and files that
 * fit into a head, no `any`, nothing left for later. What oxlint and prettier see is theirs.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { projectRoot } from '../support/project.ts';
import { lineAt, sourceOf, sourcesBelow, type Source } from './source.ts';

/** One screen per idea. */
const MAX_FUNCTION_LINES = 70;
const MAX_FILE_LINES = 500;

/**
 * Functions that may be longer, as `path name`, each with its reason. Only flat loops over bytes belong here: cutting
 * one apart costs speed and makes it no clearer.
 */
const LONG_FUNCTIONS: ReadonlyMap<string, string> = new Map([]);

// --- functions ---

interface FunctionExtent {
  readonly name: string;
  /** 1-based, the line of its name. */
  readonly line: number;
  readonly lines: number;
}

const CONTROL = /^(?:if|for|while|switch|catch|with|return|await|throw|yield|do|else|super|new)$/;
const MODIFIERS =
  /^(?:export |default |static |override |async |get |set |public |private |protected )*/;

/**
 * The functions with a body, found by the layout that prettier gives them: the line that begins one ends with `{`,
 * or with an opening bracket whose partner stands at the same depth; the body ends with the next `}` at that depth.
 * Callbacks of `describe` and `suite` group tests and are none. Arrow functions without braces are not counted.
 */
function functionsOf(source: Source): readonly FunctionExtent[] {
  const lines = source.code.split('\n');
  const found: FunctionExtent[] = [];
  for (const [index, line] of lines.entries()) {
    const name = functionName(line.trimEnd());
    const body = name === undefined ? undefined : bodyStart(lines, index);
    if (name === undefined || body === undefined) continue;
    const end = lineAtDepth(lines, body, /^\}(?!.*\{\s*$)/);
    if (end !== undefined) found.push({ name, line: index + 1, lines: end - index + 1 });
  }
  return found;
}

/** The name of the function that seems to begin here; `bodyStart` says whether it is one. */
function functionName(line: string): string | undefined {
  if (/^\s*(?:describe|suite)(?:\.\w+)?\(/.test(line) || !/[{(<[]$/.test(line)) return undefined;
  const start = line.trimStart().replace(MODIFIERS, '');
  const declared = /^function\b\s*\*?\s*([\w$]*)/.exec(start);
  if (declared !== null) return declared[1];
  if (line.endsWith('=> {'))
    return /^(?:const|let)?\s*([\w$.]+)/.exec(start)?.[1] ?? 'arrow function';
  if (/\bfunction\b/.test(start)) return 'function';
  const [, name] = /^\*?\s*([#\w$]+)(?:<.*>)?[(<]/.exec(start) ?? [];
  return name === undefined || CONTROL.test(name) ? undefined : name;
}

/** The line whose end opens the body. A call or a signature has none. */
function bodyStart(lines: readonly string[], index: number): number | undefined {
  let at = index;
  while (!/\{\s*$/.test(lines[at] ?? '')) {
    const closing = lineAtDepth(lines, at, /^[)>\]]/);
    if (closing === undefined) return undefined;
    if (!/[{(<[]\s*$/.test(lines[closing] ?? '')) return undefined;
    at = closing;
  }
  return at;
}

/** The first line below `index`, indented as deeply, that begins with the pattern. */
function lineAtDepth(lines: readonly string[], index: number, pattern: RegExp): number | undefined {
  const depth = indentation(lines[index] ?? '');
  for (let at = index + 1; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.trim() === '' || indentation(line) > depth) continue;
    if (indentation(line) < depth) return undefined;
    if (pattern.test(line.trimStart())) return at;
  }
  return undefined;
}

function indentation(line: string): number {
  return line.length - line.trimStart().length;
}

// --- the rules: each returns what is wrong, as `path:line: what and what to do` ---

type Rule = (source: Source) => readonly string[];

/** Four words and a full stop: a sentence, not a label. */
const SENTENCE = /[A-Za-z][^.!?]*?(?:\s+[^\s.!?]+){3,}[.!?:]/;

const hasHeader: Rule = ({ path, text }) => {
  const header = /^(?:#![^\n]*\n)?\/\*\*([\s\S]*?)\*\//.exec(text)?.[1];
  const said = header?.replace(/^\s*\*/gm, ' ') ?? '';
  return SENTENCE.test(said)
    ? []
    : [
        `${path}:1: begin the file with /** … */ that says in a sentence what it is and must not know`,
      ];
};

const hasSmallFunctions: Rule = (source) =>
  functionsOf(source)
    .filter(
      ({ name, lines }) =>
        lines > MAX_FUNCTION_LINES && !LONG_FUNCTIONS.has(`${source.path} ${name}`),
    )
    .map(
      ({ name, line, lines }) =>
        `${source.path}:${line}: ${name} has ${lines} lines, more than ${MAX_FUNCTION_LINES}. Give its parts names; ` +
        'a flat byte loop goes into LONG_FUNCTIONS in test/house/style.test.ts with its reason',
    );

const isShort: Rule = ({ path, text }) => {
  const lines = text.trimEnd().split('\n').length;
  return lines > MAX_FILE_LINES
    ? [`${path}:${lines}: ${lines} lines, more than ${MAX_FILE_LINES}: it holds more than one idea`]
    : [];
};

function patternRule(part: 'code' | 'comments', pattern: RegExp, advice: string): Rule {
  return (source) =>
    Array.from(source[part].matchAll(pattern), ({ index }) => {
      return `${source.path}:${lineAt(source.text, index)}: ${advice}`;
    });
}

const RULES: Readonly<Record<string, Rule>> = {
  'opens with a header': hasHeader,
  'has functions that fit on a screen': hasSmallFunctions,
  'is one idea long': isShort,
  'has no any': patternRule(
    'code',
    /(?<![.\w$#])any(?![\w$]|\s*[(:])/g,
    'no `any`: say what it is, or take `unknown` and look',
  ),
  'leaves nothing for later': patternRule(
    'comments',
    /\b(?:TODO|FIXME|XXX|HACK)\b/g,
    'nothing is left for later in code: do it, or open an issue',
  ),
  'exports by name': patternRule(
    'code',
    /\bexport\s+default\b|\bas\s+default\b/g,
    'named exports only: one name for one thing, everywhere',
  ),
};

describe('every file', () => {
  const sources = sourcesBelow(projectRoot(), ['src', 'test', 'demo', 'bench', 'torture', 'tools']);
  for (const [name, rule] of Object.entries(RULES)) {
    it(name, () => {
      const problems = sources.flatMap(rule);
      assert.deepEqual(problems, [], problems.join('\n'));
    });
  }

  it('that is allowed a long function has one', () => {
    const long = sources.flatMap((source) =>
      functionsOf(source)
        .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
        .map(({ name }) => `${source.path} ${name}`),
    );
    assert.deepEqual(
      [...LONG_FUNCTIONS.keys()].filter((key) => !long.includes(key)),
      [],
      'take these out of LONG_FUNCTIONS',
    );
  });
});

describe('the style test itself', () => {
  const HEADER = '/** A file that exists only to be judged. */\n';
  const body = (lines: number): string => '  work();\n'.repeat(lines);

  function broken(text: string): readonly string[] {
    const source = sourceOf('src/x.ts', text);
    return Object.keys(RULES).filter((name) => (RULES[name]?.(source) ?? []).length > 0);
  }

  const bad: readonly (readonly [string, string, string])[] = [
    ['a file without a header', 'const a = 1;\n', 'opens with a header'],
    ['a header that is a label', '/** Things. */\n', 'opens with a header'],
    ['a header behind code', `const a = 1;\n${HEADER}`, 'opens with a header'],
    [
      'a long function',
      `${HEADER}function f(): void {\n${body(69)}}\n`,
      'has functions that fit on a screen',
    ],
    [
      'a long async arrow',
      `${HEADER}const f = async () => {\n${body(69)}};\n`,
      'has functions that fit on a screen',
    ],
    [
      'a long callback',
      `${HEADER}it('x', () => {\n${body(69)}});\n`,
      'has functions that fit on a screen',
    ],
    [
      'a long method',
      `${HEADER}class A {\n  async #f<T>(a: T): Promise<T> {\n${body(69).replaceAll('  ', '    ')}  }\n}\n`,
      'has functions that fit on a screen',
    ],
    [
      'a long function with long parameters',
      `${HEADER}export function f(\n  a: A,\n): B {\n${body(67)}}\n`,
      'has functions that fit on a screen',
    ],
    ['a long file', HEADER + 'a();\n'.repeat(500), 'is one idea long'],
    ['any', `${HEADER}const a: any = 1;\n`, 'has no any'],
    ['any inside a type', `${HEADER}type A = Map<string, any[]>;\n`, 'has no any'],
    ['as any', `${HEADER}f(a as any);\n`, 'has no any'],
    ['work left for later', `${HEADER}// TODO: work\n`, 'leaves nothing for later'],
    ['a default export', `${HEADER}export default function f() {}\n`, 'exports by name'],
  ];
  for (const [name, text, rule] of bad) {
    it(`finds ${name}`, () => {
      assert.deepEqual(broken(text), [rule]);
    });
  }

  const good: readonly (readonly [string, string])[] = [
    ['a shebang before the header', `#!/usr/bin/env node\n${HEADER}`],
    ['a function of 70 lines', `${HEADER}function f(): void {\n${body(68)}}\n`],
    ['two functions of 70 lines', `${HEADER}${`function f(): void {\n${body(68)}}\n`.repeat(2)}`],
    ['a long describe', `${HEADER}describe('x', () => {\n${body(100)}});\n`],
    ['a long call', `${HEADER}f(\n${body(100)});\n`],
    ['a long table', `${HEADER}const a = [\n${body(100)}];\n`],
    ['Promise.any, and the word in text', `${HEADER}Promise.any(a); // any\nf('any');\n`],
    ['the word TODO in a string', `${HEADER}f('TODO');\n`],
  ];
  for (const [name, text] of good) {
    it(`allows ${name}`, () => {
      assert.deepEqual(broken(text), []);
    });
  }

  it('counts what it sees', () => {
    const text = [
      'export async function one(',
      '  a: string,',
      '): Promise<{',
      '  b: string;',
      '}> {',
      '  if (a) {',
      '    b();',
      '  }',
      '}',
      'class Two {',
      '  get three(): number {',
      '    return 3;',
      '  }',
      '}',
      '',
    ].join('\n');
    assert.deepEqual(functionsOf(sourceOf('x.ts', text)), [
      { name: 'one', line: 1, lines: 9 },
      { name: 'three', line: 11, lines: 3 },
    ]);
  });
});

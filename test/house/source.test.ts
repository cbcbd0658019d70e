/**
 * The scanner below the house tests: what is code, what is text, what is a comment.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { projectRoot } from '../support/project.ts';
import { lineAt, sourceOf, sourcesBelow } from './source.ts';

function codeOf(text: string): string {
  return sourceOf('x.ts', text).code.replace(/ +/g, ' ');
}

describe('the scanner', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['a comment to the end of the line', 'a; // any\nb', 'a; \nb'],
    ['a block comment', 'a /* any\n any */ b', 'a \n b'],
    ['a string', `f('any', "an'y")`, `f(' ', " ")`],
    ['an escaped quote', `f('a\\'any') + any`, `f(' ') + any`],
    ['a slash pair in a string', `f('http://x') + any`, `f(' ') + any`],
    ['a quote in a comment', `// don't\nany`, ' \nany'],
    ['a template', 'f(`any`) + any', 'f(` `) + any'],
    [
      'code inside a template',
      'f(`any ${any + `any ${{ a: any }}`} any`)',
      'f(` ${any + ` ${{ a: any }}`} `)',
    ],
    ['a dollar in a template', 'f(`$ any $$`)', 'f(` `)'],
    ['a regular expression', `x.match(/any['"\`/]any/g) + any`, 'x.match(/ /g) + any'],
    ['an escaped slash', 'return /any\\/any/.test(any)', 'return / /.test(any)'],
    ['a division', 'a / b / any', 'a / b / any'],
    ['a division of a call', 'f(a) / 2 / any', 'f(a) / 2 / any'],
  ];
  for (const [name, text, expected] of cases) {
    it(`knows ${name}`, () => {
      assert.equal(codeOf(text), expected);
    });
  }

  it('keeps the comments apart', () => {
    const { comments } = sourceOf('x.ts', `a('// no'); // yes\n/* and */ b`);
    assert.equal(comments.replace(/ +/g, ' ').trim(), '// yes\n/* and */');
  });

  it('keeps every character and line in its place, in every file of the project', () => {
    const sources = sourcesBelow(projectRoot(), ['src', 'test', 'bench', 'demo', 'torture']);
    assert.ok(sources.length > 10);
    for (const { path, text, code, comments } of sources) {
      assert.equal(code.length, text.length, path);
      assert.equal(comments.length, text.length, path);
      assert.equal(code.split('\n').length, text.split('\n').length, path);
      assert.equal(braceBalance(code), 0, `${path}: the scanner lost its way`);
    }
  });

  it('counts lines from one', () => {
    assert.equal(lineAt('a\nb\nc', 0), 1);
    assert.equal(lineAt('a\nb\nc', 4), 3);
  });
});

function braceBalance(code: string): number {
  let balance = 0;
  for (const char of code) balance += char === '{' ? 1 : char === '}' ? -1 : 0;
  return balance;
}

/**
 * Texts of JSON in all the forms that the grammar allows, not only as JSON.stringify writes them; and bytes that come
 * close to it. None holds a newline. Pure.
 */
import * as fc from 'fast-check';
import { FIELDS } from '../../src/event/core.ts';

export const space = fc.constantFrom('', '', '', ' ', '\t', '\r', ' \t\r ');
const hex4 = fc.stringMatching(/^[0-9a-fA-F]{4}$/);
const characters = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 12, maxLength: 40 }) },
);
const plainText = characters.map((text) =>
  JSON.stringify(Buffer.from(text).toString()).slice(1, -1),
);
const escape = fc.oneof(
  fc.constantFrom(...Array.from('"\\/bfnrt', (letter) => `\\${letter}`)),
  hex4.map((digits) => `\\u${digits}`),
  fc.constantFrom(
    '\\ud83d\\ude80',
    '\\uD83D',
    '\\uDE80',
    '\\ud83d\\u0041',
    '\\ud83d\\ud83d\\ude80',
  ),
);
const stringText = fc
  .array(fc.oneof({ weight: 3, arbitrary: plainText }, escape), { maxLength: 6 })
  .map((parts) => `"${parts.join('')}"`);

/** Keys that differ only in halves of characters would become one key, in another order than JSON.parse has it. */
const ownKey = stringText.filter((text) => {
  const key = JSON.parse(text) as string;
  return Buffer.from(key).toString() === key;
});

/** A text with some of its characters as escapes. */
function partlyEscaped(text: string, which: number): string {
  const parts = Array.from(text, (character, index) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0');
    return ((which >> index) & 1) === 1 ? `\\u${code}` : character;
  });
  return `"${parts.join('')}"`;
}

const fieldKey = fc
  .tuple(fc.constantFrom(...FIELDS), fc.constantFrom(0, 0, 0, 1, 2, 0b1010, 0xffffff))
  .map(([field, which]) => partlyEscaped(field, which));
export const keyText = fc.oneof(
  { weight: 4, arbitrary: ownKey },
  { weight: 2, arbitrary: fieldKey },
  { weight: 1, arbitrary: fc.constantFrom('"__proto__"', '"constructor"', '""', '"kinds"') },
);

const numberText = fc.stringMatching(
  /^-?(0|[1-9][0-9]{0,22})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?$/,
);

const texts = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(stringText, numberText, fc.constantFrom('true', 'false', 'null')),
    fc
      .array(fc.tuple(space, tie('value'), space), { maxLength: 5 })
      .map((members) => `[${members.map((parts) => parts.join('')).join(',')}]`),
    fc.tuple(space, space).map(([a, b]) => `${a}[${a}${b}]${b}`),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(space, keyText, space, space, tie('value'), space), { maxLength: 6 })
    .map((members) => {
      const inner = members.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`);
      return `{${inner.join(',')}}`;
    }),
}));
export const valueText = texts.value;
export const objectText = texts.object;

// --- what is nearly JSON ---

/** Bytes of which none is a newline. */
export function withoutNewlines(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte) => (byte === 10 ? 11 : byte)));
}

export const anyBytes = fc.uint8Array({ maxLength: 60 }).map(withoutNewlines);

const TOKENS: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  '\\',
  '\\u',
  '\\ud800',
  'true',
  'false',
  'null',
  'tru',
  '0',
  '1',
  '-',
  '.',
  'e',
  'E',
  '+',
  '00',
  '1.5',
  '-0',
  '12345678901234567890',
  ' ',
  '\t',
  '"a"',
  '"a":',
  '"kind":"Event"',
  '{}',
  '[]',
  'x',
  '/',
  '\r',
  '\u0000',
  '\u007f',
  'é',
  '🚀',
  '":"',
  '","',
  '"}',
  '{"',
  'aaaaaaaaaaaaaaa',
  '\ufeff',
  '\u2028',
];
const token = fc.constantFrom(...TOKENS);
/** Made of what JSON is made of, as UTF-8; some with a byte of it gone. */
export const nearlyJson = fc
  .tuple(fc.array(token, { maxLength: 16 }), fc.boolean(), fc.option(fc.nat(), { freq: 4 }))
  .map(([tokens, inObject, gone]) => {
    const bytes = Buffer.from(inObject ? `{"a":${tokens.join('')}}` : tokens.join(''));
    if (gone === null || bytes.length === 0) return bytes;
    const at = gone % bytes.length;
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
  });

type Change = readonly [kind: 'replace' | 'insert' | 'delete' | 'repeat', at: number, byte: number];

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.constantFrom('replace', 'insert', 'delete', 'repeat'),
  fc.nat(),
  fc.oneof(
    fc.constantFrom(...Buffer.from('"\\{}[]:,0-.eEu tn/\r\u0001')),
    fc.integer({ min: 0, max: 255 }),
  ),
);

/** A line with one or a few of its bytes replaced, inserted, deleted or repeated. */
export function changesOf(line: fc.Arbitrary<Buffer>, maxChanges = 3): fc.Arbitrary<Buffer> {
  return fc
    .tuple(line, fc.array(change, { minLength: 1, maxLength: maxChanges }))
    .map(([bytes, changes]) => withoutNewlines(changes.reduce(changed, bytes)));
}

function changed(bytes: Buffer, [kind, place, byte]: Change): Buffer {
  const at = place % (bytes.length + 1);
  const rest = bytes.subarray(kind === 'insert' || kind === 'repeat' ? at : at + 1);
  if (kind === 'delete') return Buffer.concat([bytes.subarray(0, at), rest]);
  const repeated = bytes.subarray(Math.max(0, at - (byte % 20)), at);
  const added = kind === 'repeat' ? repeated : Buffer.of(byte);
  return Buffer.concat([bytes.subarray(0, at), added, rest]);
}

/** What may reach a terminal: no text, however chosen, can move the cursor, colour, hide or reorder. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { escapeControl, wantsColor } from '../../src/observe/terminal.ts';

/** What must not be left over; written down apart from the code under test, as ranges where that has categories. */
const ACTED_UPON: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff],
];

function isActedUpon(text: string): boolean {
  return Array.from(text, (char) => char.codePointAt(0) ?? 0).some((code) =>
    ACTED_UPON.some(([first, last]) => code >= first && code <= last),
  );
}

const anyText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }), // lone surrogates too
      fc.integer({ min: 0, max: 0xa0 }),
      fc.integer({ min: 0x2000, max: 0x2070 }),
      fc.integer({ min: 0xfe00, max: 0xfeff }),
      fc.integer({ min: 0xe0000, max: 0xe01ff }),
    ),
  )
  .map((codes) => String.fromCodePoint(...codes));

test('nothing that a terminal acts upon is left', () => {
  fc.assert(fc.property(anyText, (text) => !isActedUpon(escapeControl(text))));
});

test('escaping twice is escaping once', () => {
  fc.assert(
    fc.property(anyText, (text) => escapeControl(escapeControl(text)) === escapeControl(text)),
  );
});

test('harmless text comes back as it is', () => {
  const seen = /^[\p{L}\p{N}\p{P}\p{S}\p{Mc}\p{Me}\p{Zs}]*$/u;
  const fillers = /[\u115f\u1160\u3164\uffa0]/; // letters without a glyph
  const harmless = fc
    .string({ unit: 'grapheme' })
    .filter((text) => seen.test(text) && !fillers.test(text));
  fc.assert(fc.property(harmless, (text) => escapeControl(text) === text));
});

test('no two texts that differ look the same because of what is not seen', () => {
  const zeroWidth: readonly (readonly [string, string])[] = [
    ['soft hyphen', '\u00ad'],
    ['combining grapheme joiner', '\u034f'],
    ['zero width space', '\u200b'],
    ['zero width non-joiner', '\u200c'],
    ['zero width joiner', '\u200d'],
    ['word joiner', '\u2060'],
    ['invisible times', '\u2062'],
    ['Mongolian vowel separator', '\u180e'],
    ['Hangul filler', '\u3164'],
    ['variation selector', '\ufe0f'],
    ['byte order mark', '\ufeff'],
    ['interlinear annotation', '\ufff9'],
    ['tag', '\u{e0041}'],
    ['variation selector supplement', '\u{e0100}'],
  ];
  for (const [name, char] of zeroWidth) {
    const code = char.codePointAt(0) ?? 0;
    const hex = code.toString(16).padStart(code > 0xff ? 4 : 2, '0');
    const escaped = code > 0xffff ? `\\u{${hex}}` : code > 0xff ? `\\u${hex}` : `\\x${hex}`;
    assert.equal(escapeControl(`ad${char}min`), `ad${escaped}min`, name);
  }
});

test('signs that are seen stay, also those that Unicode counts as format characters', () => {
  const arabic = '\u0600\u0661 \u06dd\u0662 \u08e2\u0663 \u{110bd}';
  assert.equal(escapeControl(arabic), arabic);
});

test('each kind of control character becomes visible', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['\u001b[31m', '\\x1b[31m'],
    ['a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['\u0000\u007f\u009b', '\\x00\\x7f\\x9b'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\u202e\u2066\u200f\u061c', '\\u202e\\u2066\\u200f\\u061c'],
    ['\ud800x\udc00', '\\ud800x\\udc00'],
    ['größe 価格 😀', 'größe 価格 😀'],
  ];
  for (const [text, visible] of cases) assert.equal(escapeControl(text), visible);
});

test('colour: NO_COLOR before FORCE_COLOR before the terminal', () => {
  const terminal = { isTTY: true };
  assert.equal(wantsColor(terminal, {}), true);
  assert.equal(wantsColor(terminal, { TERM: 'dumb' }), false);
  assert.equal(wantsColor({ isTTY: false }, {}), false);
  assert.equal(wantsColor({}, {}), false);
  assert.equal(wantsColor(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' }), false);
  assert.equal(wantsColor(terminal, { NO_COLOR: '' }), true);
  assert.equal(wantsColor({}, { FORCE_COLOR: '1' }), true);
  assert.equal(wantsColor(terminal, { FORCE_COLOR: '0' }), false);
  assert.equal(wantsColor({}, { FORCE_COLOR: '' }), false);
});

/** What may reach a terminal: no text, however chosen, can move the cursor, colour, hide or reorder. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { escapeControl, wantsColor } from '../../src/observe/terminal.ts';

/** Written as a list of categories on purpose: the code under test has ranges. */
const ACTED_UPON = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

const anyText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }), // lone surrogates too
      fc.integer({ min: 0, max: 0xa0 }),
      fc.integer({ min: 0x2000, max: 0x2070 }),
    ),
  )
  .map((codes) => String.fromCharCode(...codes));

test('nothing that a terminal acts upon is left', () => {
  fc.assert(fc.property(anyText, (text) => !ACTED_UPON.test(escapeControl(text))));
});

test('escaping twice is escaping once', () => {
  fc.assert(
    fc.property(anyText, (text) => escapeControl(escapeControl(text)) === escapeControl(text)),
  );
});

test('harmless text comes back as it is', () => {
  const harmless = fc.string({ unit: 'grapheme' }).filter((text) => !ACTED_UPON.test(text));
  fc.assert(fc.property(harmless, (text) => escapeControl(text) === text));
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

/** The core against the table of what is JSON; and the table against JSON.parse, so that nobody has to believe it. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, it } from 'node:test';
import { assertAsReference, FORWARD, judged, JSON_LINES, written } from '../support/one-core.ts';
import { VECTORS } from './json-vectors.ts';

function parses(bytes: Buffer): boolean {
  if (!isUtf8(bytes)) return false;
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

function eventsOf(bytes: Buffer): readonly number[] {
  return [FORWARD, JSON_LINES].map((style) => written(bytes, style).events);
}

const inObject = (bytes: Buffer, before = '{"a":', behind = '}'): Buffer =>
  Buffer.concat([Buffer.from(before), bytes, Buffer.from(behind)]);

for (const name of new Set(VECTORS.map((vector) => vector.name))) {
  describe(name, () => {
    for (const { kind, bytes: text } of VECTORS.filter((vector) => vector.name === name)) {
      const bytes = Buffer.from(text, 'latin1');
      it(`${kind}_ ${JSON.stringify(text)}`, () => {
        assert.equal(bytes.includes(10), false);
        assert.equal(parses(bytes), kind === 'y', 'the table is right');
        assert.equal(judged(bytes) !== 'invalid', kind === 'y');
        assertAsReference(bytes);
        // As a member's value it decides about an event.
        const isEvent = parses(inObject(bytes)) ? 1 : 0;
        if (kind === 'y') assert.equal(isEvent, 1);
        assert.deepEqual(eventsOf(inObject(bytes)), [isEvent, isEvent]);
        assertAsReference(inObject(bytes, '{"a":[1,', ',"b"],"c":2}'));
        assertAsReference(inObject(bytes, '{"a":{"b":', '},"kind":"Event"}'));
      });
    }
  });
}

it('the table is long enough to be one, and says nothing twice', () => {
  const good = VECTORS.filter(({ kind }) => kind === 'y').length;
  assert.ok(good >= 80 && VECTORS.length - good >= 200, `${good} of ${VECTORS.length}`);
  for (const name of new Set(VECTORS.map((vector) => vector.name))) {
    const texts = VECTORS.filter((vector) => vector.name === name).map(({ bytes }) => bytes);
    assert.equal(new Set(texts).size, texts.length, name);
  }
});

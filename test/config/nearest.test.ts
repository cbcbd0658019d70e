/** The known word nearest to a misspelt one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { nearest, nearestHint } from '../../src/config/nearest.ts';
import { CONFIG_KEYS } from '../../src/config/schema.ts';

const key = fc.constantFrom(...CONFIG_KEYS);

test('a key is nearest to itself, however it is written', () => {
  for (const known of CONFIG_KEYS) {
    assert.equal(nearest(known, CONFIG_KEYS), known);
    assert.equal(nearest(known.toUpperCase().replaceAll('_', '-'), CONFIG_KEYS), known);
  }
});

test('a key with one letter dropped, doubled or swapped is still found', () => {
  fc.assert(
    fc.property(key, fc.nat(), fc.constantFrom('drop', 'double', 'swap'), (known, at, mistake) => {
      const i = at % (known.length - 1);
      const [a = '', b = ''] = [known[i], known[i + 1]];
      const middle = { drop: b, double: a + a + b, swap: b + a }[mistake];
      assert.equal(nearest(known.slice(0, i) + middle + known.slice(i + 2), CONFIG_KEYS), known);
    }),
  );
});

test('a word that is near to nothing gets no suggestion', () => {
  for (const word of ['webhook', 'password', '', 'x', 'x'.repeat(100_000)]) {
    assert.equal(nearest(word, CONFIG_KEYS), undefined);
    assert.equal(nearestHint(word, CONFIG_KEYS), '');
  }
});

/**
 * A short run of every fuzzer, with another seed each time: it is printed, and a case that fails says how it is
 * repeated. `npm run test:fuzz` runs them for longer.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { anySeed, fuzz } from './fuzz.ts';
import { FUZZERS } from './targets.ts';

describe('whatever the bytes are', () => {
  for (const fuzzer of FUZZERS) {
    it(`${fuzzer.name} holds`, async (t) => {
      const seed = anySeed();
      t.diagnostic(`seed ${seed}`);
      const cases = await fuzz(fuzzer, seed, { cases: fuzzer.cases, endMs: Infinity });
      assert.equal(cases, fuzzer.cases);
    });
  }
});

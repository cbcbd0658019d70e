/**
 * The sets that are drained have the sizes that the document says, and every event its own number.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeEvents } from '../../bench/inputs.ts';
import { numbersIn, Roll } from '../../bench/roll.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** So much that there is a long line. */
const BYTES = 3e6;
const LONG_BYTES = 1e6;

describe('a set of events', () => {
  const sets = [
    { level: 'Metadata', smallest: 1000, ordinary: 2500, long: 0 },
    { level: 'RequestResponse', smallest: 4000, ordinary: 42_000, long: 1 },
  ] as const;
  for (const { level, smallest, ordinary, long } of sets) {
    it(`of level ${level} is what it is said to be`, (t) => {
      const directory = join(temporaryDirectory(t), 'set');
      const input = writeEvents(directory, level, BYTES);
      const files = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
      const lines = files.flatMap((file) => file.toString().trimEnd().split('\n'));
      assert.equal(lines.length, input.events);
      assert.equal(Buffer.concat(files).length, input.bytes);
      for (const line of lines) JSON.parse(line);
      const lengths = lines.map((line) => Buffer.byteLength(line));
      assert.ok(Math.min(...lengths) >= smallest, `${Math.min(...lengths)} bytes`);
      assert.equal(lengths.filter((length) => length >= LONG_BYTES).length, long);
      assert.equal(lengths.filter((length) => length > ordinary).length, long);
      const roll = new Roll(input.events);
      for (const file of files) for (const number of numbersIn(file, 'json')) roll.call(number);
      assert.deepEqual(roll.result(), { missing: 0, repeated: 0, unknown: 0 });
    });
  }
});

/** Each mutation finds its place in the program as it is now: one that does not proves nothing when somebody runs it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { MUTATIONS } from './mutations.ts';

/** dist/src. */
const SRC = join(import.meta.dirname, '..', '..', 'src');

for (const { name, changes } of MUTATIONS) {
  it(`the mutation "${name}" can be made`, () => {
    for (const { file, find } of changes) {
      const places = readFileSync(join(SRC, file), 'utf8').split(find).length - 1;
      assert.equal(places, 1, `src/${file} holds this ${places} times, not once: ${find}`);
    }
  });
}

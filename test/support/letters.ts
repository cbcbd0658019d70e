/** Dead letters as tests read them. Knows nothing of what they hold. */
import assert from 'node:assert/strict';
import type { DeadLetters, Letter } from '../../src/deliver/dead-letter.ts';

/** A letter with its parts, which are several only of a line that is very long. */
export async function partsOf(letters: DeadLetters, path: string): Promise<readonly Letter[]> {
  const parts: Letter[] = [];
  for await (const part of letters.read(path)) parts.push(part);
  return parts;
}

/** A letter that has no parts. */
export async function letterAt(letters: DeadLetters, path: string): Promise<Letter> {
  const [letter, ...more] = await partsOf(letters, path);
  assert.ok(letter !== undefined);
  assert.deepEqual(more, []);
  return letter;
}

/**
 * Shows that the model finds mistakes: each mutation is made in a copy of the built program, and runs of the model must
 * break there. Run by hand or by CI, since it takes a while.
 *
 *     node dist/test/model/mutate.js [part of a name …]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MUTATIONS, type Change, type Mutation } from './mutations.ts';

/** dist/, where packages are found from. */
const DIST = join(import.meta.dirname, '..', '..');
/** Most are found within a hundred; a mistake that takes a fault at the right moment takes more. */
const RUNS = 1500;
/** The same runs each time. */
const SEED = 1;
/** A mutation may well make it run for ever. */
const TIMEOUT_MS = 300_000;

/** What a mutation breaks must stand there once, or it would prove nothing. */
function apply(copy: string, { file, find, replace }: Change): void {
  const path = join(copy, 'src', file);
  const text = readFileSync(path, 'utf8');
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(`src/${file} holds this ${parts.length - 1} times, not once: ${find}`);
  }
  writeFileSync(path, parts.join(replace));
}

/** @returns what the model said, when it found the mutation. */
function caught({ changes }: Mutation): string | undefined {
  const copy = mkdtempSync(join(DIST, 'mutant-'));
  try {
    for (const part of ['src', 'test'])
      cpSync(join(DIST, part), join(copy, part), { recursive: true });
    for (const change of changes) apply(copy, change);
    const main = join(copy, 'test', 'model', 'main.js');
    const args = [main, '--seed', String(SEED), '--runs', String(RUNS)];
    const { status, stdout, signal } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    });
    if (signal !== null) return `it did not end within ${TIMEOUT_MS / 1000} s`;
    return status === 0 ? undefined : stdout.trim();
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const chosen = MUTATIONS.filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
let missed = 0;
for (const mutation of chosen) {
  const said = caught(mutation);
  if (said === undefined) missed += 1;
  const lines = (said ?? `NOT FOUND within ${RUNS} runs`).split('\n');
  process.stdout.write(`${mutation.name}\n    ${lines[0]}\n    ${lines.at(-1)}\n`);
}
process.stdout.write(`${chosen.length - missed} of ${chosen.length} mutations were found\n`);
process.exitCode = missed === 0 && chosen.length > 0 ? 0 : 1;

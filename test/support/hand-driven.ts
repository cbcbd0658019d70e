/**
 * The generations of a log in a temporary directory, driven by hand: look at the directory, read, rotate, each when
 * the test says so, as the loop of a log does with its sleeps and its watch. Knows nothing of what is expected.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { GenerationSet } from '../../src/tail/generation-set.ts';
import type { LogTailOptions, Remembered } from '../../src/tail/tail.ts';
import { LogDirectory } from './log-directory.ts';
import { FOLLOWING, testParts, type TestParts } from './tail-parts.ts';
import { BufferSlab } from './slabs.ts';

/** The name of the active file. */
export const ACTIVE = 'audit.log';
/** Longer than any grace in the code. */
export const LATER_MS = 60_000;

/** A scan, or reading, that takes more steps than this does not come to an end. */
const MAX_STEPS = 10_000;
const SLAB_BYTES = 4096;

/** The name of a backup; a larger number is younger. */
export function backup(number: number): string {
  return `audit-2026-03-04T05-06-07.${String(number).padStart(3, '0')}.log`;
}

/** lumberjack's rotation: rename, and a new file. */
export function rotate(directory: LogDirectory, number: number, content = ''): void {
  directory.rename(ACTIVE, backup(number));
  directory.write(ACTIVE, content);
}

/** Looks at the directory until all files were looked at. */
export function scanAll(set: GenerationSet, full = false): void {
  set.scan(full);
  for (let steps = 0; !set.complete; steps++) {
    if (steps > MAX_STEPS) throw new Error('the scan does not come to an end');
    set.scanOn();
  }
}

/**
 * Reads everything that can be read now, in the order that the set gives.
 * @param laterMs how much later than now the set believes it to be.
 * @param onRead called after each read.
 * @returns what was read, one string for each block.
 */
export async function readAll(
  set: GenerationSet,
  laterMs = 0,
  onRead: () => void = () => undefined,
): Promise<string[]> {
  const room = new BufferSlab(SLAB_BYTES);
  const blocks: string[] = [];
  set.lookAgain();
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const now = performance.now() + laterMs;
    const generation = set.nextUnread(now);
    const harvester = generation && set.hold(generation);
    if (generation === undefined) return blocks;
    if (harvester === undefined) continue;
    const ended = set.hasEnded(generation, now);
    const { position, longLine } = generation;
    const result = await harvester.read(room, position, ended, longLine);
    if (!generation.isIntact()) set.scan(false);
    else if (result.kind === 'pending') set.reachedEnd(generation, result.end);
    else if (result.kind === 'block') {
      set.advance(generation, result.end, result.block === 'part' ? result.line : undefined);
      blocks.push(result.bytes.toString('utf8'));
    }
    onRead();
  }
  throw new Error('reading does not come to an end');
}

export interface Watched {
  readonly directory: LogDirectory;
  readonly set: GenerationSet;
  readonly parts: TestParts;
}

export interface Setup {
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly options?: Partial<LogTailOptions>;
  /** Asked when the files are there and before the set looks: what happens while nobody is there goes here. */
  readonly remembered?: (directory: LogDirectory) => readonly Remembered[];
  /** How many files may be held. */
  readonly maxHeld?: number;
  /** How much of the disk deleted files may take that are held. */
  readonly maxDeletedBytes?: number;
}

/** A set that has looked at the directory once. What it holds when the test is over must come back. */
export function watched(t: TestContext, setup: Setup = {}): Watched {
  const { files = {}, options, remembered, ...limits } = setup;
  const directory = new LogDirectory(t);
  for (const [name, content] of Object.entries(files)) directory.write(name, content);
  const parts = testParts(limits);
  const set = new GenerationSet(
    { directory: directory.path, base: ACTIVE },
    remembered?.(directory) ?? [],
    { ...FOLLOWING, ...options },
    parts,
  );
  t.after(() => {
    set.releaseAll();
    assert.equal(parts.descriptors.held, 0, 'every descriptor comes back');
  });
  scanAll(set);
  return { directory, set, parts };
}

/** What a checkpoint says of a file that was read up to `offset`. */
export function checkpoint(directory: LogDirectory, name: string, offset: number): Remembered {
  const site = { directory: directory.path, base: ACTIVE };
  const set = new GenerationSet(site, [], FOLLOWING, testParts());
  scanAll(set);
  const view = [...set.views()].find(({ path }) => path === directory.file(name));
  set.releaseAll();
  assert.ok(view !== undefined, `${name} is known`);
  const { path, fingerprint, dev, ino, size } = view;
  return { path, fingerprint, dev, ino, size, offset, orphan: false };
}

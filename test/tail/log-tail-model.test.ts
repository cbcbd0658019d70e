/**
 * A log and its follower against a model: whatever is written, rotated, compressed, copied and deleted, and however
 * often the follower is stopped and started, every line is delivered once and in order.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { LogTail } from '../../src/tail/log-tail.ts';
import type { Remembered } from '../../src/tail/tail.ts';
import { ACTIVE, backup, rotate } from '../support/hand-driven.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { FOLLOWING, testParts } from '../support/tail-parts.ts';
import { until } from '../support/until.ts';

const RUNS = 200;
/** The runs that fit: what a busy machine does not come to, the next time will. */
const TIME_LIMIT_MS = 4500;
/** Many lines are longer than the slab, some need a buffer of their own several times as large. */
const SLAB_BYTES = 64;
/** Some lines are longer, and come in parts. */
const MAX_EVENT_BYTES = 5 * SLAB_BYTES;
/** So many backups have names; no run comes near. */
const MAX_ACTIONS = 25;

/** What can happen to a log. What makes no sense at a time is left out then. */
type Action =
  | { readonly do: 'write'; readonly lengths: readonly number[] }
  /** The writer is seen in the middle of a line. */
  | { readonly do: 'write half a line' }
  | { readonly do: 'rotate' }
  | { readonly do: 'compress the oldest' }
  | { readonly do: 'delete the oldest that was read' }
  | { readonly do: 'copy and truncate' }
  | { readonly do: 'let the follower take a step' }
  | { readonly do: 'wait for the follower' }
  | { readonly do: 'stop the follower' }
  | { readonly do: 'start the follower' };

interface Backup {
  readonly name: string;
  /** Everything up to here was written when it was rotated. */
  readonly end: number;
}

/** The log on disk, its follower, and what must have come of them. */
class World {
  readonly directory: LogDirectory;
  readonly #follow: boolean;
  readonly parts = testParts({ slabBytes: SLAB_BYTES });
  /** Every line that is complete. */
  written = '';
  #half = '';
  #lines = 0;
  #activeStart = 0;
  #backups: Backup[] = [];
  #rotations = 0;
  #remembered: readonly Remembered[] = [];
  #following:
    | { readonly tail: LogTail; readonly stop: AbortController; readonly done: Promise<void> }
    | undefined;

  /** @param follow whether the follower goes on, or reads what is there and ends each time it is started. */
  constructor(directory: LogDirectory, follow: boolean) {
    this.directory = directory;
    this.#follow = follow;
    directory.write(ACTIVE, '');
  }

  async act(action: Action): Promise<void> {
    switch (action.do) {
      case 'write':
        for (const length of action.lengths) this.#writeLine(length);
        break;
      case 'write half a line':
        this.#writeHalf();
        break;
      case 'rotate':
        this.#rotate();
        break;
      case 'compress the oldest':
        this.#compress();
        break;
      case 'delete the oldest that was read':
        await this.#deleteOldest();
        break;
      case 'copy and truncate':
        await this.#copyTruncate();
        break;
      case 'let the follower take a step':
        await setImmediate();
        break;
      case 'wait for the follower':
        await this.caughtUp(this.written.length);
        break;
      case 'stop the follower':
        await this.stop();
        break;
      case 'start the follower':
        this.start();
        break;
    }
    this.check();
  }

  /** What has come so far is the beginning of what was written: nothing twice, nothing left out. */
  check(): void {
    const { text } = this.parts.sink;
    assert.equal(text, this.written.slice(0, text.length));
    assert.deepEqual(this.parts.observer.losses, []);
  }

  async caughtUp(end: number): Promise<void> {
    if (!this.#follow) return this.#readOnce();
    if (this.#following === undefined) return;
    await until(`${end} bytes`, () => {
      this.check();
      return this.parts.sink.text.length >= end;
    });
  }

  start(): void {
    if (this.#following !== undefined) return;
    const site = { directory: this.directory.path, base: ACTIVE };
    const options = { ...FOLLOWING, follow: this.#follow, maxEventBytes: MAX_EVENT_BYTES };
    const tail = new LogTail(site, this.#remembered, options, this.parts);
    const stop = new AbortController();
    this.#following = { tail, stop, done: tail.run(stop.signal) };
  }

  /** One that runs may have had its last look before the last line was written. */
  async #readOnce(): Promise<void> {
    for (let run = 0; run < 2; run++) {
      this.start();
      await this.#following?.done;
      await this.stop();
    }
    assert.equal(this.parts.sink.text, this.written);
  }

  async stop(): Promise<void> {
    if (this.#following === undefined) return;
    const { tail, stop, done } = this.#following;
    stop.abort();
    await done;
    this.#following = undefined;
    assert.equal(this.parts.descriptors.held, 0, 'every descriptor comes back');
    assert.equal(this.parts.sink.reserved, 0, 'every slot comes back');
    this.#remembered = Array.from(tail.views(), (view) => {
      const { path, fingerprint, dev, ino, size, position } = view;
      assert.ok(position <= size, 'no more was read than there is');
      return { path, fingerprint, dev, ino, size, offset: position, orphan: false };
    });
  }

  #writeHalf(): void {
    if (this.#half !== '') return;
    this.#half = `line ${++this.#lines} `;
    this.directory.append(ACTIVE, this.#half);
  }

  #writeLine(length: number): void {
    this.#writeHalf();
    const rest = `${'x'.repeat(length)}\n`;
    this.directory.append(ACTIVE, rest);
    this.written += this.#half + rest;
    this.#half = '';
  }

  #endLine(): void {
    if (this.#half !== '') this.#writeLine(0);
  }

  #addBackup(): void {
    this.#backups.push({ name: backup(this.#rotations), end: this.written.length });
    this.#activeStart = this.written.length;
  }

  #rotate(): void {
    this.#endLine();
    rotate(this.directory, ++this.#rotations);
    this.#addBackup();
  }

  /** As lumberjack's mill, seen in the middle of its work. */
  #compress(): void {
    const oldest = this.#backups.find(({ name }) => !name.endsWith('.gz'));
    if (oldest === undefined) return;
    const { name, end } = oldest;
    const packed = gzipSync(readFileSync(this.directory.file(name)));
    const path = this.directory.file(`${name}.gz`);
    writeFileSync(path, packed.subarray(0, packed.length / 2));
    writeFileSync(path, packed);
    this.directory.remove(name);
    this.#backups = this.#backups.map((one) =>
      one === oldest ? { name: `${name}.gz`, end } : one,
    );
  }

  async #deleteOldest(): Promise<void> {
    const [oldest] = this.#backups;
    if (oldest === undefined) return;
    await this.caughtUp(oldest.end);
    if (this.parts.sink.text.length < oldest.end) return;
    this.#backups = this.#backups.slice(1);
    this.directory.remove(oldest.name);
  }

  /** The follower knows the file by its first line; of what comes right before the copy it may know nothing. */
  async #copyTruncate(): Promise<void> {
    this.#endLine();
    if (this.written.length === this.#activeStart) this.#writeLine(3);
    await this.caughtUp(this.#activeStart + 1);
    this.#writeLine(5);
    this.directory.copyTruncate(ACTIVE, backup(++this.#rotations));
    this.#addBackup();
  }
}

const length = fc.oneof(
  { weight: 5, arbitrary: fc.nat({ max: 20 }) },
  { weight: 2, arbitrary: fc.integer({ min: SLAB_BYTES - 12, max: SLAB_BYTES }) },
  { weight: 1, arbitrary: fc.integer({ min: SLAB_BYTES, max: 10 * SLAB_BYTES }) },
);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(length, { minLength: 1, maxLength: 6 })
      .map((lengths): Action => ({ do: 'write', lengths })),
  },
  {
    weight: 10,
    arbitrary: fc
      .constantFrom(
        'write half a line',
        'rotate',
        'rotate',
        'compress the oldest',
        'delete the oldest that was read',
        'copy and truncate',
        'let the follower take a step',
        'let the follower take a step',
        'wait for the follower',
        'stop the follower',
        'start the follower',
      )
      .map((what): Action => ({ do: what })),
  },
);

async function play(actions: readonly Action[], follow: boolean): Promise<void> {
  const removals: (() => void)[] = [];
  const directory = new LogDirectory({ after: (remove) => removals.push(remove) });
  const world = new World(directory, follow);
  try {
    world.start();
    for (const one of actions) await world.act(one);
    world.start();
    await world.caughtUp(world.written.length);
    world.check();
  } finally {
    await world.stop();
    for (const remove of removals) remove();
  }
}

for (const [how, follow] of [
  ['following', true],
  ['reading what is there, again and again', false],
] as const) {
  it(`${how}: every line is delivered exactly once and in order, whatever happens`, async (t) => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
    let runs = 0;
    t.after(() => t.diagnostic(`${runs} runs, SEED=${seed}`));
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: MAX_ACTIONS }), async (actions) => {
        runs += 1;
        await play(actions, follow);
      }),
      {
        seed,
        numRuns: RUNS,
        interruptAfterTimeLimit: TIME_LIMIT_MS,
        markInterruptAsFailure: false,
      },
    );
  });
}

/**
 * Losses against a model: a log is read in runs that are stopped at any moment, few files can be held, and between
 * the runs anything may be deleted. What was seen and not delivered is counted as lost, to the byte, and once.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { LogTail } from '../../src/tail/log-tail.ts';
import type { Remembered } from '../../src/tail/tail.ts';
import { ACTIVE, backup, rotate } from '../support/hand-driven.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { FOLLOWING, testParts } from '../support/tail-parts.ts';

const RUNS = 250;
/** A few lines fit. */
const SLAB_BYTES = 64;
/** Most backups are not held, and vanish when they are deleted. */
const MAX_HELD = 2;

type Action =
  | { readonly do: 'write'; readonly lengths: readonly number[] }
  | { readonly do: 'rotate' | 'compress the oldest' | 'delete the oldest' | 'read all' }
  /** Reads some blocks and is stopped in the middle. */
  | { readonly do: 'read some'; readonly blocks: number };

/** A generation as the model knows it. */
interface Generation {
  name: string;
  content: string;
  /** What is delivered of it in the end; undefined while it is not decided: all of it. */
  delivered: string | undefined;
}

class World {
  readonly #directory: LogDirectory;
  readonly #parts = testParts({ slabBytes: SLAB_BYTES, maxHeld: MAX_HELD });
  readonly #generations: Generation[] = [{ name: ACTIVE, content: '', delivered: undefined }];
  #remembered: readonly Remembered[] = [];
  #lines = 0;
  #rotations = 0;
  #lostBytes = 0;

  constructor(directory: LogDirectory) {
    this.#directory = directory;
    directory.write(ACTIVE, '');
  }

  async act(action: Action): Promise<void> {
    switch (action.do) {
      case 'write':
        for (const length of action.lengths) this.#write(length);
        break;
      case 'rotate':
        this.#rotate();
        break;
      case 'compress the oldest':
        this.#compress();
        break;
      case 'delete the oldest':
        this.#delete();
        break;
      case 'read all':
        await this.read();
        break;
      case 'read some':
        await this.read(action.blocks);
        break;
    }
  }

  /** One run; without a number of blocks it goes to the end, and everything must be right then. */
  async read(blocks = Infinity): Promise<void> {
    const site = { directory: this.#directory.path, base: ACTIVE };
    const options = { ...FOLLOWING, follow: false };
    const tail = new LogTail(site, this.#remembered, options, this.#parts);
    const stop = new AbortController();
    let delivered = 0;
    this.#parts.sink.onDelivered = () => {
      delivered += 1;
      if (delivered === blocks) stop.abort();
    };
    await tail.run(stop.signal);
    assert.equal(this.#parts.descriptors.held, 0);
    this.#remembered = Array.from(tail.views(), (view) => {
      const { path, fingerprint, dev, ino, size, position } = view;
      return { path, fingerprint, dev, ino, size, offset: position, orphan: false };
    });
    if (!stop.signal.aborted) this.#check();
  }

  #check(): void {
    const all = this.#generations.map(({ content, delivered }) => delivered ?? content);
    assert.equal(this.#parts.sink.text, all.join(''));
    const lost = this.#parts.observer.losses.map(({ start, end }) => end - start);
    assert.equal(
      lost.reduce((sum, bytes) => sum + bytes, 0),
      this.#lostBytes,
    );
  }

  #active(): Generation {
    const active = this.#generations.at(-1);
    assert.ok(active !== undefined);
    return active;
  }

  #write(length: number): void {
    const line = `line ${++this.#lines} ${'x'.repeat(length)}\n`;
    this.#directory.append(ACTIVE, line);
    this.#active().content += line;
  }

  #rotate(): void {
    rotate(this.#directory, ++this.#rotations);
    this.#active().name = backup(this.#rotations);
    this.#generations.push({ name: ACTIVE, content: '', delivered: undefined });
  }

  /** Of those that are there and are not the active file. */
  #oldest(): Generation | undefined {
    return this.#generations.slice(0, -1).find(({ delivered }) => delivered === undefined);
  }

  #compress(): void {
    const oldest = this.#oldest();
    if (oldest === undefined || oldest.name.endsWith('.gz')) return;
    this.#directory.gzip(oldest.name);
    oldest.name += '.gz';
  }

  /** What nobody has seen cannot be missed. */
  #delete(): void {
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    this.#directory.remove(oldest.name);
    const [firstLine = ''] = oldest.content.split('\n');
    const hash = createHash('sha256').update(firstLine).digest('hex').slice(0, 32);
    const known = this.#remembered.find(({ fingerprint }) => fingerprint === hash);
    oldest.delivered = oldest.content.slice(0, known?.offset ?? 0);
    if (known !== undefined) this.#lostBytes += known.size - known.offset;
  }
}

const lengths = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 8 });
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: lengths.map((of): Action => ({ do: 'write', lengths: of })) },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: 1, max: 5 })
      .map((blocks): Action => ({ do: 'read some', blocks })),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('rotate', 'rotate', 'compress the oldest', 'delete the oldest', 'read all')
      .map((what): Action => ({ do: what })),
  },
);

it('what was seen and is deleted before it was delivered is lost, and counted to the byte', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      const removals: (() => void)[] = [];
      const world = new World(new LogDirectory({ after: (remove) => removals.push(remove) }));
      try {
        for (const one of actions) await world.act(one);
        await world.read();
      } finally {
        for (const remove of removals) remove();
      }
    }),
    { numRuns: RUNS },
  );
});

/** A source is cut into blocks of whole lines: nothing is lost, nothing is torn, and little is held at a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { BlockKind, LongLine } from '../../src/event/block.ts';
import {
  BlockReader,
  type BlockReaderLimits,
  type ReadBlock,
} from '../../src/tail/block-reader.ts';
import type { ByteSource } from '../../src/tail/source.ts';
import type { LineReducer } from '../../src/tail/tail.ts';
import { BufferSlab } from '../support/slabs.ts';
import { refuser } from '../support/tail-parts.ts';

const NEWLINE = 10;
/** A UTF-8 character has up to four bytes: with less room, a part could not move on. */
const MIN_SLAB_BYTES = 4;

/** A file that grows: the first `visible` bytes of the content are there. */
class GrowingSource implements ByteSource {
  readonly #content: Buffer;
  readonly #stepBytes: number;
  visible = 0;
  /** The most that was asked for at once. */
  largest = 0;
  /** How much was given in all. */
  given = 0;

  constructor(content: Buffer, stepBytes: number = Infinity) {
    this.#content = content;
    this.#stepBytes = stepBytes;
  }

  read(into: Buffer, position: number): Promise<number> {
    this.largest = Math.max(this.largest, into.length);
    const end = Math.min(this.visible, position + Math.min(into.length, this.#stepBytes));
    const bytes = this.#content.copy(into, 0, position, Math.max(position, end));
    this.given += bytes;
    return Promise.resolve(bytes);
  }

  close(): void {}
}

/** Of a line that begins with r it makes one that tells what it was fed, as far as there is room. */
class TellingReducer implements LineReducer {
  readonly #maxBytes: number;
  #text = '';

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(piece: Buffer): void {
    this.#text += piece.toString('latin1');
  }

  end(): ReturnType<LineReducer['end']> {
    if (!this.#text.startsWith('r')) return { refusal: 'no r' };
    return { line: Buffer.from(tellOf(this.#text, this.#maxBytes), 'latin1') };
  }
}

function tellOf(line: string, maxBytes: number): string {
  return `${`${line.length} ${line.slice(-3)}`.slice(0, maxBytes - 1)}\n`;
}

interface Cut {
  readonly kind: BlockKind;
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
  readonly line: LongLine | undefined;
}

interface Setting {
  readonly slabBytes: number;
  readonly maxEventBytes: number;
  /** How many bytes are there at each time; then all of them. */
  readonly growth?: readonly number[];
  /** The most that one read of the source gives. */
  readonly stepBytes?: number;
  readonly ended?: boolean;
}

function limitsOf({ maxEventBytes }: Setting): BlockReaderLimits {
  return { maxEventBytes, makeReducer: () => new TellingReducer(maxEventBytes) };
}

/** Reads the next block, in as many steps as it takes; undefined when there is none for now. */
async function next(
  reader: BlockReader,
  slabBytes: number,
  position: number,
  ended: boolean,
  line?: LongLine,
): Promise<ReadBlock | undefined> {
  for (;;) {
    // A place has its own slab again when the block before is settled.
    const result = await reader.read(new BufferSlab(slabBytes), position, ended, line);
    if (result.kind === 'block') return result;
    if (result.kind === 'passed') assert.ok(result.bytes > 0, 'each step comes further');
    else {
      assert.ok(!ended || result.end === position, 'nothing is pending at the end');
      return undefined;
    }
  }
}

/** Reads all blocks that there are as the content grows, and checks each read by itself. */
async function cut(content: Buffer, setting: Setting): Promise<Cut[]> {
  const { slabBytes, maxEventBytes, growth = [], ended = true } = setting;
  const source = new GrowingSource(content, setting.stepBytes);
  const reader = new BlockReader(source, limitsOf(setting));
  const cuts: Cut[] = [];
  let position = 0;
  let long: LongLine | undefined;
  for (const visible of [...growth.toSorted((a, b) => a - b), content.length]) {
    source.visible = Math.min(visible, content.length);
    const final = ended && source.visible === content.length && visible === content.length;
    for (;;) {
      const result = await next(reader, slabBytes, position, final, long);
      assert.ok(source.largest <= maxEventBytes, 'no more is asked for than may be held');
      if (result === undefined) break;
      const { block: kind, start, end, bytes, line } = result;
      assert.equal(start, position);
      assert.ok(end > start);
      assert.ok(bytes.length <= maxEventBytes, 'no block is larger than what may be held');
      cuts.push({ kind, start, end, bytes: Buffer.from(bytes), line });
      position = end;
      long = kind === 'part' ? line : undefined;
    }
  }
  return cuts;
}

/** Whatever was read, each block is what its kind says, and together they are the beginning of the file. */
function assertWellFormed(file: Buffer, cuts: readonly Cut[], setting: Setting): void {
  const { maxEventBytes } = setting;
  let position = 0;
  for (const { kind, start, end, bytes, line } of cuts) {
    assert.equal(start, position);
    position = end;
    const source = file.subarray(start, end);
    const text = source.toString('latin1');
    const isAtEnd = source.at(-1) === NEWLINE || end === file.length;
    if (kind !== 'reduced') assert.deepEqual(bytes, source);
    if (kind === 'lines') {
      assert.ok(isAtEnd, 'only the end of all has no newline');
      assert.ok(text.split(/(?<=\n)/).every((one) => one.length <= maxEventBytes));
    } else if (kind === 'reduced') {
      assert.ok(text.length > maxEventBytes && isAtEnd && text.startsWith('r'));
      assert.ok(!text.slice(0, -1).includes('\n'));
      assert.equal(bytes.toString('latin1'), tellOf(text.replace(/\n$/, ''), maxEventBytes));
    } else assertPart({ kind, start, end, bytes, line }, file, maxEventBytes);
  }
}

/** Its line is longer than the limit, and none that could be made shorter. */
function assertPart({ kind, start, end, line }: Cut, file: Buffer, maxEventBytes: number): void {
  assert.ok(line !== undefined && line.start <= start && end <= line.end);
  assert.equal(kind === 'last-part', end === line.end);
  const whole = file.toString('latin1', line.start, line.end);
  assert.ok(whole.length > maxEventBytes && !whole.startsWith('r'));
  assert.ok(!whole.slice(0, -1).includes('\n'));
  assert.ok(whole.endsWith('\n') || line.end === file.length);
  assert.ok(line.start === 0 || file[line.start - 1] === NEWLINE);
  assert.equal(line.reason, 'no r');
}

function describeCuts(cuts: readonly Cut[]): string[] {
  return cuts.map(({ kind, bytes }) => `${kind} ${bytes.toString('latin1')}`);
}

/** Lines of all lengths around the limits, with and without a newline at the end, in one, two and three bytes. */
const content = fc
  .array(
    fc.oneof(
      fc.constant('\n'),
      fc.string({ maxLength: 12 }),
      fc.constantFrom('é', '€', '😀', '\nr'),
    ),
    {
      maxLength: 30,
    },
  )
  .map((pieces) => Buffer.from(pieces.join('')));
const setting = fc.record({
  slabBytes: fc.integer({ min: MIN_SLAB_BYTES, max: 40 }),
  maxEventBytes: fc.integer({ min: MIN_SLAB_BYTES, max: 80 }),
  growth: fc.array(fc.nat({ max: 150 }), { maxLength: 6 }),
  stepBytes: fc.integer({ min: 1, max: 50 }),
});

describe('whatever is read', () => {
  it('the blocks together are the content, and each is what its kind says', async () => {
    await fc.assert(
      fc.asyncProperty(content, setting, async (bytes, how) => {
        const cuts = await cut(bytes, how);
        assertWellFormed(bytes, cuts, how);
        assert.equal(cuts.at(-1)?.end ?? 0, bytes.length);
      }),
      { numRuns: 1000 },
    );
  });

  it('before the end nothing but whole lines is given, be it in parts', async () => {
    await fc.assert(
      fc.asyncProperty(content, setting, async (bytes, how) => {
        const cuts = await cut(bytes, { ...how, ended: false });
        assertWellFormed(bytes, cuts, how);
        const given = cuts.at(-1)?.end ?? 0;
        assert.equal(given, bytes.lastIndexOf(NEWLINE) + 1);
      }),
      { numRuns: 1000 },
    );
  });

  it('text that comes in parts stays text', async () => {
    const text = fc.string({ unit: 'binary-ascii' }).map((ascii) => ascii.replaceAll('\n', ' '));
    const line = fc.array(fc.oneof(text, fc.constantFrom('é', '€', '😀')), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(line, setting, async (pieces, how) => {
        const bytes = Buffer.from(`${pieces.join('')}\n`);
        for (const { kind, bytes: part } of await cut(bytes, how)) {
          // What the test's own reducer tells of a line is no text.
          if (kind === 'reduced') continue;
          assert.deepEqual(Buffer.from(part.toString('utf8')), part, 'no character is cut in two');
        }
      }),
    );
  });
});

describe('the same content', () => {
  const text = 'one\ntwo\n\nthree and more\nfour';
  const lines = Buffer.from(text);

  it('whole gives one block, and what has no newline at the very end', async () => {
    assert.deepEqual(describeCuts(await cut(lines, { slabBytes: 100, maxEventBytes: 100 })), [
      'lines one\ntwo\n\nthree and more\n',
      'lines four',
    ]);
  });

  it('byte by byte gives line by line', async () => {
    const growth = Array.from(lines.keys());
    assert.deepEqual(
      describeCuts(await cut(lines, { slabBytes: 100, maxEventBytes: 100, growth })),
      ['lines one\n', 'lines two\n', 'lines \n', 'lines three and more\n', 'lines four'],
    );
  });

  it('at every split gives the lines that are whole, and then the others', async () => {
    for (let split = 0; split <= lines.length; split++) {
      const cuts = await cut(lines, { slabBytes: 100, maxEventBytes: 100, growth: [split] });
      const first = text.slice(0, split).lastIndexOf('\n') + 1;
      const last = text.lastIndexOf('\n') + 1;
      const expected = [text.slice(0, first), text.slice(first, last), text.slice(last)]
        .filter((block) => block !== '')
        .map((block) => `lines ${block}`);
      assert.deepEqual(describeCuts(cuts), expected, `split at ${split}`);
    }
  });

  it('in small slabs gives as many whole lines as fit, and a longer one by itself', async () => {
    assert.deepEqual(describeCuts(await cut(lines, { slabBytes: 10, maxEventBytes: 100 })), [
      'lines one\ntwo\n\n',
      'lines three and more\n',
      'lines four',
    ]);
  });
});

describe('a line at the limit', () => {
  it('is whole when it and its newline just fit, and comes in parts when they do not', async () => {
    const how = { slabBytes: 4, maxEventBytes: 10 };
    assert.deepEqual(describeCuts(await cut(Buffer.from('123456789\nab\n'), how)), [
      'lines 123456789\n',
      'lines ab\n',
    ]);
    assert.deepEqual(describeCuts(await cut(Buffer.from('1234567890\nab\n'), how)), [
      'part 1234',
      'part 5678',
      'last-part 90\n',
      'lines ab\n',
    ]);
  });

  it('is whole at the end of its file also without a newline', async () => {
    const how = { slabBytes: 4, maxEventBytes: 8 };
    for (const growth of [[], [8]]) {
      assert.deepEqual(describeCuts(await cut(Buffer.from('12345678'), { ...how, growth })), [
        'lines 12345678',
      ]);
    }
    assert.deepEqual(describeCuts(await cut(Buffer.from('123456789012'), how)), [
      'part 1234',
      'part 5678',
      'last-part 9012',
    ]);
  });

  it('that is less than what a slab holds is the limit all the same', async () => {
    const how = { slabBytes: 100, maxEventBytes: 8 };
    assert.deepEqual(
      describeCuts(await cut(Buffer.from('1\n2345\n6789012345\nr23456789\n'), how)),
      ['lines 1\n2345\n', 'part 67890123', 'last-part 45\n', 'reduced 9 789\n'],
    );
  });

  it('that grows beyond it is waited for', async () => {
    const how = { slabBytes: 4, maxEventBytes: 8, growth: [3, 9, 14] };
    assert.deepEqual(describeCuts(await cut(Buffer.from('1234567890123\n'), how)), [
      'part 1234',
      'part 5678',
      'part 9012',
      'last-part 3\n',
    ]);
    assert.deepEqual(describeCuts(await cut(Buffer.from('r234567890123\n'), how)), [
      'reduced 13 123\n',
    ]);
  });
});

describe('a line longer than the limit', () => {
  const how = { slabBytes: 64, maxEventBytes: 256 };
  const line = Buffer.from(`r${'x'.repeat(5000)}\n`);

  it('is not read from its beginning again while it grows', async () => {
    const source = new GrowingSource(line);
    const reader = new BlockReader(source, limitsOf(how));
    for (source.visible = 1000; source.visible < line.length; source.visible += 100) {
      assert.equal(await next(reader, how.slabBytes, 0, false), undefined);
    }
    source.visible = line.length;
    const block = await next(reader, how.slabBytes, 0, false);
    assert.deepEqual([block?.block, block?.end], ['reduced', line.length]);
    assert.ok(
      source.given < line.length + 2 * how.maxEventBytes,
      `${source.given} bytes were read`,
    );
  });

  it('is read from its beginning by another reader', async () => {
    const source = new GrowingSource(line);
    source.visible = 1000;
    await next(new BlockReader(source, limitsOf(how)), how.slabBytes, 0, false);
    source.visible = line.length;
    const block = await next(new BlockReader(source, limitsOf(how)), how.slabBytes, 0, false);
    assert.deepEqual([block?.block, block?.end], ['reduced', line.length]);
  });

  it('goes on where another reader left it between two parts', async () => {
    const file = Buffer.from(`x${'0123456789'.repeat(10)}\na\n`);
    const limits = { maxEventBytes: 64, makeReducer: () => refuser };
    const source = new GrowingSource(file);
    source.visible = file.length;
    const first = await next(new BlockReader(source, limits), 64, 0, false);
    assert.ok(first?.block === 'part' && first.line !== undefined);
    const reader = new BlockReader(source, limits);
    const second = await next(reader, 64, first.end, false, first.line);
    assert.deepEqual([second?.block, second?.end], ['last-part', file.indexOf('\n') + 1]);
    assert.equal((await next(reader, 64, second?.end ?? 0, false))?.bytes.toString(), 'a\n');
  });

  it('that is cut between two parts ends when nothing more can come', async () => {
    const source = new GrowingSource(Buffer.alloc(500, 'x'));
    source.visible = 500;
    const reader = new BlockReader(source, limitsOf(how));
    const first = await next(reader, how.slabBytes, 0, true);
    assert.ok(first?.block === 'part' && first.line?.end === 500);
    source.visible = 100;
    assert.equal(await next(reader, how.slabBytes, first.end, false, first.line), undefined);
    const last = await next(reader, how.slabBytes, first.end, true, first.line);
    assert.deepEqual([last?.block, last?.start, last?.end], ['last-part', 64, 100]);
  });
});

it('a source that fails is not asked again in the same read', async () => {
  const failure = new Error('EIO');
  const source: ByteSource = { read: () => Promise.reject(failure), close() {} };
  const reader = new BlockReader(source, { maxEventBytes: 10, makeReducer: () => refuser });
  await assert.rejects(reader.read(new BufferSlab(10), 0, true), failure);
});

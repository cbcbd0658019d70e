/** A source is cut into blocks of whole lines: nothing is lost, nothing is torn, and little is held at a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { BlockReader, type ReadResult } from '../../src/tail/block-reader.ts';
import type { ByteSource } from '../../src/tail/source.ts';
import { BufferSlab } from '../support/slabs.ts';

const NEWLINE = 10;
/** A UTF-8 character has up to four bytes: with less room, a part could not move on. */
const MIN_SLAB_BYTES = 4;

/** A file that grows: the first `visible` bytes of the content are there. */
class GrowingSource implements ByteSource {
  readonly #content: Buffer;
  readonly #stepBytes: number;
  visible = 0;
  /** How far behind the position of the current block was asked for. */
  furthest = 0;

  constructor(content: Buffer, stepBytes: number = Infinity) {
    this.#content = content;
    this.#stepBytes = stepBytes;
  }

  read(into: Buffer, position: number): Promise<number> {
    this.furthest = Math.max(this.furthest, position + into.length);
    const end = Math.min(this.visible, position + Math.min(into.length, this.#stepBytes));
    return Promise.resolve(this.#content.copy(into, 0, position, Math.max(position, end)));
  }

  close(): void {}
}

interface Cut {
  readonly kind: 'lines' | 'part' | 'last-part';
  readonly start: number;
  readonly bytes: Buffer;
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

/** Reads all blocks that there are as the content grows, and checks each read by itself. */
async function cut(content: Buffer, setting: Setting): Promise<Cut[]> {
  const { slabBytes, maxEventBytes, growth = [], ended = true } = setting;
  const source = new GrowingSource(content, setting.stepBytes);
  const reader = new BlockReader(source, { maxEventBytes });
  const held = Math.max(slabBytes, maxEventBytes);
  const cuts: Cut[] = [];
  let position = 0;
  for (const visible of [...growth.toSorted((a, b) => a - b), content.length]) {
    source.visible = Math.min(visible, content.length);
    const final = ended && source.visible === content.length && visible === content.length;
    for (;;) {
      source.furthest = 0;
      // A place has its own slab again when the block before is settled.
      const room = new BufferSlab(slabBytes);
      const result: ReadResult = await reader.read(room, position, final);
      assert.ok(source.furthest - position <= held, 'no more is asked for than may be held');
      if (result.kind === 'pending') {
        assert.ok(result.end <= source.visible);
        assert.ok(!final || result.end === position, 'nothing is pending at the end');
        break;
      }
      assert.equal(result.start, position);
      assert.ok(result.bytes.length <= held, 'no block is larger than what may be held');
      cuts.push({ kind: result.block, start: position, bytes: Buffer.from(result.bytes) });
      position += result.bytes.length;
      if (result.bytes.length === 0) break;
    }
  }
  return cuts;
}

function bytesOf(cuts: readonly Cut[]): Buffer {
  return Buffer.concat(cuts.map(({ bytes }) => bytes));
}

/** What the words of BlockKind promise, whatever was read. */
function assertWellFormed(cuts: readonly Cut[], { slabBytes, maxEventBytes }: Setting): void {
  let longLine = 0;
  cuts.forEach(({ kind, bytes }, index) => {
    const isLast = index === cuts.length - 1;
    const endsLine = bytes.at(-1) === NEWLINE;
    if (kind === 'lines') {
      assert.equal(longLine, 0, 'a long line ends with its last part');
      assert.ok(endsLine || isLast, 'only the end of all has no newline');
      assert.ok(bytes.length > 0);
      return;
    }
    longLine += bytes.length;
    if (kind === 'part') {
      assert.ok(!bytes.includes(NEWLINE), 'a part lies inside its line');
      assert.ok(bytes.length > 0);
      return;
    }
    assert.ok(endsLine || isLast);
    assert.ok(!bytes.subarray(0, -1).includes(NEWLINE));
    assert.ok(longLine >= Math.max(maxEventBytes, slabBytes), 'a line that fits is whole');
    longLine = 0;
  });
}

function describeCuts(cuts: readonly Cut[]): string[] {
  return cuts.map(({ kind, bytes }) => `${kind} ${bytes.toString('latin1')}`);
}

/** Lines of all lengths around the limits, with and without a newline at the end, in one, two and three bytes. */
const content = fc
  .array(
    fc.oneof(fc.constant('\n'), fc.string({ maxLength: 12 }), fc.constantFrom('é', '€', '😀')),
    {
      maxLength: 30,
    },
  )
  .map((pieces) => Buffer.from(pieces.join('')));
const setting = fc.record({
  slabBytes: fc.integer({ min: MIN_SLAB_BYTES, max: 40 }),
  maxEventBytes: fc.integer({ min: 1, max: 80 }),
  growth: fc.array(fc.nat({ max: 150 }), { maxLength: 6 }),
  stepBytes: fc.integer({ min: 1, max: 50 }),
});

describe('whatever is read', () => {
  it('the blocks together are the content, and each is what its kind says', async () => {
    await fc.assert(
      fc.asyncProperty(content, setting, async (bytes, how) => {
        const cuts = await cut(bytes, how);
        assert.deepEqual(bytesOf(cuts), bytes);
        assertWellFormed(cuts, how);
      }),
      { numRuns: 1000 },
    );
  });

  it('before the end nothing but whole lines, and parts of long ones, is given', async () => {
    await fc.assert(
      fc.asyncProperty(content, setting, async (bytes, how) => {
        const cuts = await cut(bytes, { ...how, ended: false });
        const given = bytesOf(cuts);
        assert.deepEqual(given, bytes.subarray(0, given.length));
        for (const { kind, bytes: block } of cuts) {
          if (kind !== 'part') assert.equal(block.at(-1), NEWLINE);
        }
        const rest = bytes.subarray(given.length);
        assert.ok(!rest.includes(NEWLINE), 'no whole line is left behind');
        assert.ok(rest.length <= Math.max(how.slabBytes, how.maxEventBytes));
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
        for (const { bytes: part } of await cut(bytes, how)) {
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

  it('that ends with its file without a newline gets a last part, also when nothing is left for it', async () => {
    const how = { slabBytes: 4, maxEventBytes: 8 };
    assert.deepEqual(describeCuts(await cut(Buffer.from('123456789012'), how)), [
      'part 1234',
      'part 5678',
      'part 9012',
      'last-part ',
    ]);
  });

  it('that grows beyond it while nobody reads is waited for in parts', async () => {
    const how = { slabBytes: 4, maxEventBytes: 8, growth: [3, 9, 14] };
    assert.deepEqual(describeCuts(await cut(Buffer.from('1234567890123\n'), how)), [
      'part 1234',
      'part 5678',
      'part 9012',
      'last-part 3\n',
    ]);
  });
});

it('a source that fails is not asked again in the same read', async () => {
  const failure = new Error('EIO');
  const source: ByteSource = { read: () => Promise.reject(failure), close() {} };
  const reader = new BlockReader(source, { maxEventBytes: 10 });
  await assert.rejects(reader.read(new BufferSlab(10), 0, true), failure);
});

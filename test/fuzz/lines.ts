/**
 * Fuzzes the way of a line: the block reader cuts bytes into blocks, and the transcoder with its core writes them in
 * every format. Whatever the bytes are: nothing throws, every byte is in one piece of output or is a blank between
 * two, what JSON.parse takes for an object comes out as that event and nothing else does, MessagePack says the same
 * as JSON, and what is for a terminal holds no control characters but colours.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../../src/commands/simulate/random.ts';
import type { LongLine } from '../../src/event/block.ts';
import { ForwardWriter } from '../../src/event/forward-writer.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Reducer } from '../../src/event/oversize.ts';
import { PrettyWriter } from '../../src/event/pretty-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder, type EventWriter } from '../../src/event/transcoder.ts';
import { escapeControl } from '../../src/observe/terminal.ts';
import { BlockReader } from '../../src/tail/block-reader.ts';
import type { ByteSource } from '../../src/tail/source.ts';
import type { Room } from '../../src/tail/tail.ts';
import { blockOf } from '../support/blocks.ts';
import { comparable, entriesIn, readingOf } from '../support/reference.ts';
import { lineMaterial, linesOf, shortMaterial } from './corpus.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, randomBytes, type Material } from './mutate.ts';

const LINES_MAX = 10;
const BLOCK_BYTES = [64, 300, 4096, 64 * 1024] as const;
const EVENT_BYTES_MAX = [300, 4096, 64 * 1024] as const;
const BLANK = /^[\0\t\r\n ]*$/;
/** More is not compared by recursion: the stack of the comparison would be at its end, not that of the core. */
const COMPARED_DEPTH = 400;
/** What this program itself writes for colour. */
const COLOURS = /\u001b\[[0-9;]+m/g;

export const lines: Fuzzer = {
  name: 'lines',
  cases: 700,
  open: () => new LineReader(lineMaterial()),
};

/** How the bytes are read. */
interface Limits {
  readonly blockBytes: number;
  readonly maxEventBytes: number;
  /** Offset of the first byte in its file. */
  readonly offset: number;
}

/** What came out of all blocks of a content. */
interface Outcome {
  readonly output: Buffer;
  readonly events: number;
  /** How many pieces of lines were no event. */
  readonly invalid: number;
  readonly parts: number;
  /** Lines that were too long and came without their bodies: bytes from and to. */
  readonly reduced: ReadonlyMap<number, number>;
}

class LineReader implements Reader {
  readonly #material: Material;
  #options = { color: false, width: 0, wide: false, timeZone: 'UTC' };
  readonly #json = new Way(new JsonWriter(new Shipper({ fields: {}, coordinates: false })));
  readonly #located = new Way(new JsonWriter(LOCATED));
  readonly #forward = new Way(new ForwardWriter({ shipper: LOCATED, timeKey: 'stageTimestamp' }));
  readonly #pretty = new Way(new PrettyWriter(() => this.#options));

  constructor(material: Material) {
    this.#material = material;
  }

  async check(random: Random): Promise<void> {
    const content = contentOf(random, this.#material);
    const limits = {
      blockBytes: random.pick(BLOCK_BYTES),
      maxEventBytes: random.pick(EVENT_BYTES_MAX),
      offset: random.pick([0, 1, 2 ** 32 - 5, 2 ** 40]),
    };
    const width = random.pick([0, 1, 40, 80, 200]);
    this.#options = { ...this.#options, width, color: random.below(2) === 0 };
    this.#options.wide = random.below(2) === 0;
    const located = await this.#located.run(content, limits);
    const pieces = piecesOf(content, limits, located);
    if (located.parts === 0) assertWhole(content, pieces);
    assertSameRecords(await this.#forward.run(content, limits), located);
    assertUntouched(await this.#json.run(content, limits), pieces);
    assertShown(await this.#pretty.run(content, limits), located);
  }
}

const SHORT = shortMaterial();
const LOCATED = new Shipper({ fields: { node: 'm1', zone: 'a "b" \\' }, coordinates: true });

function contentOf(random: Random, material: Material): Buffer {
  const parts: Buffer[] = [];
  for (let count = 1 + random.below(LINES_MAX); count > 0; count -= 1) {
    const kind = random.below(10);
    if (kind === 0) parts.push(randomBytes(random, 200));
    else if (kind < 4) parts.push(random.pick(material.corpus));
    else parts.push(mutated(random, kind < 7 ? material : SHORT));
    parts.push(NEWLINE);
  }
  // A file's last line may have no newline.
  if (random.below(3) === 0) parts.pop();
  return Buffer.concat(parts);
}

const LF = 0x0a;
const NEWLINE = Buffer.of(LF);

/** Reads a content as the tail does, into the memory of a core that is used again and again. */
class Way {
  readonly #transcoder: BlockTranscoder;
  readonly #slabs = new Map<number, ReturnType<BlockTranscoder['makeSlab']>>();

  constructor(writer: EventWriter) {
    this.#transcoder = new BlockTranscoder(writer, () => 0);
  }

  async run(content: Buffer, { blockBytes, maxEventBytes, offset }: Limits): Promise<Outcome> {
    const makeReducer = (): Reducer => new Reducer(maxEventBytes);
    const reader = new BlockReader(sourceOf(content, offset), { maxEventBytes, makeReducer });
    const output: Buffer[] = [];
    const sum = { events: 0, invalid: 0, parts: 0 };
    const reduced = new Map<number, number>();
    let line: LongLine | undefined;
    for (let at = offset; ;) {
      const result = await reader.read(this.#room(blockBytes), at, true, line);
      if (result.kind === 'passed') continue;
      if (result.kind === 'pending') {
        assert.equal(result.end, offset + content.length, 'everything is read');
        return { output: Buffer.concat(output), reduced, ...sum };
      }
      const { block: kind, start, end, bytes } = result;
      assert.equal(start, at, 'no byte is passed over');
      assert.ok(bytes.length <= Math.max(blockBytes, maxEventBytes), 'a block is bounded');
      const block = { ...blockOf(bytes, { start, kind }), end, line: result.line };
      const made = this.#transcoder.transcode(block);
      assert.equal(made.accounts.delivered.bytes, end - start, 'every byte is in an account');
      output.push(...made.payload.map((piece) => Buffer.from(piece)));
      this.#transcoder.recycle(made.payload);
      sum.events += made.accounts.delivered.events;
      sum.invalid += made.invalid.length;
      if (kind === 'reduced') reduced.set(start - offset, end - offset);
      else if (kind !== 'lines') sum.parts += 1;
      line = kind === 'part' ? result.line : undefined;
      at = end;
    }
  }

  /** So large at first, whatever its memory has grown to before. */
  #room(blockBytes: number): Room {
    const slab = this.#slabs.get(blockBytes) ?? this.#transcoder.makeSlab(blockBytes);
    this.#slabs.set(blockBytes, slab);
    let bytes = blockBytes;
    return {
      get slab() {
        return slab.slab.subarray(0, bytes);
      },
      async enlarge(more) {
        slab.grow(more);
        bytes = more;
      },
    };
  }
}

function sourceOf(content: Buffer, offset: number): ByteSource {
  return {
    read: async (into, position) => content.copy(into, 0, position - offset),
    close: () => undefined,
  };
}

/** A line of output, and the bytes [start, end) of the content that it stands for. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly isEvent: boolean;
}

interface Located {
  readonly shipper: { readonly offset: number; readonly error?: string };
  readonly log?: string;
  readonly log_base64?: string;
}

/** Every byte of the content is in one piece, or is a blank between two. */
function piecesOf(content: Buffer, { offset }: Limits, outcome: Outcome): Piece[] {
  const { output, parts, reduced } = outcome;
  const pieces = linesOf(output).map((line) => pieceOf(content, offset, reduced, line));
  let at = 0;
  for (const { start, end } of [...pieces, { start: content.length, end: content.length }]) {
    const between = content.toString('latin1', at, start);
    assert.ok(start >= at && BLANK.test(between), `bytes ${at} to ${start} are nowhere`);
    at = end;
  }
  assert.ok(parts > 0 || !output.includes('"part":'), 'only a long line comes in parts');
  return pieces;
}

function pieceOf(
  content: Buffer,
  offset: number,
  reduced: Outcome['reduced'],
  line: Buffer,
): Piece {
  const { shipper, log, log_base64: base64 } = JSON.parse(line.toString()) as Located;
  const start = shipper.offset - offset;
  const endOfReduced = reduced.get(start);
  if (endOfReduced !== undefined) {
    // Its bodies, which are left out, are judged by nobody.
    const around = [content[start - 1] ?? LF, content[endOfReduced - 1]];
    const isLine = around[0] === LF && (around[1] === LF || endOfReduced === content.length);
    assert.ok(isLine && readingOf(line).verdict === 'object', 'a whole line is reduced');
    return { start, end: endOfReduced, isEvent: true };
  }
  if (shipper.error !== undefined) {
    const bytes = log === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(log);
    const end = start + bytes.length;
    assert.ok(bytes.equals(content.subarray(start, end)), 'what is no event is wrapped whole');
    return { start, end, isEvent: false };
  }
  const added = line.lastIndexOf('"shipper":{"node":');
  // Behind a member stands a comma, which is ours as well.
  const own = line.subarray(0, line[added - 1] === 0x2c ? added - 1 : added);
  const end = start + own.length + 1;
  assert.ok(own.equals(content.subarray(start, end - 1)), 'an event is left as it is');
  assert.equal(readingOf(content.subarray(start, end)).verdict, 'object', 'what comes out is one');
  return { start, end, isEvent: true };
}

/** A line that is an event comes out as one, whatever its neighbours are. */
function assertWhole(content: Buffer, pieces: readonly Piece[]): void {
  let start = 0;
  for (const line of linesOf(content)) {
    if (readingOf(line).verdict === 'object') {
      const of = pieces.filter(
        (piece) => piece.start >= start && piece.start < start + line.length,
      );
      assert.equal(of.length, 1, `the event at ${start} is one piece`);
      assert.equal(of[0]?.isEvent, true, `the event at ${start} is taken for one`);
    }
    start += line.length + 1;
  }
}

/** MessagePack says of each event what JSON says. */
function assertSameRecords(forward: Outcome, located: Outcome): void {
  const expected = linesOf(located.output);
  const { output: _, ...sums } = located;
  const { output, ...ownSums } = forward;
  assert.deepEqual(ownSums, sums, 'every format counts alike');
  if (expected.some(isDeep)) return;
  const entries = entriesIn(output);
  assert.equal(entries.length, expected.length, 'an entry for each line');
  for (const [index, [, record]] of entries.entries()) {
    const value: unknown = JSON.parse(expected[index]?.toString() ?? '');
    assert.ok(isDeepStrictEqual(comparable(record), comparable(value)), `record ${index}`);
  }
}

function isDeep(line: Buffer): boolean {
  let depth = 0;
  for (const byte of line) {
    if (byte === 0x7b || byte === 0x5b) depth += 1;
    if (byte === 0x7d || byte === 0x5d) depth -= 1;
    if (depth > COMPARED_DEPTH) return true;
  }
  return false;
}

/** Without anything to add each line of output is one of JSON, and there are as many. */
function assertUntouched({ output }: Outcome, pieces: readonly Piece[]): void {
  const out = linesOf(output);
  // White space around an event stays: a line of it is none of output.
  assert.equal(out.length, pieces.length, 'a line for each piece');
  for (const line of out) assert.equal(readingOf(line).verdict, 'object', 'a line of JSON');
}

/** One line for each piece, fit for a terminal. */
function assertShown({ output }: Outcome, located: Outcome): void {
  const text = output.toString();
  assert.equal(text.split('\n').length - 1, linesOf(located.output).length, 'a line for each');
  for (const line of text.split('\n')) {
    const plain = line.replaceAll(COLOURS, '');
    assert.equal(plain, escapeControl(plain), 'no control character reaches a terminal');
  }
}

/**
 * From a block to JSON lines: every line of output parses, an event passes byte for byte, and what is no event can be
 * put together again. The block reader's part in it is not tested here.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { ChunkAccounts } from '../../src/deliver/chunk.ts';
import type { Block } from '../../src/event/block.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder, type Transcoded } from '../../src/event/transcoder.ts';
import { blockOf, bodyEvent, FINGERPRINT, FORGED, LOG } from '../support/blocks.ts';

const FIRST = Buffer.from(bodyEvent('11111111-0000-4000-8000-000000000001'));
const SECOND = Buffer.from(bodyEvent('22222222-0000-4000-8000-000000000002'));
const NEWLINE = Buffer.from('\n');

const untouched = transcoderWith({}, false);
const located = transcoderWith({ node: 'm1' }, true);

function transcoderWith(fields: Readonly<Record<string, string>>, coordinates: boolean) {
  return new BlockTranscoder(new JsonWriter(new Shipper({ fields, coordinates })));
}

/** The lines of output, without their newlines. */
function linesOf({ payload }: Transcoded): Buffer[] {
  const bytes = Buffer.concat(payload);
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(10, start);
    assert.notEqual(end, -1, 'output ends with a newline');
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

interface Wrapped {
  readonly shipper?: {
    readonly file?: string;
    readonly offset?: number;
    readonly id?: string;
    readonly error?: string;
    readonly part?: string;
  };
  readonly log?: string;
  readonly log_base64?: string;
}

const parsed = (line: Buffer): Wrapped => JSON.parse(line.toString('utf8')) as Wrapped;

/** What a wrapped piece was; undefined for an event. */
function originalOf({ shipper, log, log_base64 }: Wrapped): Buffer | undefined {
  if (shipper?.error === undefined) return undefined;
  assert.notEqual(log === undefined, log_base64 === undefined, 'either as text or in base64');
  return log === undefined ? Buffer.from(log_base64 ?? '', 'base64') : Buffer.from(log);
}

// --- what a block may hold ---

const eventLine = fc
  .tuple(
    fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 }),
    fc.constantFrom('', ' ', '\r', ' \t'),
  )
  .map(([value, blanks]) => Buffer.from(JSON.stringify(value) + blanks));
const goodLine = fc.oneof(eventLine, fc.constantFrom(FIRST, SECOND));
const badLine = fc.oneof(
  fc.uint8Array({ maxLength: 30 }).map((bytes) => withoutNewlines(Buffer.from(bytes))),
  fc.string({ unit: 'binary' }).map((text) => withoutNewlines(Buffer.from(text))),
  fc.nat(FIRST.length - 1).map((cut) => Buffer.concat([FIRST.subarray(0, cut), SECOND])),
  fc.nat(FIRST.length - 1).map((cut) => FIRST.subarray(0, cut)),
  fc.constantFrom('', '\r', '\0\0\0', '\0{"a":1}', '[1]', 'null').map((text) => Buffer.from(text)),
);
const block = fc
  .tuple(fc.array(fc.oneof(goodLine, badLine)), fc.boolean(), fc.nat())
  .map(([lines, ended, start]) => {
    const bytes = Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
    return blockOf(ended ? bytes : bytes.subarray(0, -1), { start });
  });

function withoutNewlines(bytes: Buffer): Buffer {
  return bytes.map((byte) => (byte === 10 ? 11 : byte)) as Buffer;
}

/** The original bytes, put together from the output and its offsets; an event's own bytes are cut from the block. */
function assertNothingVanished({ bytes, start }: Block, lines: readonly Buffer[]): void {
  const rest = Buffer.from(bytes);
  for (const line of lines) {
    const output = parsed(line);
    const at = (output.shipper?.offset ?? NaN) - start;
    const original = originalOf(output) ?? eventAt(bytes, at, output);
    assert.deepEqual(bytes.subarray(at, at + original.length), original);
    rest.fill(0, at, at + original.length);
  }
  assert.match(rest.toString('latin1'), /^[\0\t\r\n ]*$/, 'only blanks are left out');
}

/** The longest run of bytes at the offset that is the event, but for `shipper`. */
function eventAt(bytes: Buffer, at: number, output: Wrapped): Buffer {
  const newline = bytes.indexOf(10, at);
  const line = bytes.subarray(at, newline === -1 ? bytes.length : newline);
  const end = line.indexOf(0) === -1 ? line.length : line.indexOf(0);
  const event =
    line.indexOf(SECOND) > 0 ? line.subarray(0, line.indexOf(SECOND)) : line.subarray(0, end);
  const { shipper: _, ...rest } = output;
  const { shipper: __, ...own } = JSON.parse(event.toString('utf8')) as Wrapped;
  assert.deepEqual(rest, own);
  return event;
}

describe('a block of lines', () => {
  it('becomes lines of which each is one JSON object, whatever it holds', () => {
    fc.assert(
      fc.property(block, fc.boolean(), (given, coordinates) => {
        const transcoder = coordinates ? located : untouched;
        for (const line of linesOf(transcoder.transcode(given))) {
          const value: unknown = JSON.parse(line.toString('utf8'));
          assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('loses no byte but blanks, and says where each piece stood', () => {
    fc.assert(
      fc.property(block, (given) => {
        const lines = linesOf(located.transcode(given));
        assertNothingVanished(given, lines);
        for (const { shipper } of lines.map(parsed)) {
          assert.equal(shipper?.file, LOG);
          assert.equal(shipper.id, `${FINGERPRINT}-${shipper.offset}`);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('comes to its accounts whole', () => {
    fc.assert(
      fc.property(block, (given) => {
        const { accounts, invalid, ...rest } = located.transcode(given);
        const lines = linesOf({ ...rest, accounts, invalid }).map(parsed);
        assert.deepEqual(accounts, {
          delivered: { events: lines.length, bytes: given.bytes.length },
          filtered: { events: 0, bytes: 0 },
        } satisfies ChunkAccounts);
        assert.equal(invalid.length, lines.filter(({ shipper }) => shipper?.error).length);
      }),
    );
  });

  it('passes events byte for byte', () => {
    fc.assert(
      fc.property(fc.array(goodLine), (lines) => {
        const bytes = Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
        assert.deepEqual(Buffer.concat(untouched.transcode(blockOf(bytes)).payload), bytes);
      }),
    );
  });

  it('leaves the neighbours of a bad line alone', () => {
    fc.assert(
      fc.property(fc.array(goodLine), badLine, fc.array(goodLine), (before, bad, after) => {
        const output = linesOf(
          untouched.transcode(
            blockOf(Buffer.concat([...before, bad, ...after].flatMap((line) => [line, NEWLINE]))),
          ),
        );
        assert.deepEqual(output.slice(0, before.length), before);
        assert.deepEqual(output.slice(output.length - after.length), after);
      }),
    );
  });

  it('gives the same bytes for the same block', () => {
    fc.assert(
      fc.property(block, (given) => {
        const transcoder = located;
        assert.deepEqual(transcoder.transcode(given), transcoder.transcode(given));
      }),
    );
  });

  it('ends with a newline where its last line has none', () => {
    const { payload } = untouched.transcode(blockOf('{"a":1}\n{"b":2}'));
    assert.equal(Buffer.concat(payload).toString(), '{"a":1}\n{"b":2}\n');
  });

  it('may be nothing but blank lines', () => {
    const { payload, accounts } = located.transcode(blockOf('\n\r\n\0\0\n'));
    assert.deepEqual(payload, []);
    assert.deepEqual(accounts.delivered, { events: 0, bytes: 6 });
  });
});

describe('a torn event with a whole one glued to it', () => {
  it('gives the whole one back with its own offset, wherever the first was cut', () => {
    const before = '{"a":1}\n';
    for (let cut = 1; cut <= FIRST.length; cut++) {
      const torn = FIRST.subarray(0, cut);
      const content = Buffer.concat([Buffer.from(before), torn, SECOND, NEWLINE]);
      const transcoded = located.transcode(blockOf(content, { start: 1000 }));
      const { invalid } = transcoded;
      const lines = linesOf(transcoded);
      const [, first, second] = lines.map(parsed);
      assert.equal(lines.length, 3);
      assert.equal(second?.shipper?.id, `${FINGERPRINT}-${1000 + before.length + cut}`);
      assert.equal(second.shipper.error, undefined);
      assert.ok(lines[2]?.subarray(0, SECOND.length - 1).equals(SECOND.subarray(0, -1)));
      assert.equal(first?.shipper?.offset, 1000 + before.length);
      const whole = cut === FIRST.length;
      assert.deepEqual(originalOf(first), whole ? undefined : torn);
      assert.deepEqual(invalid, whole ? [] : ['torn']);
    }
  });

  it('never makes an event of what a client sent', () => {
    for (let cut = 1; cut < FIRST.length; cut++) {
      const content = Buffer.concat([FIRST.subarray(0, cut), SECOND, NEWLINE]);
      const events = linesOf(untouched.transcode(blockOf(content))).filter(
        (line) => originalOf(parsed(line)) === undefined,
      );
      assert.ok(events.length === 1 && events[0]?.equals(SECOND), `cut at ${cut}`);
    }
  });

  it('never divides a whole event because of what a client sent', () => {
    const bodies = fc.array(fc.constantFrom(FORGED, `[${FORGED}]`, '"x"', `{"a":${FORGED}}`));
    fc.assert(
      fc.property(bodies, (list) => {
        const start = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestObject":';
        const line = Buffer.from(`${start}[${list.join()}]}`);
        assert.deepEqual(linesOf(untouched.transcode(blockOf(line))), [line]);
      }),
    );
  });
});

it('what is left of a line has the line’s place, and counts as the line', () => {
  const left = { ...blockOf('{"a":1}\n', { start: 500, kind: 'reduced' as const }), end: 9500 };
  const transcoded = located.transcode(left);
  const shipper = { node: 'm1', file: LOG, offset: 500, id: `${FINGERPRINT}-500` };
  assert.deepEqual(linesOf(transcoded).map(parsed), [{ a: 1, shipper }]);
  assert.deepEqual(transcoded.accounts.delivered, { events: 1, bytes: 9000 });
});

describe('a line in parts', () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map((bytes) => withoutNewlines(Buffer.from(bytes))),
    fc.string({ unit: 'grapheme' }).map((text) => withoutNewlines(Buffer.from(text))),
  );

  /** The parts that a reader with a buffer of this size makes of the line. */
  function partsOf(line: Buffer, size: number, start: number): readonly Block[] {
    const parts: Block[] = [];
    let at = 0;
    for (; line.length - at > size; at += size) {
      parts.push(blockOf(line.subarray(at, at + size), { start: start + at, kind: 'part' }));
    }
    const rest = Buffer.concat([line.subarray(at), NEWLINE]);
    return [...parts, blockOf(rest, { start: start + at, kind: 'last-part' })];
  }

  it('can be put together again, also where a part cuts a character', () => {
    fc.assert(
      fc.property(content, fc.integer({ min: 1, max: 20 }), fc.nat(), (line, size, start) => {
        const transcoder = untouched;
        const blocks = partsOf(line, size, start);
        const outputs = blocks.flatMap((part) => linesOf(transcoder.transcode(part))).map(parsed);
        assert.deepEqual(
          Buffer.concat(outputs.flatMap((output) => originalOf(output) ?? [])),
          line,
        );
        assert.deepEqual(
          outputs.map(({ shipper }) => [shipper?.offset, shipper?.part]),
          blocks.map((part) => [part.start, part.kind === 'part' ? 'more' : 'last']),
        );
      }),
    );
  });

  it('counts as one line, and as one bad one, with its last part', () => {
    fc.assert(
      fc.property(content, fc.integer({ min: 1, max: 20 }), (line, size) => {
        const results = partsOf(line, size, 0).map((part) => untouched.transcode(part));
        const last = results.at(-1);
        for (const { accounts, invalid } of results.slice(0, -1)) {
          assert.deepEqual([accounts.delivered.events, invalid], [0, []]);
        }
        assert.deepEqual([last?.accounts.delivered.events, last?.invalid], [1, ['too-long']]);
        const bytes = results.reduce((sum, { accounts }) => sum + accounts.delivered.bytes, 0);
        assert.equal(bytes, line.length + 1);
      }),
    );
  });

  it('ends with a last part also when only the newline is left', () => {
    const { payload } = untouched.transcode(blockOf('\n', { kind: 'last-part', start: 512 }));
    const { shipper, log } = JSON.parse(Buffer.concat(payload).toString()) as Wrapped;
    assert.deepEqual([shipper?.part, shipper?.offset, log], ['last', 512, '']);
  });
});

/**
 * Blocks in slabs and blocks that stand elsewhere: both become the same bytes, a line costs its neighbours nothing,
 * and what was given out is not written over before it is settled.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Block } from '../../src/event/block.ts';
import { Core } from '../../src/event/core.ts';
import { divide } from '../../src/event/divide.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder, type EventWriter } from '../../src/event/transcoder.ts';
import { blockOf, bodyEvent, type BlockOptions } from '../support/blocks.ts';
import { withoutNewlines } from '../support/json-texts.ts';
import { entriesIn } from '../support/reference.ts';
import { ALL_ADDED, forwardWriter, NOTHING_ADDED, WRITERS } from '../support/writers.ts';

const NOW_MS = 1_772_600_767_089;

function transcoderOf(writer: EventWriter): BlockTranscoder {
  return new BlockTranscoder(writer, () => NOW_MS);
}

const bytesOf = (payload: readonly Uint8Array[]): Buffer => Buffer.concat(payload);

/** The bytes of a block, as it comes out of a transcoder that has done nothing else. */
function fresh(make: () => EventWriter, block: Block): Buffer {
  return bytesOf(transcoderOf(make()).transcode(block).payload);
}

/** The same bytes in a slab of the transcoder, at this place of it. */
function inSlab(
  transcoder: BlockTranscoder,
  content: Buffer | string,
  { at = 0, behind = 0, ...options }: BlockOptions & { at?: number; behind?: number } = {},
): Block {
  const bytes = Buffer.from(content);
  const { slab } = transcoder.makeSlab(Math.max(1, at + bytes.length + behind));
  slab.fill('{"');
  slab.set(bytes, at);
  return blockOf(slab.subarray(at, at + bytes.length), options);
}

const line = fc.oneof(
  fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }).map((one) => JSON.stringify(one)),
  fc.constantFrom(
    bodyEvent('1'),
    bodyEvent('2').slice(0, 300) + bodyEvent('3'),
    '{}',
    ' {"a":1}\r',
  ),
  fc.constantFrom(
    '',
    '\0',
    '\r',
    '[1]',
    'bad',
    '{"a":',
    '\0\0{"a":1}\0',
    '{"a":1}{"b":2}',
    '\ufeff{}',
  ),
);
const content = fc
  .tuple(fc.array(line, { maxLength: 8 }), fc.boolean(), fc.option(fc.nat(), { freq: 4 }))
  .map(([lines, ended, broken]) => {
    const bytes = Buffer.from(lines.join('\n') + (ended ? '\n' : ''));
    if (broken !== null && bytes.length > 0) bytes[broken % bytes.length] = 0xff;
    return bytes;
  });

for (const [name, make] of WRITERS) {
  describe(`a block as ${name}`, () => {
    it('becomes the same bytes in a slab and elsewhere', () => {
      const place = fc.constantFrom(0, 1, 7, 64, 4096);
      fc.assert(
        fc.property(content, fc.nat(), place, place, (bytes, start, at, behind) => {
          const transcoder = transcoderOf(make());
          const block = inSlab(transcoder, bytes, { at, behind, start });
          const result = transcoder.transcode(block);
          const other = transcoderOf(make()).transcode(blockOf(bytes, { start }));
          assert.ok(bytesOf(result.payload).equals(bytesOf(other.payload)));
          assert.deepEqual([result.accounts, result.invalid], [other.accounts, other.invalid]);
          assert.ok(block.bytes.equals(bytes), 'the block stays as it is');
        }),
        { numRuns: 150 },
      );
    });

    const bad = ['bad', '[1]', '{"a":1', '{"a":"\xff"}', 'null', '{"kind":"Event"}}', '', '\0'];
    const good = [
      bodyEvent('1'),
      '{"a":1}',
      '{"stageTimestamp":"2020-01-01T00:00:00Z"}',
      bodyEvent('2'),
    ];
    const block = (lines: readonly string[], ended = true): Block =>
      blockOf(Buffer.from(lines.join('\n') + (ended ? '\n' : ''), 'latin1'));

    /** What comes out for each line where it stands, when it is alone there. */
    function alone(lines: readonly string[], index: number): Buffer {
      const start = Buffer.byteLength(
        lines
          .slice(0, index)
          .map((one) => `${one}\n`)
          .join(''),
        'latin1',
      );
      return fresh(make, blockOf(Buffer.from(`${lines[index]}\n`, 'latin1'), { start }));
    }

    it('costs no line of it anything when others are bad, wherever they stand', () => {
      const ascii = good.map((text) => Buffer.from(text).toString('latin1'));
      for (const one of bad) {
        for (const other of ['', 'bad']) {
          const layouts = [
            [one, ...ascii],
            [...ascii, one],
            [one, ...ascii, other],
            [...ascii.slice(0, 2), one, ...ascii.slice(2)],
            [...ascii.slice(0, 2), one, other, one, ...ascii.slice(2)],
            [one, ascii[0] ?? '', other, ascii[1] ?? '', one],
            [one],
            [one, other],
          ];
          for (const lines of layouts) {
            const expected = Buffer.concat(lines.map((_, index) => alone(lines, index)));
            assert.ok(fresh(make, block(lines)).equals(expected), lines.join('|').slice(0, 200));
            assert.ok(fresh(make, block(lines, false)).equals(expected));
          }
        }
      }
    });

    it('is nothing when it is blank', () => {
      for (const text of ['', '\n', '\n\n\n', ' \n\t\r\n', '\0\n', ' ', '\r']) {
        const { payload, accounts, invalid } = transcoderOf(make()).transcode(blockOf(text));
        assert.deepEqual([bytesOf(payload).length, invalid], [0, []]);
        assert.deepEqual(accounts.delivered, { events: 0, bytes: text.length });
      }
    });

    it('stays what it was while others are transcoded, in slabs and elsewhere', () => {
      const transcoder = transcoderOf(make());
      const inFlight = Array.from({ length: 6 }, (_, index) => {
        const text = `{"a":${index}}\n`.repeat(50) + bodyEvent(String(index)).repeat(index % 3);
        const given = index % 2 === 0 ? inSlab(transcoder, text) : blockOf(text);
        return transcoder.transcode(given).payload;
      });
      const before = inFlight.map(bytesOf);
      for (let length = 1; length < 5000; length *= 2) {
        transcoder.transcode(blockOf('{"other":2}\nbad\n'.repeat(length)));
        transcoder.recycle(
          transcoder.transcode(inSlab(transcoder, '{"x":3}\n'.repeat(length))).payload,
        );
      }
      assert.deepEqual(inFlight.map(bytesOf), before);
    });

    it('may be halved while the whole is still on its way, as what a receiver refuses is', () => {
      const transcoder = transcoderOf(make());
      const lines = Array.from({ length: 9 }, (_, index) => bodyEvent(String(index)));
      const whole = inSlab(transcoder, `${lines.join('\n')}\nbad\n`);
      const { payload } = transcoder.transcode(whole);
      const before = bytesOf(payload);
      const halves = divide([whole]).flat();
      assert.equal(halves.length, 2);
      const parts = halves.map((half) => transcoder.transcode(half).payload);
      assert.ok(bytesOf(payload).equals(before), 'the whole was not written over');
      assert.ok(bytesOf(parts.flat()).equals(before), 'the halves are the whole');
      for (const part of parts) transcoder.recycle(part);
      transcoder.recycle(payload);
      const again = halves.map((half) => transcoder.transcode(half).payload);
      assert.ok(bytesOf(again.flat()).equals(before));
    });
  });
}

describe('the memory of a slab', () => {
  const make = (): BlockTranscoder => transcoderOf(forwardWriter(ALL_ADDED));
  const EVENTS = `${bodyEvent('1')}\n`.repeat(100);

  it('holds what its block became', () => {
    const transcoder = make();
    const block = inSlab(transcoder, EVENTS);
    const { payload } = transcoder.transcode(block);
    assert.deepEqual([payload.length, payload[0]?.buffer], [1, block.bytes.buffer]);
    assert.ok(bytesOf(payload).equals(fresh(() => forwardWriter(ALL_ADDED), blockOf(EVENTS))));
  });

  it('is used again when that is settled, and not before', () => {
    const transcoder = make();
    const block = inSlab(transcoder, EVENTS);
    for (let time = 0; time < 3; time++) {
      const first = transcoder.transcode(block).payload;
      assert.equal(first[0]?.buffer, block.bytes.buffer);
      const second = transcoder.transcode(block).payload;
      assert.ok(second.every(({ buffer }) => Core.of(buffer) === undefined));
      assert.ok(bytesOf(first).equals(bytesOf(second)));
      // What is elsewhere does not free it.
      transcoder.recycle(second);
      assert.notEqual(transcoder.transcode(block).payload[0]?.buffer, block.bytes.buffer);
      transcoder.recycle(first);
    }
  });

  it('is free where nothing was written into it', () => {
    const transcoder = make();
    const block = inSlab(transcoder, 'bad\nbad\n');
    transcoder.transcode(block);
    block.bytes.write('{}\n{ }\n ');
    assert.equal(transcoder.transcode(block).payload[0]?.buffer, block.bytes.buffer);
  });

  it('is not what a block from elsewhere becomes', () => {
    const { payload } = make().transcode(blockOf(EVENTS));
    assert.ok(payload.every(({ buffer }) => Core.of(buffer) === undefined));
  });

  it('is made larger with what it holds', () => {
    const transcoder = make();
    const place = transcoder.makeSlab(10);
    place.slab.write('{"a":');
    place.grow(100_000);
    place.slab.write('1}\n', 5);
    const { payload } = transcoder.transcode(blockOf(place.slab.subarray(0, 8)));
    assert.ok(bytesOf(payload).equals(fresh(() => forwardWriter(ALL_ADDED), blockOf('{"a":1}\n'))));
  });
});

describe('a block that takes more room than a slab has', () => {
  const fields = { long: 'x'.repeat(3000), longer: 'ö'.repeat(4000) };
  const wide = [
    (): EventWriter => forwardWriter({ fields, coordinates: true }),
    (): EventWriter => new JsonWriter(new Shipper({ fields, coordinates: true })),
  ];
  const lines = Array.from({ length: 200 }, (_, index) => {
    if (index % 70 === 69) return 'bad';
    return index % 50 === 49 ? `{"a":[${'-0,'.repeat(300)}-0]}` : '{}';
  });
  const text = `${lines.join('\n')}\n`;
  const offsets = lines.map(
    (_, index) => lines.slice(0, index).join('\n').length + Math.min(index, 1),
  );

  for (const make of wide) {
    it('comes out whole: what was written first stays as it was', () => {
      const one = transcoderOf(make());
      const expected = lines.map((each, index) => {
        const { payload } = one.transcode(blockOf(`${each}\n`, { start: offsets[index] ?? 0 }));
        return bytesOf(payload);
      });
      const transcoder = transcoderOf(make());
      const block = inSlab(transcoder, text);
      const inPlace = transcoder.transcode(block);
      assert.ok(bytesOf(inPlace.payload).equals(Buffer.concat(expected)));
      assert.ok(inPlace.payload.length > 8, 'it took several turns');
      assert.equal(inPlace.accounts.delivered.events, lines.length);
      const elsewhere = transcoder.transcode(blockOf(text));
      assert.ok(bytesOf(elsewhere.payload).equals(Buffer.concat(expected)));
      assert.ok(bytesOf(inPlace.payload).equals(Buffer.concat(expected)));
    });
  }
});

it('a block may be nothing but lines that are taken apart, and they are many', () => {
  // Each costs the same: a block of them is not looked through again for each of its lines.
  const count = 30_000;
  for (const make of [
    (): EventWriter => forwardWriter(NOTHING_ADDED),
    () => new JsonWriter(new Shipper(NOTHING_ADDED)),
  ]) {
    const one = fresh(make, blockOf('\0{"a":1}\n'));
    const many = fresh(make, blockOf('\0{"a":1}\n'.repeat(count)));
    assert.ok(many.equals(Buffer.from(one.toString('latin1').repeat(count), 'latin1')));
  }
});

it('a block may be nothing but bad lines, and they are many', () => {
  const count = 10_000;
  const { payload, accounts, invalid } = transcoderOf(forwardWriter(ALL_ADDED)).transcode(
    blockOf('bad\n'.repeat(count)),
  );
  const entries = entriesIn(bytesOf(payload));
  assert.deepEqual(
    [entries.length, accounts.delivered.events, invalid.length],
    Array(3).fill(count),
  );
  for (const [, record] of entries) assert.equal(record['log'], 'bad');
});

it('a block of any bytes is whole lines of output, whatever is in it', () => {
  const bytesOnly = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const lined = fc
    .array(bytesOnly.map(withoutNewlines))
    .map((all) => Buffer.from(all.join('\n'), 'latin1'));
  fc.assert(
    fc.property(fc.oneof(bytesOnly, lined), (bytes) => {
      for (const [, make] of WRITERS) {
        const { accounts, payload } = transcoderOf(make()).transcode(blockOf(bytes));
        assert.equal(accounts.delivered.bytes, bytes.length);
        assert.equal(accounts.delivered.events > 0, bytesOf(payload).length > 0);
      }
    }),
    { numRuns: 200 },
  );
});

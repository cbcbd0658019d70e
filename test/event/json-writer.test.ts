/**
 * How an event is written as JSON: where `shipper` goes, and that untouched bytes are not even copied.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper, type ShipperOptions } from '../../src/event/shipper.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { blockOf, bodyEvent, FINGERPRINT, LOG, type BlockOptions } from '../support/blocks.ts';
import { objectText, space } from '../support/json-texts.ts';
import { comparable, readingOf } from '../support/reference.ts';

type Options = Partial<ShipperOptions>;

function payloadOf(
  content: Buffer | string,
  options: Options = {},
  where: BlockOptions = {},
): readonly Uint8Array[] {
  const writer = new JsonWriter(new Shipper({ fields: {}, coordinates: false, ...options }));
  return new BlockTranscoder(writer).transcode(blockOf(content, where)).payload;
}

function written(
  content: Buffer | string,
  options: Options = {},
  where: BlockOptions = {},
): string {
  return Buffer.concat(payloadOf(content, options, where)).toString('utf8');
}

/** Bytes that share their memory with nothing else. */
const ownBytes = (text: string): Buffer => Buffer.alloc(text.length, text);

describe('an untouched event', () => {
  it('is not copied, and neighbours are one piece', () => {
    const bytes = ownBytes('{"a":1}\n{"b":2}\r\n{"c":3}\n');
    const [piece, ...rest] = payloadOf(bytes);
    assert.deepEqual(rest, []);
    assert.equal(piece?.buffer, bytes.buffer);
    assert.equal(Buffer.from(piece).toString(), bytes.toString());
  });

  it('gets a newline where the last one has none', () => {
    const bytes = Buffer.from('{"a":1}\n{"b":2}');
    assert.equal(written(bytes), '{"a":1}\n{"b":2}\n');
    assert.equal(bytes.toString(), '{"a":1}\n{"b":2}');
  });

  it('gets a newline of its own where another event follows without one', () => {
    const event = bodyEvent('1');
    assert.equal(written(`${event}${event}\n`), `${event}\n${event}\n`);
  });

  it('keeps its place among what is no event', () => {
    const [first, bad, second] = written('{"a":1}\nbad\n{"b":2}\n').split('\n');
    assert.deepEqual([first, second], ['{"a":1}', '{"b":2}']);
    assert.match(bad ?? '', /"log":"bad"\}$/);
  });

  it('is copied from nowhere, also around what is none', () => {
    const bytes = ownBytes('{"a":1}\n\n{"b":2}\nbad\n{"c":3}\n');
    const events = payloadOf(bytes).filter(({ buffer }) => buffer === bytes.buffer);
    assert.deepEqual(
      events.map((piece) => Buffer.from(piece).toString()),
      ['{"a":1}\n', '{"b":2}\n', '{"c":3}\n'],
    );
  });
});

describe('shipper', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['before the last brace', '{"a":{"b":1}}', '{"a":{"b":1},"shipper":{"node":"m1"}}'],
    ['without a comma where there is no other key', '{}', '{"shipper":{"node":"m1"}}'],
    ['in an empty object with blanks', '{ \t}', '{ \t"shipper":{"node":"m1"}}'],
    ['before blanks, which go', '{"a":1} \t\r', '{"a":1,"shipper":{"node":"m1"}}'],
    ['behind blanks, which stay', ' {"a":1 }', ' {"a":1 ,"shipper":{"node":"m1"}}'],
    ['behind a brace in a text', '{"a":"}{"}', '{"a":"}{","shipper":{"node":"m1"}}'],
    ['behind an empty object', '{"a":{}}', '{"a":{},"shipper":{"node":"m1"}}'],
    [
      'as it is, beside one that the event has',
      '{"shipper":1}',
      '{"shipper":1,"shipper":{"node":"m1"}}',
    ],
  ];
  for (const [name, event, expected] of cases) {
    it(`is added ${name}`, () => {
      assert.equal(written(`${event}\n`, { fields: { node: 'm1' } }), `${expected}\n`);
    });
  }

  it('says where each event stands', () => {
    const at = (offset: number): string =>
      `"shipper":{"file":"${LOG}","offset":${offset},"id":"${FINGERPRINT}-${offset}"}`;
    assert.equal(
      written('{"a":1}\n{}\n', { coordinates: true }, { start: 4096 }),
      `{"a":1,${at(4096)}}\n{${at(4104)}}\n`,
    );
    const far = Number.MAX_SAFE_INTEGER - 10;
    assert.equal(written('{}', { coordinates: true }, { start: far }), `{${at(far)}}\n`);
  });

  it('wins over a key of that name that a client managed to place: readers take the last', () => {
    const added = written('{"shipper":{"node":"x"}}\n', { fields: { node: 'm1' } });
    assert.deepEqual(JSON.parse(added), { shipper: { node: 'm1' } });
  });

  it('is one piece for many events', () => {
    const payload = payloadOf('{"a":1}\n'.repeat(100), { coordinates: true });
    assert.equal(payload.length, 1);
    assert.equal(Buffer.concat(payload).toString().trimEnd().split('\n').length, 100);
  });

  it('is all that changes, in whatever form the event is written', () => {
    const line = fc
      .tuple(space, objectText, space)
      .map(([before, text, behind]) => before + text + behind);
    fc.assert(
      fc.property(line, (text) => {
        const out = Buffer.from(written(`${text}\n`, { fields: { node: 'm1' } }));
        const end = text.lastIndexOf('}');
        const comma = text.slice(0, end).trim() === '{' ? '' : ',';
        const expected = `${text.slice(0, end)}${comma}"shipper":{"node":"m1"}}\n`;
        assert.equal(out.toString(), Buffer.from(expected).toString());
        const own = readingOf(Buffer.from(text)).value as object;
        const all = { ...own, shipper: { node: 'm1' } };
        assert.deepEqual(comparable(readingOf(out.subarray(0, -1)).value), comparable(all));
      }),
      { numRuns: 500 },
    );
  });
});

describe('what is no event', () => {
  it('is text where it is UTF-8, with its coordinates in any case', () => {
    const text = 'tab\tquote" größe\u2028 \u0000';
    assert.deepEqual(JSON.parse(written(`x${text}\n`, {}, { start: 8 })), {
      shipper: { file: LOG, offset: 8, id: `${FINGERPRINT}-8`, error: 'the line is not JSON' },
      log: `x${text.slice(0, -1)}`,
    });
  });

  it('is base64 where it is not, below the fields that all events have', () => {
    const options = { fields: { node: 'm1' } };
    const line = written(Buffer.from([0xff, 0xfe]), options, { kind: 'part' });
    const { shipper, ...rest } = JSON.parse(line) as Record<string, object>;
    assert.deepEqual(rest, { log_base64: '//4=' });
    assert.deepEqual(Object.keys(shipper ?? {}), ['node', 'file', 'offset', 'id', 'error', 'part']);
  });
});

describe('a long line that is no event', () => {
  const long: readonly (readonly [string, Buffer])[] = [
    ['characters of four bytes', Buffer.from('🚀'.repeat(20_000))],
    ['characters of four bytes, one byte later', Buffer.from(`x${'🚀'.repeat(20_000)}`)],
    ['characters of three bytes, two bytes later', Buffer.from(`xx${'用'.repeat(20_000)}`)],
    ['control characters', Buffer.alloc(50_000, 1)],
    ['binary', Buffer.from(Array.from({ length: 50_000 }, (_, index) => (index * 7) % 256))],
  ];
  for (const [name, bytes] of long) {
    it(`comes out whole: ${name}`, () => {
      const line = written(bytes, {}, { kind: 'part' });
      const { log, log_base64 } = JSON.parse(line) as Record<string, string>;
      const whole = log === undefined ? Buffer.from(log_base64 ?? '', 'base64') : Buffer.from(log);
      assert.ok(whole.equals(bytes));
    });
  }
});

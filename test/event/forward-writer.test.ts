/**
 * From a block to entries of the Forward protocol: each has a time and the record that the JSON writer gives, read by
 * an independent decoder.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import type { Block } from '../../src/event/block.ts';
import type { TimeKey } from '../../src/event/event-time.ts';
import { ForwardWriter } from '../../src/event/forward-writer.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper, type ShipperOptions } from '../../src/event/shipper.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { blockOf, bodyEvent, FINGERPRINT, LOG } from '../support/blocks.ts';
import { comparable, entriesIn, type Entry } from '../support/reference.ts';

const NOW_MS = 1_772_600_767_089;
const NOW = '1772600767.089000000';
/** The stageTimestamp of bodyEvent. */
const STAGE = '1772600767.123456000';

interface Options extends Partial<ShipperOptions> {
  readonly timeKey?: TimeKey;
}

function transcoderWith(options: Options = {}): BlockTranscoder {
  const { fields = {}, coordinates = false, timeKey = 'stageTimestamp' } = options;
  const writer = new ForwardWriter({ shipper: new Shipper({ fields, coordinates }), timeKey });
  return new BlockTranscoder(writer, () => NOW_MS);
}

const entriesOf = (payload: readonly Uint8Array[]): readonly Entry[] =>
  entriesIn(Buffer.concat(payload));

/** The entries that a block becomes. */
function entries(content: Block | Buffer | string, options: Options = {}): readonly Entry[] {
  const block =
    typeof content === 'string' || Buffer.isBuffer(content) ? blockOf(content) : content;
  const { payload, accounts } = transcoderWith(options).transcode(block);
  const found = entriesOf(payload);
  const whole = block.kind === 'part' ? [] : found;
  assert.equal(
    accounts.delivered.events,
    whole.length,
    'the number of entries is the size of the message',
  );
  return found;
}

/** The same block through both formats: the records are the same. */
function assertSameAsJson(block: Block, options: Options): void {
  const { fields = {}, coordinates = false } = options;
  const json = new BlockTranscoder(new JsonWriter(new Shipper({ fields, coordinates })));
  const lines = Buffer.concat(json.transcode(block).payload).toString('utf8').split('\n');
  const records = lines.slice(0, -1).map((line) => JSON.parse(line) as unknown);
  const found = entries(block, options).map(([, record]) => record);
  assert.equal(found.length, records.length);
  for (const [index, record] of found.entries()) {
    const isSame = isDeepStrictEqual(comparable(record), comparable(records[index]));
    assert.ok(isSame, JSON.stringify(records[index]).slice(0, 300));
  }
}

const anyOptions = fc.record({
  fields: fc.constantFrom(
    {},
    { node: 'm1' },
    { node: 'größe 🚀', cluster: 'c'.repeat(300), a: '' },
  ),
  coordinates: fc.boolean(),
});

describe('an entry', () => {
  it('is the event’s time and the event', () => {
    const event = bodyEvent('1');
    assert.deepEqual(entries(`${event}\n`), [[STAGE, JSON.parse(event)]]);
  });

  it('begins as Fluentd wants it: an array of two, and eight bytes of ext type 0', () => {
    const [payload = Buffer.alloc(0)] = transcoderWith().transcode(blockOf('{}\n')).payload;
    const head = [0x92, 0xd7, 0, ...Buffer.from('69a7bdbf054e0840', 'hex')];
    assert.deepEqual(Array.from(payload), [...head, 0x80]);
  });

  it('has the text of all digits of a number, and keys as they come', () => {
    const [[, record] = []] = entries('{"b":9007199254740993,"a":18446744073709551615}\n');
    assert.deepEqual(record, { b: 9007199254740993n, a: 18446744073709551615n });
    assert.deepEqual(Object.keys(record ?? {}), ['b', 'a']);
  });
});

describe('the time of an entry', () => {
  const STAGED = '"stageTimestamp":"2026-03-04T05:06:07.123456Z"';
  const RECEIVED = '"requestReceivedTimestamp":"2026-03-04T05:06:06.5+01:00"';
  const timeOf = (json: string, options?: Options): string | undefined =>
    entries(json, options)[0]?.[0];

  it('is what the time key says', () => {
    const event = `{${RECEIVED},${STAGED}}`;
    assert.equal(timeOf(event), STAGE);
    assert.equal(timeOf(event, { timeKey: 'requestReceivedTimestamp' }), '1772597166.500000000');
    assert.equal(timeOf(event, { timeKey: 'now' }), NOW);
  });

  const without = ['{}', '{"stageTimestamp":1}', '{"stageTimestamp":"soon"}', `{"a":{${STAGED}}}`];
  without.push(`{${RECEIVED}}`, '{"stageTimestamp":"1969-12-31T23:59:59Z"}');
  for (const json of without) {
    it(`is the present for ${json}`, () => {
      assert.equal(timeOf(json), NOW);
    });
  }

  it('is each event’s own', () => {
    const times = entries(`{${STAGED}}\n{}\n{${STAGED}}\n`).map(([time]) => time);
    assert.deepEqual(times, [STAGE, NOW, STAGE]);
  });
});

describe('the record', () => {
  const line = fc.oneof(
    fc.json().map((json) => Buffer.from(json)),
    fc
      .dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 })
      .map((value) => Buffer.from(JSON.stringify(value))),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(bodyEvent('1'), bodyEvent('1').slice(0, 300) + bodyEvent('2'))
      .map((text) => Buffer.from(text)),
    fc
      .constantFrom('', '\r', '\0\0', '\0{"a":1}', ' {} ', '[1]', '{"a":1}{"b":2}')
      .map((text) => Buffer.from(text)),
  );
  const anyBlock = fc.tuple(fc.array(line), fc.boolean(), fc.nat()).map(([lines, ended, start]) => {
    const bytes = Buffer.concat(lines.flatMap((one) => [one, Buffer.from('\n')]));
    return blockOf(ended ? bytes : bytes.subarray(0, -1), { start });
  });

  it('is that of the JSON writer, for events and for what is none', () => {
    fc.assert(fc.property(anyBlock, anyOptions, assertSameAsJson), { numRuns: 500 });
  });

  it('is that of the JSON writer for a line in parts', () => {
    for (const [kind, text] of [
      ['part', 'größe'],
      ['last-part', 'x"\n'],
      ['last-part', '\n'],
    ] as const) {
      assertSameAsJson(blockOf(text, { kind, start: 8 }), { fields: { node: 'm1' } });
      assertSameAsJson(blockOf(Buffer.from(text, 'latin1'), { kind }), {});
    }
  });

  it('is that of the JSON writer for a long line that is none', () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));
    const binary = bytes.map((byte) => (byte === 10 ? 11 : byte)) as Buffer;
    for (const length of [49_998, 49_999, 50_000]) {
      assertSameAsJson(blockOf(binary.subarray(0, length)), { coordinates: true });
    }
    assertSameAsJson(blockOf(`x${'🚀'.repeat(50_000)}`), { coordinates: true });
  });

  it('has shipper as its last key, also beside one of the event and alone', () => {
    const options = { fields: { node: 'm1' }, coordinates: true };
    const text = '{"a":1}\n{}\n{"shipper":1,"b":2}\n';
    const at = (offset: number): object => ({
      shipper: { node: 'm1', file: LOG, offset, id: `${FINGERPRINT}-${offset}` },
    });
    const found = entries(blockOf(text, { start: 5_000_000_000 }), options);
    const expected = [
      { a: 1, ...at(5_000_000_000) },
      at(5_000_000_008),
      { ...at(5_000_000_011), b: 2 },
    ];
    assert.deepEqual(
      found.map(([, record]) => comparable(record)),
      expected,
    );
    const { payload } = transcoderWith({ fields: { node: 'm1' } }).transcode(
      blockOf('{"shipper":1}'),
    );
    const last = Buffer.concat([encode('shipper'), encode({ node: 'm1' })]);
    assert.ok(Buffer.concat(payload).subarray(-last.length).equals(last));
  });

  it('follows the file and the generation', () => {
    const transcoder = transcoderWith({ coordinates: true });
    const found = ['/a', '/a', '/b', '/b', '/a'].map((log, index) => {
      const block = blockOf('{}\n', { log, fingerprint: `f${index}` });
      return entriesOf(transcoder.transcode(block).payload)[0]?.[1]['shipper'];
    });
    assert.deepEqual(
      found,
      ['/a', '/a', '/b', '/b', '/a'].map((file, index) => ({ file, offset: 0, id: `f${index}-0` })),
    );
  });

  it('may have many fields, and long ones', () => {
    for (const count of [12, 13, 15, 16, 20]) {
      const fields = Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`f${index}`, 'x'.repeat(index * 9)]),
      );
      assertSameAsJson(blockOf('{"a":1}\nbad\n'), { fields, coordinates: true });
    }
  });
});

describe('a line that is no event', () => {
  it('leaves nothing behind where it was begun', () => {
    const broken = `${bodyEvent('1').slice(0, -1)}]`;
    const found = entries(`${bodyEvent('1')}\n${broken}\n{"b":2}\n`);
    assert.deepEqual([found[0]?.[0], found[2]?.[1]], [STAGE, { b: 2 }]);
    assert.deepEqual([found.length, found[1]?.[0], found[1]?.[1]['log']], [3, NOW, broken]);
  });

  it('costs its neighbours nothing when it is not UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":"größe"}\n{"b":"'),
      Buffer.from([0xff]),
      Buffer.from('"}\n{"c":1}\n'),
    ]);
    const records = entries(bytes).map(([, record]) => record);
    assert.deepEqual([records[0], records[2]], [{ a: 'größe' }, { c: 1 }]);
    assert.equal(Buffer.from(String(records[1]?.['log_base64']), 'base64').at(6), 0xff);
  });
});

describe('an event', () => {
  it('may take all the memory that it needs', () => {
    const value = { a: 'x'.repeat(3_000_000), b: Array.from({ length: 100_000 }, () => 1.5) };
    const found = entries(`${JSON.stringify(value)}\n{"c":1}\n`, { coordinates: true });
    const { shipper, ...rest } = found[0]?.[1] ?? {};
    assert.ok(isDeepStrictEqual(rest, value) && shipper !== undefined);
    assert.equal(found[1]?.[1]['c'], 1);
  });

  it('is written anew from a block that holds other bytes now', () => {
    const transcoder = transcoderWith({ coordinates: true });
    const block = blockOf('{"a":1}\n');
    const first = Buffer.concat(transcoder.transcode(block).payload);
    block.bytes.write('{"\xff":1}\n', 'latin1');
    const second = Buffer.concat(transcoder.transcode(block).payload);
    const [[, event] = [], [, wrapped] = []] = entriesOf([first, second]);
    assert.equal(event?.['a'], 1);
    assert.equal(wrapped?.['log_base64'], block.bytes.toString('base64', 0, 7));
  });
});

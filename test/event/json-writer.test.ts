/**
 * How an event is written as JSON: where `shipper` goes, and that untouched bytes are not even copied.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper, type ShipperOptions } from '../../src/event/shipper.ts';
import { blockOf, FINGERPRINT, LOG } from '../support/blocks.ts';

function writer(options: Partial<ShipperOptions> = {}): JsonWriter {
  return new JsonWriter(new Shipper({ fields: {}, coordinates: false, ...options }));
}

function text(payload: readonly Uint8Array[]): string {
  return Buffer.concat(payload).toString('utf8');
}

/** Writes each line of the text as an event. */
function writeEvents(to: JsonWriter, content: string, start = 0): readonly Uint8Array[] {
  const block = blockOf(content, { start });
  for (let at = 0; at < block.bytes.length;) {
    const newline = block.bytes.indexOf(10, at);
    const end = newline === -1 ? block.bytes.length : newline;
    to.event(block, at, end);
    at = end + 1;
  }
  return to.take();
}

describe('an untouched event', () => {
  it('is not copied, and neighbours are one piece', () => {
    const block = blockOf('{"a":1}\n{"b":2}\r\n{"c":3}\n');
    const json = writer();
    json.event(block, 0, 7);
    json.event(block, 8, 16);
    json.event(block, 17, 24);
    const [piece, ...rest] = json.take();
    assert.deepEqual(rest, []);
    assert.equal(piece?.buffer, block.bytes.buffer);
    assert.equal(text([piece]), '{"a":1}\n{"b":2}\r\n{"c":3}\n');
  });

  it('gets a newline of its own where another event follows without one', () => {
    const block = blockOf('{"a":1}{"b":2}\n');
    const json = writer();
    json.event(block, 0, 7);
    json.event(block, 7, 14);
    assert.equal(text(json.take()), '{"a":1}\n{"b":2}\n');
  });

  it('keeps its place among what is no event', () => {
    const block = blockOf('{"a":1}\nbad\n{"b":2}\n');
    const json = writer();
    json.event(block, 0, 7);
    json.invalid(block, 8, 11, 'not-json');
    json.event(block, 12, 19);
    const [first, bad, second] = text(json.take()).split('\n');
    assert.deepEqual([first, second], ['{"a":1}', '{"b":2}']);
    assert.match(bad ?? '', /"log":"bad"\}$/);
  });

  it('goes out once', () => {
    const json = writer();
    writeEvents(json, '{"a":1}\n');
    assert.deepEqual(json.take(), []);
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
      const added = text(writeEvents(writer({ fields: { node: 'm1' } }), `${event}\n`));
      assert.equal(added, `${expected}\n`);
    });
  }

  it('says where each event stands', () => {
    const added = text(writeEvents(writer({ coordinates: true }), '{"a":1}\n{}\n', 4096));
    const at = (offset: number): string =>
      `"shipper":{"file":"${LOG}","offset":${offset},"id":"${FINGERPRINT}-${offset}"}`;
    assert.equal(added, `{"a":1,${at(4096)}}\n{${at(4104)}}\n`);
  });

  it('wins over a key of that name that a client managed to place: readers take the last', () => {
    const added = text(
      writeEvents(writer({ fields: { node: 'm1' } }), '{"shipper":{"node":"x"}}\n'),
    );
    assert.deepEqual(JSON.parse(added), { shipper: { node: 'm1' } });
  });

  it('is one buffer for many events', () => {
    const payload = writeEvents(writer({ coordinates: true }), '{"a":1}\n'.repeat(100));
    assert.equal(payload.length, 1);
    assert.equal(text(payload).trimEnd().split('\n').length, 100);
  });
});

describe('what is no event', () => {
  it('is text where it is UTF-8, with its coordinates in any case', () => {
    const block = blockOf('tab\tquote" größe\u2028 \u0000\n', { start: 8 });
    const json = writer();
    json.invalid(block, 0, block.bytes.length - 1, 'not-json');
    assert.deepEqual(JSON.parse(text(json.take())), {
      shipper: { file: LOG, offset: 8, id: `${FINGERPRINT}-8`, error: 'the line is not JSON' },
      log: 'tab\tquote" größe\u2028 \u0000',
    });
  });

  it('is base64 where it is not, below the fields that all events have', () => {
    const block = blockOf(Buffer.from([0xff, 0xfe]));
    const json = writer({ fields: { node: 'm1' } });
    json.invalid(block, 0, 2, 'too-long', 'more');
    const { shipper, ...rest } = JSON.parse(text(json.take())) as Record<string, object>;
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
      const json = writer();
      json.invalid(blockOf(bytes), 0, bytes.length, 'not-json');
      const { log, log_base64 } = JSON.parse(text(json.take())) as Record<string, string>;
      const whole = log === undefined ? Buffer.from(log_base64 ?? '', 'base64') : Buffer.from(log);
      assert.ok(whole.equals(bytes));
    });
  }
});

describe('the buffers of payloads', () => {
  const located = (): JsonWriter => writer({ coordinates: true });
  const EVENTS = '{"a":1}\n'.repeat(1000);

  it('are used again when they are settled: memory does not grow with what goes through', () => {
    const json = located();
    const used = new Set<ArrayBufferLike>();
    for (let chunk = 0; chunk < 100; chunk++) {
      const payload = writeEvents(json, EVENTS);
      const [piece] = payload;
      if (chunk >= 10 && piece !== undefined) used.add(piece.buffer);
      json.recycle(payload);
    }
    assert.equal(used.size, 1);
  });

  it('are not touched before', () => {
    const json = located();
    const inFlight = Array.from({ length: 5 }, () => writeEvents(json, EVENTS));
    const before = inFlight.map(text);
    json.recycle(inFlight.shift() ?? []);
    for (let chunk = 0; chunk < 5; chunk++) writeEvents(json, '{"other":2}\n'.repeat(2000));
    assert.deepEqual(inFlight.map(text), before.slice(1));
  });

  it('are not those of blocks: what was not copied is not ours', () => {
    const json = writer();
    const block = blockOf(EVENTS);
    for (let start = 0; start < block.bytes.length; start += 8) json.event(block, start, start + 7);
    const payload = json.take();
    assert.equal(payload[0]?.buffer, block.bytes.buffer);
    json.recycle(payload);
    json.invalid(blockOf('bad'), 0, 3, 'not-json');
    assert.notEqual(json.take()[0]?.buffer, block.bytes.buffer);
    assert.equal(block.bytes.toString(), EVENTS);
  });

  it('are not taken twice, and not kept when a single line made them large', () => {
    const json = located();
    const large = writeEvents(json, `{"a":"${'x'.repeat(3 * 1024 * 1024)}"}\n`);
    json.recycle(large);
    const first = writeEvents(json, EVENTS);
    assert.notEqual(first[0]?.buffer, large[0]?.buffer);
    json.recycle(first);
    json.recycle(first);
    const next = [writeEvents(json, EVENTS), writeEvents(json, EVENTS)];
    assert.notEqual(next[0]?.[0]?.buffer, next[1]?.[0]?.buffer);
  });
});

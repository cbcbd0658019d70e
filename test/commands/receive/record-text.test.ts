/** A record as a line: nothing in it breaks the line, the terminal or the program. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventTime } from '@fluent-org/logger';
import { jsonText, prettyText } from '../../../src/commands/receive/record-text.ts';
import type { ReceivedRecord } from '../../../src/commands/receive/record-text.ts';

const PLAIN = { color: false, width: undefined, wide: true, timeZone: 'UTC' };

/** Whatever a terminal would act upon. */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u202e]/;

function nested(levels: number): ReceivedRecord {
  let record: ReceivedRecord = {};
  for (let level = 0; level < levels; level++) record = { a: record };
  return record;
}

describe('a record as JSON', () => {
  it('is one line that parses back to the record', () => {
    const record = { kind: 'Event', text: 'a\nb\u0000\u007f\u009b"', list: [1, null, { b: true }] };
    const line = jsonText(record);
    assert.doesNotMatch(line, CONTROLS);
    assert.deepEqual(JSON.parse(line), record);
  });

  it('has bytes as base64 and times as RFC 3339, wherever they stand', () => {
    const time = new EventTime(1_772_600_767, 1_000_002);
    const record = { bytes: [Buffer.from('ab'), new Uint8Array([255])], at: { time } };
    assert.equal(
      jsonText(record),
      '{"bytes":["YWI=","/w=="],"at":{"time":"2026-03-04T05:06:07.001000002Z"}}',
    );
  });

  it('says so when the record is too deep, and takes the depth of real events', () => {
    assert.match(jsonText(nested(100_000)), /nested too deeply/);
    assert.equal(jsonText(nested(1000)).length, '{"a":}'.length * 1000 + 2);
  });
});

describe('a record for a person', () => {
  const event = {
    kind: 'Event',
    auditID: 'a',
    stage: 'ResponseComplete',
    verb: 'get',
    stageTimestamp: '2026-03-04T05:06:07.000000Z',
    user: { username: 'alice' },
    userAgent: 'curl\u001b]0;owned\u0007\u009b2J\u202e\u007f\r\n',
  };

  it('is an event on one line, with a hostile user agent made harmless', () => {
    const line = prettyText(event, PLAIN);
    assert.match(line, /alice .*get .*curl\\x1b\]0;owned\\x07\\x9b2J\\u202e\\x7f/);
    assert.doesNotMatch(line, CONTROLS);
  });

  it('is an invalid line with its place, from text and from bytes', () => {
    const shipper = { file: '/logs/audit.log', offset: 7, error: 'the line is not JSON' };
    const expected = /invalid +\/logs\/audit\.log:7 the line is not JSON: to\\x1bgarbage/;
    const log = 'to\u001bgarbage';
    assert.match(prettyText({ shipper, log }, PLAIN), expected);
    const base64 = Buffer.from(log).toString('base64');
    assert.match(prettyText({ shipper, log_base64: base64 }, PLAIN), expected);
  });

  it('is JSON when it is neither, without control characters and as wide as the terminal', () => {
    const record = { message: 'x\u001b[2J\u009b\u007f\u202e' };
    const line = prettyText(record, PLAIN);
    assert.doesNotMatch(line, CONTROLS);
    assert.match(line, /^\{"message":"x\\u001b\[2J\\u009b\\u007f\\u202e"\}$/);
    assert.equal(prettyText({ message: 'x'.repeat(500) }, { ...PLAIN, width: 60 }).length, 60);
  });

  it('never throws for what stands where something else was expected', () => {
    const odd: readonly unknown[] = [
      { shipper: { error: 'e', offset: { valueOf: 1, toString: 1 }, file: [] }, log: '' },
      { shipper: null, log: 'x' },
      { shipper: 'text', log: 'x' },
      { shipper: { error: 'e' }, log: new Uint8Array([1]) },
      { kind: 'Event', user: new EventTime(1, 2), sourceIPs: [nested(3)], userAgent: [] },
      [],
      new Uint8Array([1, 2]),
      nested(100_000),
    ];
    for (const record of odd) {
      assert.doesNotMatch(prettyText(record as ReceivedRecord, PLAIN), CONTROLS);
    }
  });
});

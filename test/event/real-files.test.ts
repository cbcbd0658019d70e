/**
 * Real audit files, from a real kube-apiserver and from public repositories: each line that JSON.parse takes for an
 * object comes out as the same record, or byte for byte. The files lie beside the checkout and are no part of it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { FIELDS } from '../../src/event/core.ts';
import { ForwardWriter } from '../../src/event/forward-writer.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { blockOf } from '../support/blocks.ts';
import { membersOf } from '../support/members.ts';
import { foundMembers, judged } from '../support/one-core.ts';
import {
  eventsOf,
  NO_REAL_FILES,
  REAL_FILES,
  realContent,
  realLines,
  type RealEvent,
} from '../support/real-files.ts';
import { comparable, entriesIn } from '../support/reference.ts';

const shipper = new Shipper({ fields: {}, coordinates: false });
const forward = new BlockTranscoder(new ForwardWriter({ shipper, timeKey: 'stageTimestamp' }));
const json = new BlockTranscoder(new JsonWriter(shipper));

/** The wrong ones say so: what they were is tested elsewhere. */
const isWrapped = (record: Readonly<Record<string, unknown>>): boolean =>
  record['shipper'] !== undefined;

describe('real files', { skip: NO_REAL_FILES }, () => {
  for (const path of REAL_FILES) {
    it(`come out as they are: ${path}`, () => {
      const content = realContent(path);
      const events = eventsOf(content);
      const { payload, invalid } = forward.transcode(blockOf(content));
      const all = entriesIn(Buffer.concat(payload));
      const records = all.map(([, record]) => record).filter((record) => !isWrapped(record));
      assert.equal(all.length - records.length, invalid.length);
      assert.equal(records.length, events.length);
      for (const [index, { value }] of events.entries()) {
        const isSame = isDeepStrictEqual(comparable(records[index]), comparable(value));
        assert.ok(isSame, `event ${index + 1}`);
      }
      assertUntouched(content, events);
      for (const { line } of events) assertFields(line);
    });
  }
});

function assertFields(line: Buffer): void {
  assert.equal(judged(line), 'object');
  const members = membersOf(line);
  for (const [index, found] of foundMembers().entries()) {
    const expected = members.findLast(({ key }) => key === FIELDS[index]);
    assert.equal(found?.start, expected?.start);
    assert.equal(found?.value, expected?.value);
    assert.equal(found?.end, expected?.end);
  }
}

function assertUntouched(content: Buffer, events: readonly RealEvent[]): void {
  const lines = Array.from(realLines(Buffer.concat(json.transcode(blockOf(content)).payload)));
  const untouched = lines.filter(
    (line) => !line.subarray(0, 12).equals(Buffer.from('{"shipper":{')),
  );
  assert.equal(untouched.length, events.length);
  for (const [index, { line }] of events.entries()) {
    assert.ok(untouched[index]?.equals(line), `event ${index + 1}`);
  }
}

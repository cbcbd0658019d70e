/**
 * Real audit files, from a real kube-apiserver and from public repositories: each line that JSON.parse takes for an
 * object comes out as the same record, or byte for byte. The files lie beside the checkout and are no part of it.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { FIELDS } from '../../src/event/core.ts';
import { ForwardWriter } from '../../src/event/forward-writer.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { blockOf } from '../support/blocks.ts';
import { membersOf } from '../support/members.ts';
import { foundMembers, judged } from '../support/one-core.ts';
import { sharedData } from '../support/project.ts';
import { comparable, entriesIn, readingOf } from '../support/reference.ts';

const data = sharedData() ?? '';
const skip = data === '' && 'there is no ../shared/data beside the checkout';
const files = data === '' ? [] : readdirSync(data, { recursive: true, encoding: 'utf8' });
const paths = files.filter((path) => /\/.*\.(?:log|jsonl?|gz|1)$/.test(path));

const shipper = new Shipper({ fields: {}, coordinates: false });
const forward = new BlockTranscoder(new ForwardWriter({ shipper, timeKey: 'stageTimestamp' }));
const json = new BlockTranscoder(new JsonWriter(shipper));

function contentOf(path: string): Buffer {
  const bytes = readFileSync(join(data, path));
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

function* linesOf(content: Buffer): Generator<Buffer> {
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(10, start);
    const end = newline === -1 ? content.length : newline;
    yield content.subarray(start, end);
    start = end + 1;
  }
}

/** A hole of NULs before an event is left out. */
function withoutNuls(line: Buffer): Buffer {
  const start = line.findIndex((byte) => byte !== 0);
  return start === -1 ? line : line.subarray(start);
}

/** The wrong ones say so: what they were is tested elsewhere. */
const isWrapped = (record: Readonly<Record<string, unknown>>): boolean =>
  record['shipper'] !== undefined;

interface Event {
  readonly line: Buffer;
  readonly value: unknown;
}

function eventsOf(content: Buffer): readonly Event[] {
  return Array.from(linesOf(content), withoutNuls)
    .map((line) => ({ line, ...readingOf(line) }))
    .filter(({ verdict }) => verdict === 'object');
}

describe('real files', { skip }, () => {
  for (const path of paths) {
    it(`come out as they are: ${path}`, () => {
      const content = contentOf(path);
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

function assertUntouched(content: Buffer, events: readonly Event[]): void {
  const lines = Array.from(linesOf(Buffer.concat(json.transcode(blockOf(content)).payload)));
  const untouched = lines.filter(
    (line) => !line.subarray(0, 12).equals(Buffer.from('{"shipper":{')),
  );
  assert.equal(untouched.length, events.length);
  for (const [index, { line }] of events.entries()) {
    assert.ok(untouched[index]?.equals(line), `event ${index + 1}`);
  }
}

/** Lines for a person: one for each piece, and no bad one longer than helps. What they look like is pretty.ts's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrettyWriter } from '../../src/event/pretty-writer.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { blockOf, bodyEvent } from '../support/blocks.ts';

const PLAIN = { color: false, width: undefined, wide: false, timeZone: 'UTC' };

function linesOf(content: Buffer | string): readonly string[] {
  const transcoder = new BlockTranscoder(new PrettyWriter(() => PLAIN));
  const { payload } = transcoder.transcode(blockOf(content));
  return Buffer.concat(payload).toString('utf8').split('\n').slice(0, -1);
}

test('an event is a line, also where its user is written in another script', () => {
  const [line, ...rest] = linesOf(`${bodyEvent('1')}\n`);
  assert.deepEqual(rest, []);
  assert.match(line ?? '', /05:06:07.*用户 🚀.*create/);
});

test('a bad line says where it stands and shows how it begins, escaped', () => {
  const [good, bad] = linesOf(`${bodyEvent('1')}\n\u001b[31mred\n`);
  assert.match(bad ?? '', /not JSON/);
  assert.match(bad ?? '', /\\x1b\[31mred/);
  assert.doesNotMatch(`${good}${bad}`, /\u001b/);
});

test('a bad line of a megabyte is cut', () => {
  const [line] = linesOf(`${'x'.repeat(1024 * 1024)}\n`);
  assert.ok((line?.length ?? 0) < 2048);
});

test('what is not UTF-8 is shown as well as it can be', () => {
  const [line] = linesOf(Buffer.from('gr\xf6\xdfe\n', 'latin1'));
  assert.match(line ?? '', /gr\ufffd\ufffde/);
});

test('the width is asked for anew with each line: a terminal may change it', () => {
  const widths = [40, 20];
  const writer = new PrettyWriter(() => ({ ...PLAIN, width: widths.shift() }));
  const block = blockOf(`${bodyEvent('1')}\n${bodyEvent('2')}\n`);
  const { payload } = new BlockTranscoder(writer).transcode(block);
  const [first, second] = Buffer.concat(payload).toString('utf8').split('\n');
  assert.ok((first?.length ?? 0) > 20 && (first?.length ?? 0) <= 40);
  assert.ok((second?.length ?? 0) <= 20);
});

test('events stand in their order among what is none, each on a line of its own', () => {
  const [one, bad, two, three, ...rest] = linesOf(
    `${bodyEvent('1')}\nbad\n\n${bodyEvent('2')}\r\n${bodyEvent('3')}`,
  );
  assert.deepEqual(rest, []);
  assert.match(bad ?? '', /not JSON/);
  for (const line of [one, two, three]) assert.match(line ?? '', /05:06:07.*create/);
});

test('nothing is nothing', () => {
  assert.deepEqual(linesOf(''), []);
  assert.deepEqual(linesOf('\n \n\0\n'), []);
});

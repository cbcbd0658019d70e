/**
 * The room: whatever grows most is written within what was reserved for it, and where there may not be room for all
 * lines the core stops before one that has none.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { Core, type Style } from '../../src/event/core.ts';
import { FORWARD, JSON_LINES } from '../support/one-core.ts';
import { MAX_DEPTH } from '../support/reference.ts';

/** What a line of n bytes is promised (assembly/index.ts): four times n, what is added, and a little. */
const LINE_ROOM = 128;
/** Behind it nothing may change; no step of the core is longer. */
const FENCE_BYTES = 4096;
const FENCE = 0xa5;

const LONGEST_BYTES = 512 * 1024;
const core = new Core(8 * LONGEST_BYTES, 0);

/** Writes one line, and looks behind what was promised to it. @returns whether it is an event. */
function isWrittenInside(line: Buffer, style: Style): boolean {
  core.rewind();
  core.slab.set(line);
  core.setStyle(style);
  const { buffer } = core.slab;
  const room = core.take().byteOffset;
  const promised = room + 4 * line.length + LINE_ROOM;
  const fence = Buffer.from(buffer, promised, Math.min(FENCE_BYTES, buffer.byteLength - promised));
  fence.fill(FENCE);
  const before = Buffer.from(buffer, room - 64, 64).toString('hex');
  const { events } = core.run(0, line.length, 0);
  assert.ok(
    fence.every((byte) => byte === FENCE),
    'nothing is written behind the room',
  );
  assert.equal(Buffer.from(buffer, room - 64, 64).toString('hex'), before, 'nor before it');
  assert.ok(core.slab.subarray(0, line.length).equals(line), 'the line stays as it is');
  return events === 1;
}

const STYLES: readonly Style[] = [
  FORWARD,
  JSON_LINES,
  { format: 'forward', omit: ['kind'] },
  { format: 'json', omit: ['kind'] },
];

function assertFits(text: string): void {
  const line = Buffer.from(text);
  for (const style of STYLES) {
    assert.ok(isWrittenInside(line, style));
    // Where the judge stops within it, it was written so far.
    isWrittenInside(line.subarray(0, -1), style);
  }
}

describe('the room of a line', () => {
  const members = [
    '-0',
    '0',
    '1.5',
    '1e9',
    '""',
    '[]',
    '{}',
    '[-0]',
    '{"":-0}',
    '"\\n"',
    '"\\ud800"',
  ];
  members.push('null', '-33', '65536', '4294967296', '"\\u0001"', `"${'x'.repeat(32)}"`, '"ö"');
  members.push(`"${'x'.repeat(256)}"`, '[[[[-0]]]]', '[-0,-0]', '18446744073709551616');

  it('is enough for many of what grows most', () => {
    for (const member of members) {
      for (const count of [1, 2, 3, 15, 16, 100, 65_536]) {
        if (count * member.length > LONGEST_BYTES) continue;
        const list = `${`${member},`.repeat(count - 1)}${member}`;
        assertFits(`{"":[${list}]}`);
        const pair = `"":${member}`;
        assertFits(`{${`${pair},`.repeat(count - 1)}${pair}}`);
      }
    }
  });

  it('is enough for many heads that grow', () => {
    const large = `[${'-0,'.repeat(65_535)}-0]`;
    assertFits(`{"":[${`${large},`.repeat(9)}${large}]}`);
    const text = `"\\n${'x'.repeat(65_536)}"`;
    assertFits(`{"":[${`${text},`.repeat(9)}${text}]}`);
  });

  it('is enough however deep it goes, and where it ends in the middle', () => {
    for (const opener of ['[', '[-0,', '{"":', '[[],', '[1.5,']) {
      for (let depth = 1; depth < MAX_DEPTH; depth = 2 * depth + 1) {
        for (const end of ['', '-0', '-0,', '-0]', '-0x', '1.5', '"', '"x', '"\\n', '"\\ud800']) {
          const line = Buffer.from(`{"":${opener.repeat(depth)}${end}`);
          for (const style of STYLES) assert.equal(isWrittenInside(line, style), false);
        }
      }
    }
  });

  it('is enough for texts that are read and written in steps', () => {
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 512, 513, 65_535, 65_536]) {
      for (const text of [
        'x'.repeat(length),
        `\\n${'x'.repeat(length)}`,
        `${'x'.repeat(length)}ö`,
      ]) {
        assertFits(`{"${text}":"${text}"}`);
        assertFits(`{"kind":"${text}"}`);
      }
    }
  });
});

describe('a block that may have no room', () => {
  const FIELDS_BYTES = 1000;
  const pair = Buffer.concat([encode('a'), encode('x'.repeat(FIELDS_BYTES - 5))]);
  const jsonPair = Buffer.from(`"a":"${'x'.repeat(FIELDS_BYTES - 6)}"`);
  const none = Buffer.alloc(0);
  const styles: readonly Style[] = [
    { format: 'forward', added: [pair, none, none] },
    { format: 'json', added: [jsonPair, none, none] },
    { format: 'json', added: [jsonPair, none, none], omit: ['verb'] },
  ];
  const SLAB_BYTES = 32 * 1024;
  const small = new Core(SLAB_BYTES, FIELDS_BYTES);

  /** All that comes out, in as many runs as it takes. */
  function writtenIn(
    block: Buffer,
    style: Style,
  ): { readonly bytes: Buffer; readonly runs: number } {
    small.slab.set(block);
    small.setStyle(style);
    small.setClock(1, 2);
    small.rewind();
    const parts: Buffer[] = [];
    let [at, events, runs] = [0, 0, 0];
    do {
      const run = small.run(at, block.length, at);
      runs += 1;
      assert.ok(run.events > 0 || run.reason === 'full', 'it goes on');
      assert.equal(run.reason, run.end < block.length ? 'full' : 'done');
      parts.push(Buffer.from(small.take()));
      small.rewind();
      at = run.end;
      events += run.events;
    } while (at < block.length);
    assert.equal(events, block.toString('latin1').split('\n').length - 1);
    return { bytes: Buffer.concat(parts), runs };
  }

  /** A line alone has all the room. */
  function writtenAlone(line: Buffer, style: Style): Buffer {
    const { bytes, runs } = writtenIn(line, style);
    assert.equal(runs, 1);
    return bytes;
  }

  it('stops as full and goes on, at every filling', () => {
    const first = Buffer.from('{}\n');
    // The last line grows most, and begins with more or less room than it needs.
    const last = Buffer.from(`{"":[${'-0,'.repeat(3000)}-0]}\n`);
    for (const style of styles) {
      const [one, other] = [writtenAlone(first, style), writtenAlone(last, style)];
      const runs = new Set<number>();
      for (let count = 1; count < 400; count++) {
        const block = Buffer.concat([...Array.from({ length: count }, () => first), last]);
        const expected = Buffer.concat([...Array.from({ length: count }, () => one), other]);
        const result = writtenIn(block, style);
        assert.ok(result.bytes.equals(expected), `${count} lines before it`);
        runs.add(result.runs);
      }
      assert.ok(runs.has(1) && runs.has(2) && runs.has(4));
    }
  });

  it('has room for a line as long as the slab, whatever it is', () => {
    const count = (SLAB_BYTES - 8) / 3;
    const lists = [`{"":[${'-0,'.repeat(count - 1)}-0]}`, `{"":[${'[],'.repeat(count - 1)}[]]}`];
    for (const line of lists) {
      const bytes = Buffer.from(`${line}${' '.repeat(SLAB_BYTES - 1 - line.length)}\n`);
      assert.equal(bytes.length, SLAB_BYTES);
      for (const style of styles) assert.equal(writtenIn(bytes, style).runs, 1);
    }
  });

  it('does not take more than was said for what is added', () => {
    const more: Style = { format: 'json', added: [jsonPair, Buffer.of(0x20), none] };
    assert.throws(() => small.setStyle(more), /more is added/);
  });
});

/** A core for bytes that stand elsewhere: it takes any, and gives back what a long line made large. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Core } from '../../src/event/core.ts';
import { Scratch } from '../../src/event/scratch.ts';

const KIB = 1024;
const FIRST_BYTES = 64 * KIB;
const KEPT_BYTES = 512 * KIB;
const SMALL = Buffer.from('{"a":1}');

const long = (length: number): Buffer => Buffer.from(`{"a":"${'x'.repeat(length - 8)}"}`);

describe('what was held', () => {
  it('begins the slab of a core, which judges it', () => {
    const scratch = new Scratch(0);
    const core = scratch.hold(SMALL);
    assert.ok(core.slab.subarray(0, SMALL.length).equals(SMALL));
    assert.equal(core.judge(SMALL.length), 'object');
    assert.equal(scratch.judge(Buffer.from('[1]')), 'other');
    assert.equal(scratch.judge(Buffer.from('{"a":1')), 'invalid');
    assert.equal(scratch.judge(Buffer.alloc(0)), 'invalid');
  });

  it('is not what is held next: each is judged by itself', () => {
    const scratch = new Scratch(0);
    for (let length = 20; length > 8; length--) {
      assert.equal(scratch.judge(long(length)), 'object');
      assert.equal(scratch.judge(long(length).subarray(0, -1)), 'invalid');
    }
  });

  it('may be of any length, also that of the slab', () => {
    const scratch = new Scratch(0);
    for (const length of [
      FIRST_BYTES - 1,
      FIRST_BYTES,
      FIRST_BYTES + 1,
      KEPT_BYTES,
      3 * KEPT_BYTES,
    ]) {
      assert.equal(scratch.judge(long(length)), 'object');
      assert.equal(scratch.judge(long(length).subarray(0, -2)), 'invalid');
      scratch.release();
    }
  });
});

describe('memory', () => {
  it('is kept for the next bytes as long as it is little', () => {
    const scratch = new Scratch(0);
    const core = scratch.hold(SMALL);
    assert.equal(core.slab.length, FIRST_BYTES);
    scratch.release();
    assert.equal(scratch.hold(SMALL), core);
    scratch.hold(Buffer.alloc(KEPT_BYTES));
    scratch.release();
    assert.equal(scratch.hold(SMALL), core);
    assert.equal(core.slab.length, KEPT_BYTES);
  });

  it('is given back behind a long line', () => {
    const scratch = new Scratch(0);
    const core = scratch.hold(SMALL);
    assert.equal(scratch.hold(Buffer.alloc(KEPT_BYTES + 1)), core);
    scratch.release();
    const other = scratch.hold(SMALL);
    assert.notEqual(other, core);
    assert.equal(other.slab.length, FIRST_BYTES);
  });

  it('may be released by whoever has none', () => {
    const scratch = new Scratch(0);
    scratch.release();
    assert.equal(scratch.judge(SMALL), 'object');
  });
});

describe('a core that grows', () => {
  it('keeps what its slab holds, and is known by its new memory', () => {
    const core = new Core(10, 0);
    core.slab.set(SMALL);
    const before = core.slab.buffer;
    core.grow(10 * 64 * KIB);
    assert.notEqual(core.slab.buffer, before);
    assert.equal(Core.of(core.slab.buffer), core);
    assert.ok(core.slab.subarray(0, SMALL.length).equals(SMALL));
    assert.equal(core.judge(SMALL.length), 'object');
  });

  it('never becomes smaller', () => {
    const core = new Core(1000, 0);
    const { slab } = core;
    core.grow(10);
    assert.equal(core.slab, slab);
  });

  it('adds to its events what it did before', () => {
    const text = Buffer.from('"x":1');
    const style = { format: 'json', added: [text, Buffer.alloc(0), Buffer.alloc(0)] } as const;
    const core = new Core(100, text.length);
    for (const bytes of [100, 1000, 200_000]) {
      core.grow(bytes);
      core.slab.fill('?');
      core.slab.set(SMALL);
      core.setStyle(style);
      core.run(0, SMALL.length, 0);
      assert.equal(core.take().toString(), '{"a":1,"x":1}\n');
      core.rewind();
    }
  });

  it('says where in its slab bytes stand', () => {
    const core = new Core(100, 0);
    assert.equal(core.startOf(core.slab), 0);
    assert.equal(core.startOf(core.slab.subarray(7, 9)), 7);
  });
});

/** Blocks in halves: no byte is lost, moved or doubled, and in the end each line stands alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Block } from '../../src/event/block.ts';
import { divide } from '../../src/event/divide.ts';
import { blockOf } from '../support/blocks.ts';

const START = 1000;

function contentOf(blocks: readonly Block[]): string {
  return Buffer.concat(blocks.map(({ bytes }) => bytes)).toString('latin1');
}

/** Halves of halves, until nothing can be divided. */
function toTheEnd(blocks: readonly Block[]): readonly (readonly Block[])[] {
  const halves = divide(blocks);
  return halves.length === 0 ? [blocks] : halves.flatMap(toTheEnd);
}

const line = fc.string({ maxLength: 12 }).map((text) => `${text.replaceAll('\n', ' ')}\n`);
/** Contents of blocks that follow each other; the last line of all may be without its newline. */
const contents = fc
  .tuple(
    fc.array(fc.array(line, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
    fc.stringMatching(/^[a-z]{0,5}$/),
  )
  .map(([blocks, rest]) => {
    const texts = blocks.map((lines) => lines.join(''));
    return [...texts.slice(0, -1), `${texts.at(-1)}${rest}`];
  });

function blocksOf(texts: readonly string[]): readonly Block[] {
  let at = START;
  return texts.map((text) => {
    const block = blockOf(text, { start: at });
    at = block.end;
    return block;
  });
}

describe('dividing', () => {
  it('keeps every byte, in order, with its offset', () => {
    fc.assert(
      fc.property(contents, (texts) => {
        const blocks = blocksOf(texts);
        const halves = divide(blocks);
        if (halves.length > 0) {
          assert.equal(halves.length, 2);
          assert.equal(halves.map(contentOf).join(''), contentOf(blocks));
        }
        let at = START;
        for (const { start, end, bytes } of (halves.length > 0 ? halves : [blocks]).flat()) {
          assert.deepEqual([start, end - start], [at, bytes.length]);
          at = end;
        }
      }),
    );
  });

  it('ends with single lines', () => {
    fc.assert(
      fc.property(contents, (texts) => {
        const ends = toTheEnd(blocksOf(texts)).map(contentOf);
        const lines = texts.join('').match(/[^\n]*\n|[^\n]+$/g);
        assert.deepEqual(ends, lines);
      }),
    );
  });

  it('halves: a chunk of many lines is divided about as often as its logarithm', () => {
    const depth = (blocks: readonly Block[]): number => {
      const halves = divide(blocks);
      return halves.length === 0 ? 0 : 1 + Math.max(...halves.map(depth));
    };
    const lines = Array.from({ length: 1024 }, () => '{"a":1}\n').join('');
    assert.ok(depth([blockOf(lines)]) <= 11);
    assert.ok(depth(Array.from({ length: 16 }, () => blockOf(lines))) <= 15);
  });

  it('finds a line beside one that is far longer', () => {
    for (const texts of [
      `${'x'.repeat(5000)}\ny\n`,
      `y\n${'x'.repeat(5000)}\n`,
      `y\n${'x'.repeat(500)}`,
    ]) {
      assert.equal(toTheEnd([blockOf(texts)]).length, 2);
    }
  });

  it('does not cut a single line, a part of one, or nothing', () => {
    for (const text of ['a\n', 'a', '\n', '']) assert.deepEqual(divide([blockOf(text)]), [], text);
    assert.deepEqual(divide([]), []);
    for (const kind of ['part', 'last-part'] as const) {
      assert.deepEqual(divide([blockOf('a\nb\n', { kind })]), []);
    }
  });

  it('parts a line in parts from its neighbours', () => {
    const part = blockOf('a\nb', { kind: 'part', start: 4 });
    const ends = toTheEnd([blockOf('x\ny\n'), part]);
    assert.deepEqual(ends.map(contentOf), ['x\n', 'y\n', 'a\nb']);
    assert.deepEqual(ends.at(-1), [part]);
  });

  it('copies nothing: the halves are views of the block', () => {
    const block = blockOf('a\nb\n');
    for (const [half] of divide([block])) assert.equal(half?.bytes.buffer, block.bytes.buffer);
  });
});

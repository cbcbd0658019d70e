/**
 * What is made of a line, to be compared: by cores that have seen others before, and by such that have not.
 */
import assert from 'node:assert/strict';
import { Core, FIELDS, type Style } from '../../src/event/core.ts';

const SLAB_BYTES = 256 * 1024;
const STYLES: readonly Style[] = [
  { format: 'forward', timeField: 'stageTimestamp' },
  { format: 'forward', timeField: 'level' },
  { format: 'json', omit: ['requestObject', 'verb'] },
];

export type Maker = (line: string) => readonly unknown[];

/** A core for each style. What they make: what is written, where they stopped and why, and where the fields stand. */
export function newMaker(): Maker {
  const cores = STYLES.map((style) => {
    const core = new Core(SLAB_BYTES, 0);
    core.setStyle(style);
    core.setClock(1, 0);
    return core;
  });
  return (line) => cores.map((core) => madeBy(core, Buffer.from(line, 'latin1')));
}

/** @param line a character a byte. */
export function assertMadeAsAnew(maker: Maker, line: string): void {
  assert.deepEqual(maker(line), newMaker()(line), line);
}

function madeBy(core: Core, bytes: Buffer): unknown {
  core.slab.set(bytes);
  core.rewind();
  const { end, reason, events } = core.run(0, bytes.length, 0);
  const found = events === 1 ? FIELDS.map((field) => core.member(field)) : [];
  const hasRepeated = events === 1 && core.hasRepeated;
  return { end, reason, found, hasRepeated, written: core.take().toString('latin1') };
}

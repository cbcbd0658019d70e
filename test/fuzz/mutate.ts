/**
 * Makes bad input of good input: bits flipped, bytes cut, moved and repeated, numbers at their limits, words of a
 * dictionary. Pure: the same random source gives the same bytes. Knows nothing of what the bytes mean.
 */
import type { Random } from '../../src/commands/simulate/random.ts';

export interface Material {
  /** Whole inputs; not empty. */
  readonly corpus: readonly Buffer[];
  /** Words that mean something to the reader; not empty. */
  readonly words: readonly Buffer[];
}

/** Larger inputs find the same mistakes more slowly. */
const MAX_BYTES = 64 * 1024;
/** How many: one finds most mistakes, several find those behind a first check. */
const COUNTS = [0, 1, 1, 1, 2, 3, 5] as const;
/** How much one change cuts, repeats or overwrites at most; rarely it is anything. */
const PIECE_BYTES = 32;
/** Readers that begin anew with each slice would take seconds for more of them. */
const SLICES_MAX = 256;
const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000];
const LARGEST = 0xffff_ffff;

/** Words, and rows of words. */
export function wordsOf(...words: readonly (string | readonly string[])[]): readonly Buffer[] {
  return words.flat().map((word) => Buffer.from(word));
}

/** An input of the corpus with a few changes; now and then as it is. */
export function mutated(random: Random, material: Material): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(material.corpus));
  for (let changes: number = random.pick(COUNTS); changes > 0; changes -= 1) {
    bytes = random.pick(CHANGES)(bytes, random, material).subarray(0, MAX_BYTES);
  }
  return bytes;
}

export function randomBytes(random: Random, maxBytes: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(maxBytes + 1) }, () => random.below(256)));
}

/** An object with one of its values changed: what is no JSON any more goes no further than its parser. */
export function withChangedValue(
  random: Random,
  object: Readonly<Record<string, unknown>>,
  words: Material['words'],
): Readonly<Record<string, unknown>> {
  const key = random.pick(Object.keys(object));
  const corpus = [Buffer.from(String(object[key])), ...words];
  const value = random.pick([null, true, -1, 0.5, 2 ** 53, 1e300, [], {}, 'text']);
  return {
    ...object,
    [key]: value === 'text' ? mutated(random, { corpus, words }).toString() : value,
  };
}

/** The bytes in pieces: whole, one by one, or cut anywhere. */
export function* slicesOf(random: Random, bytes: Buffer): Generator<Buffer> {
  const few = Math.ceil(bytes.length / SLICES_MAX);
  const most = Math.max(few, random.pick([1, 7, 64, 1024, bytes.length]));
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random.below(most);
    yield bytes.subarray(at, end);
    at = end;
  }
}

type Change = (bytes: Buffer, random: Random, material: Material) => Buffer;

/** A place in the bytes, or behind them. */
const placeIn = (bytes: Buffer, random: Random): number => random.below(bytes.length + 1);

function rangeIn(bytes: Buffer, random: Random): readonly [start: number, end: number] {
  const start = placeIn(bytes, random);
  const most = random.below(8) === 0 ? bytes.length : PIECE_BYTES;
  return [start, Math.min(bytes.length, start + random.below(most + 1))];
}

function replaced(bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

const flipBit: Change = (bytes, random) => {
  const at = placeIn(bytes, random);
  const flipped = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return replaced(bytes, at, at + 1, Buffer.of(flipped));
};

const setBytes: Change = (bytes, random) => {
  const [start, end] = rangeIn(bytes, random);
  return replaced(bytes, start, end, randomBytes(random, end - start));
};

const cutOff: Change = (bytes, random) => bytes.subarray(0, placeIn(bytes, random));

const cutOut: Change = (bytes, random) => replaced(bytes, ...rangeIn(bytes, random), EMPTY);

const repeat: Change = (bytes, random) => {
  const [start, end] = rangeIn(bytes, random);
  const piece = bytes.subarray(start, end);
  const times = random.below(8) === 0 ? 200 : 1 + random.below(3);
  return replaced(bytes, end, end, Buffer.concat(Array.from({ length: times }, () => piece)));
};

/** Between two bytes, in the place of as many as it has, or of any. */
const putWord: Change = (bytes, random, { words }) => {
  const [start, end] = rangeIn(bytes, random);
  const word = random.pick(words);
  return replaced(bytes, start, random.pick([start, start + word.length, end]), word);
};

const splice: Change = (bytes, random, { corpus }) => {
  const other = random.pick(corpus);
  const head = bytes.subarray(0, placeIn(bytes, random));
  return Buffer.concat([head, other.subarray(placeIn(other, random))]);
};

/** As bytes in either order, or as digits. */
const putNumber: Change = (bytes, random) => {
  const number = random.pick([...NUMBERS, LARGEST]);
  const at = placeIn(bytes, random);
  const forms = [
    Buffer.of(number & 0xff),
    Buffer.of((number >> 8) & 0xff, number & 0xff),
    uint32(number, 'BE'),
    uint32(number, 'LE'),
    Buffer.from(String(number)),
    Buffer.from(`-${number}.5e99`),
  ];
  const form = random.pick(forms);
  return replaced(bytes, at, random.below(2) === 0 ? at : at + form.length, form);
};

function uint32(number: number, order: 'BE' | 'LE'): Buffer {
  const bytes = Buffer.alloc(4);
  if (order === 'BE') bytes.writeUInt32BE(number);
  else bytes.writeUInt32LE(number);
  return bytes;
}

const EMPTY = Buffer.alloc(0);
const CHANGES: readonly Change[] = [
  flipBit,
  setBytes,
  cutOff,
  cutOut,
  repeat,
  putWord,
  putWord,
  splice,
  putNumber,
];

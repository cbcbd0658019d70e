/**
 * Fuzzes what is read of the state directory: checkpoints, dead letters, and the file that says who holds the lock.
 * Each is what it should be or an error that says what to do, and a dead letter that is read can be sent.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CheckpointFormatError,
  formatCheckpoints,
  parseCheckpoints,
} from '../../src/checkpoint/format.ts';
import { currentHolder, StateLock } from '../../src/checkpoint/lock.ts';
import { StateError } from '../../src/checkpoint/store.ts';
import type { Random } from '../../src/commands/simulate/random.ts';
import { NOTHING_SETTLED } from '../../src/deliver/chunk.ts';
import { DeadLetterError, DeadLetters, type Letter } from '../../src/deliver/dead-letter.ts';
import { ForwardWriter } from '../../src/event/forward-writer.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { encodeChunk } from '../../src/pipeline.ts';
import { FINGERPRINT, FORGED, LOG } from '../support/blocks.ts';
import { entriesIn, readingOf } from '../support/reference.ts';
import { linesOf } from './corpus.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, randomBytes, withChangedValue, wordsOf, type Material } from './mutate.ts';

const CHECKPOINT = {
  path: LOG,
  fingerprint: FINGERPRINT,
  dev: 64_768,
  ino: 1_234_567,
  offset: 48_210,
  size: 50_000,
  updated: '2026-03-04T05:06:07.000Z',
  time: '2026-03-04T05:06:06.000000Z',
  accounts: { ...NOTHING_SETTLED, delivered: { events: 40, bytes: 48_000 }, skippedBytes: 210 },
};
const LOSS = {
  log: LOG,
  path: LOG,
  fingerprint: FINGERPRINT,
  offset: 9,
  bytes: 10,
  reason: 'deleted',
  until: '2026-03-04T05:06:08.000Z',
  noted: '2026-03-04T05:06:09.000Z',
};
const OUTLOOK = { log: LOG, bytesPerSecond: 5, secondsToLoss: 7, heldDeletedBytes: 0 };
const PROBLEM = { path: LOG, code: 'EACCES', message: 'permission denied', since: '2026-03-04' };
const JSON_WORDS = wordsOf(
  ['{', '}', '[', ']', '"', ':', ',', '\\', '\n', 'null', 'true', '-1', '1e999', '0.5', '""'],
  ['"__proto__":', '"constructor":', '"version":', '9007199254740993', '"offset":', '\u001b['],
);

const CHECKPOINTS: Material = {
  corpus: [
    { checkpoints: [], problems: [], losses: [], outlooks: [] },
    { checkpoints: [CHECKPOINT], problems: [], losses: [LOSS], outlooks: [OUTLOOK] },
    {
      checkpoints: [CHECKPOINT, { ...CHECKPOINT, ino: 2 ** 63 }],
      problems: [PROBLEM],
      losses: [],
      outlooks: [],
    },
  ].map((file) => Buffer.from([...formatCheckpoints(file)].join(''))),
  words: [...JSON_WORDS, Buffer.from(JSON.stringify(CHECKPOINT))],
};

export const checkpoints: Fuzzer = {
  name: 'checkpoints',
  cases: 4000,
  open: () => ({
    check(random) {
      assertParsed(jsonOf(random, CHECKPOINTS).toString());
      const part = random.pick([CHECKPOINT, CHECKPOINT.accounts, LOSS, OUTLOOK]);
      const changed = withChangedValue(random, part, CHECKPOINTS.words);
      const checkpoint =
        part === CHECKPOINT.accounts ? { ...CHECKPOINT, accounts: changed } : changed;
      const entries = [CHECKPOINT, ...(part === LOSS || part === OUTLOOK ? [] : [checkpoint])];
      const lists = { losses: [changed], outlooks: [changed], problems: [changed] };
      assertParsed(JSON.stringify({ version: 1, checkpoints: entries, ...lists }));
      assert.equal(Object.keys(Object.prototype).length, 0, 'the prototype is left alone');
      assert.equal('polluted' in {}, false);
    },
  }),
};

function jsonOf(random: Random, material: Material): Buffer {
  return random.below(10) === 0 ? randomBytes(random, 100) : mutated(random, material);
}

/** Half of the time whole JSON, with a value that is another. */
function changedJson(random: Random, whole: object, material: Material): string {
  if (random.below(2) === 0) return jsonOf(random, material).toString();
  return JSON.stringify(withChangedValue(random, { ...whole }, material.words));
}

function assertParsed(text: string): void {
  let file;
  try {
    file = parseCheckpoints(text);
  } catch (error) {
    assert.ok(error instanceof CheckpointFormatError, `it threw ${String(error)}`);
    assert.match(error.message, /move it away|another state directory/);
    return;
  }
  for (const { path, fingerprint, dev, ino, offset, size, updated } of file.checkpoints) {
    assert.ok([path, fingerprint, updated].every((value) => typeof value === 'string'));
    assert.ok([dev, ino].every((value) => Number.isFinite(value) && value >= 0));
    assert.ok([offset, size].every((value) => Number.isSafeInteger(value) && value >= 0));
  }
  const again = parseCheckpoints([...formatCheckpoints(file)].join(''));
  assert.deepEqual(again, file, 'it is read as it is written');
}

const LETTER = {
  version: 1,
  time: '2026-03-04T05:06:07.000Z',
  id: `${FINGERPRINT}-100`,
  log: LOG,
  fingerprint: FINGERPRINT,
  offset: 100,
  bytes: Buffer.byteLength(FORGED) + 1,
  kind: 'lines',
  reason: 'refused',
  line: `${FORGED}\n`,
};

const LETTERS: Material = {
  corpus: [
    LETTER,
    { ...LETTER, line: 'no JSON', bytes: 7 },
    { ...LETTER, line: undefined, line_base64: '/wo=', bytes: 2 },
    { ...LETTER, kind: 'part' },
    { ...LETTER, kind: 'last-part', line: '', bytes: 0 },
  ].map((letter) => Buffer.from(`${JSON.stringify(letter)}\n`)),
  words: [
    ...JSON_WORDS,
    ...wordsOf('"line":', '"line_base64":"', '"fingerprint":"', '"kind":"lines"', '\\n', '","x":"'),
    Buffer.from('a'.repeat(2000)),
    Buffer.from('/a'.repeat(20_000)),
  ],
};

export const letters: Fuzzer = {
  name: 'letters',
  cases: 700,
  open: () => new LetterReader(),
};

class LetterReader implements Reader {
  readonly #stateDir = mkdtempSync(join(tmpdir(), 'audit-shipper-fuzz-'));
  readonly #path = join(this.#stateDir, 'dead-letter', 'x.jsonl');
  readonly #letters = new DeadLetters(this.#stateDir);
  readonly #json = new BlockTranscoder(new JsonWriter(SHIPPER));
  readonly #forward = new BlockTranscoder(
    new ForwardWriter({ shipper: SHIPPER, timeKey: 'stageTimestamp' }),
  );

  constructor() {
    mkdirSync(join(this.#stateDir, 'dead-letter'));
  }

  async check(random: Random): Promise<void> {
    writeFileSync(this.#path, changedJson(random, LETTER, LETTERS));
    const kept: Letter[] = [];
    try {
      for await (const letter of this.#letters.read(this.#path)) kept.push(letter);
    } catch (error) {
      assert.ok(error instanceof DeadLetterError, `it threw ${String(error)}`);
    }
    for (const letter of kept) this.#send(letter);
  }

  /** As `replay` does it. */
  #send({ log, fingerprint, offset, bytes, kind, line }: Letter): void {
    const range = { start: offset, end: offset + bytes };
    const block = { generation: 0, log, fingerprint, kind, bytes: line, ...range };
    const json = encodeChunk(this.#json, [block]);
    const entries = entriesIn(Buffer.concat(encodeChunk(this.#forward, [block]).payload));
    const out = linesOf(Buffer.concat(json.payload));
    assert.equal(out.length, entries.length, 'both formats say as much');
    for (const one of out) assert.equal(readingOf(one).verdict, 'object', 'a line of JSON');
  }

  close(): void {
    rmSync(this.#stateDir, { recursive: true });
  }
}

const SHIPPER = new Shipper({ fields: {}, coordinates: true });

const HOLDER = { pid: 1, host: 'master-1', since: '2026-03-04T05:06:07.000Z' };
const HOLDERS: Material = {
  corpus: wordsOf(`${JSON.stringify(HOLDER)}\n`, '{}', ''),
  words: JSON_WORDS,
};

export const lock: Fuzzer = {
  name: 'lock',
  cases: 150,
  open: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-fuzz-'));
    const held = await StateLock.acquire(directory);
    return {
      async check(random) {
        writeFileSync(join(directory, 'lock'), changedJson(random, HOLDER, HOLDERS));
        const { pid, host, since } = (await currentHolder(directory)) ?? {};
        assert.deepEqual([typeof pid, typeof host, typeof since], ['number', 'string', 'string']);
        await assert.rejects(StateLock.acquire(directory), StateError);
        assert.ok(await held.isHeld());
      },
      async close() {
        await held.release();
        rmSync(directory, { recursive: true });
      },
    };
  },
};

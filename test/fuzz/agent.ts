/**
 * Fuzzes the state directory under a real agent: whatever stands in it, the agent refuses with a StateError, or ships
 * each file from some byte to its end, without a gap and without a byte that is not in it. What it remembers then is
 * good: the next agent ships nothing.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runAgent } from '../../src/agent.ts';
import { StateError } from '../../src/checkpoint/store.ts';
import type { Random } from '../../src/commands/simulate/random.ts';
import type { Block } from '../../src/event/block.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder, type Transcoded } from '../../src/event/transcoder.ts';
import type { Output } from '../../src/output/output.ts';
import { config as configOf } from '../support/load-config.ts';
import { eventsOf } from '../support/numbered-events.ts';
import { RecordingLog } from '../support/recording-log.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, randomBytes, withChangedValue, wordsOf } from './mutate.ts';

const OLD = Buffer.from(eventsOf(1, 20));
const ACTIVE = Buffer.from(eventsOf(21, 50));
const WORDS = wordsOf('{', '}', '"', ',', '0', '-1', '1e999', 'null', '1', '__proto__', '/', '..');

export const agent: Fuzzer = {
  name: 'agent',
  cases: 60,
  open: async () => {
    const reader = new AgentReader();
    await reader.begin();
    return reader;
  },
};

interface Remembered {
  readonly version: number;
  readonly checkpoints: readonly Readonly<Record<string, unknown>>[];
}

interface Shipped {
  readonly blocks: readonly Block[];
  /** Where something is in the way of the new file, the agent says so and ends with an error. */
  readonly saved: boolean;
}

class AgentReader implements Reader {
  readonly #directory = mkdtempSync(join(tmpdir(), 'audit-shipper-fuzz-'));
  readonly #logs = join(this.#directory, 'logs');
  readonly #state = join(this.#directory, 'state');
  readonly #file = join(this.#state, 'checkpoints.json');
  /** Checkpoints as an agent writes them. */
  #good: Remembered = { version: 1, checkpoints: [] };

  async begin(): Promise<void> {
    mkdirSync(this.#logs);
    writeFileSync(join(this.#logs, 'audit.log'), ACTIVE);
    writeFileSync(join(this.#logs, 'audit-2026-03-04T05-06-07.089.log.gz'), gzipSync(OLD));
    const { blocks } = await this.#run();
    assert.equal(
      blocks.reduce((sum, { bytes }) => sum + bytes.length, 0),
      OLD.length + ACTIVE.length,
    );
    this.#good = JSON.parse(readFileSync(this.#file, 'utf8')) as Remembered;
    assert.equal(this.#good.checkpoints.length, 2);
  }

  async check(random: Random): Promise<void> {
    rmSync(this.#state, { recursive: true });
    mkdirSync(this.#state);
    this.#fill(random);
    let shipped: Shipped;
    try {
      shipped = await this.#run();
    } catch (error) {
      assert.ok(error instanceof StateError, `it threw ${String(error)}`);
      return;
    }
    assertEnds(shipped.blocks);
    if (!shipped.saved) return;
    const next = await this.#run();
    assert.equal(next.blocks.length, 0, 'the next agent has nothing to ship');
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }

  #fill(random: Random): void {
    const checkpoints = this.#good.checkpoints.map((checkpoint) => {
      const offset = random.below(Number(checkpoint['offset']) + 1);
      const some = random.below(2) === 0 ? { ...checkpoint, offset } : checkpoint;
      return random.below(2) === 0 ? withChangedValue(random, some, WORDS) : some;
    });
    const text = Buffer.from(JSON.stringify({ ...this.#good, checkpoints }));
    const isRaw = random.below(4) === 0;
    const bytes = isRaw ? mutated(random, { corpus: [text], words: WORDS }) : text;
    if (random.below(20) === 0) mkdirSync(this.#file);
    else writeFileSync(this.#file, bytes);
    for (const name of ['lock', 'lock.sock', 'checkpoints.json.new', 'dead-letter']) {
      const kind = random.below(16);
      if (kind === 0) mkdirSync(join(this.#state, name));
      if (kind === 1) writeFileSync(join(this.#state, name), randomBytes(random, 50));
    }
  }

  async #run(): Promise<Shipped> {
    const config = configOf({ flags: { paths: [this.#logs], stateDir: this.#state } });
    const transcoder = new RecordingTranscoder();
    const { signal } = new AbortController();
    const parts = { output: TAKES_ALL, transcoder, log: new RecordingLog(), signal };
    const { saved } = await runAgent(config, parts);
    return { blocks: transcoder.blocks, saved };
  }
}

const TAKES_ALL: Output = {
  concurrency: 1,
  deliver: async () => undefined,
  close: async () => undefined,
};

class RecordingTranscoder extends BlockTranscoder {
  readonly blocks: Block[] = [];

  constructor() {
    super(new JsonWriter(new Shipper({ fields: {}, coordinates: false })));
  }

  override transcode(block: Block): Transcoded {
    this.blocks.push({ ...block, bytes: Buffer.from(block.bytes) });
    return super.transcode(block);
  }
}

/** Of each file its end, whole and in order. */
function assertEnds(blocks: readonly Block[]): void {
  const ends = new Map<string, number>();
  for (const { fingerprint, start, end, bytes } of blocks) {
    const content = [OLD, ACTIVE].find((one) => one.subarray(start, end).equals(bytes));
    assert.ok(content !== undefined, 'it is in a file');
    assert.equal(ends.get(fingerprint) ?? start, start, 'there is no gap');
    ends.set(fingerprint, end);
  }
  for (const end of ends.values()) {
    assert.ok([OLD.length, ACTIVE.length].includes(end), 'it goes to the end');
  }
}

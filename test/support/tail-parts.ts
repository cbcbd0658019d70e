/**
 * What a tail is given, as a test wants it: a log and an observer that write down what they hear, and a sink that
 * keeps what it is handed. Knows nothing of what a test expects.
 */
import type { Block, BlockKind, ByteRange } from '../../src/event/block.ts';
import { Descriptors } from '../../src/tail/descriptors.ts';
import { Problems } from '../../src/tail/problems.ts';
import type {
  BlockSink,
  LineReducer,
  LogTailOptions,
  LogTailParts,
  Loss,
  Slot,
  TailObserver,
} from '../../src/tail/tail.ts';
import { RecordingLog } from './recording-log.ts';
import { BufferSlab } from './slabs.ts';

export class RecordingObserver implements TailObserver {
  rotations = 0;
  filesChanges = 0;
  readonly losses: Loss[] = [];

  rotated(): void {
    this.rotations += 1;
  }

  lost(loss: Loss): void {
    this.losses.push(loss);
  }

  filesChanged(): void {
    this.filesChanges += 1;
  }
}

/** A block as it was handed on, with its bytes as text; the slab itself is used again. */
export interface Delivered {
  readonly generation: number;
  readonly fingerprint: string;
  readonly start: number;
  readonly end: number;
  readonly kind: BlockKind;
  readonly text: string;
}

export interface Skipped {
  readonly generation: number;
  readonly start: number;
  readonly end: number;
}

/** Takes everything at once; a slot is free again as soon as its block was taken. */
export class RecordingSink implements BlockSink {
  readonly delivered: Delivered[] = [];
  readonly skipped: Skipped[] = [];
  readonly #slabBytes: number;
  /** Slots that were given out and did not come back. */
  reserved = 0;
  isFull = false;
  /** How often everything was handed on. */
  caughtUps = 0;
  /** Called after each block. */
  onDelivered: (() => void) | undefined;

  constructor(slabBytes: number) {
    this.#slabBytes = slabBytes;
  }

  reserve(signal: AbortSignal): Promise<Slot> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    this.reserved += 1;
    const release = (): void => {
      this.reserved -= 1;
    };
    return Promise.resolve(Object.assign(new BufferSlab(this.#slabBytes), { release }));
  }

  accept(block: Block, slot: Slot): void {
    const { generation, fingerprint, start, end, kind, bytes } = block;
    const text = bytes.toString('utf8');
    this.delivered.push({ generation, fingerprint, start, end, kind, text });
    slot.release();
    this.onDelivered?.();
  }

  caughtUp(): void {
    this.caughtUps += 1;
  }

  skip({ generation, start, end }: ByteRange): void {
    this.skipped.push({ generation, start, end });
  }

  /** Everything that was delivered, in the order of its coming. */
  get text(): string {
    return this.delivered.map(({ text }) => text).join('');
  }
}

export interface TestParts extends LogTailParts {
  readonly log: RecordingLog;
  readonly observer: RecordingObserver;
  readonly sink: RecordingSink;
}

/** Parts with room for some lines in each slot. */
export function testParts({
  slabBytes = 4096,
  maxHeld = 100,
  maxDeletedBytes = Infinity,
} = {}): TestParts {
  const log = new RecordingLog();
  return {
    log,
    observer: new RecordingObserver(),
    sink: new RecordingSink(slabBytes),
    descriptors: new Descriptors({ limit: maxHeld, deletedBytesMax: maxDeletedBytes }),
    problems: new Problems(log),
  };
}

/** Nothing can be made shorter. */
export const refuser: LineReducer = { add: () => undefined, end: () => ({ refusal: 'no' }) };

/** Follows from the beginning; lines hold their time as `"t":<ms>` and nothing else is looked at. */
export const FOLLOWING: LogTailOptions = {
  follow: true,
  remembers: true,
  maxEventBytes: 1024 * 1024,
  makeReducer: () => refuser,
  from: { kind: 'beginning' },
  firstLineSince: firstTimeSince,
  timeOf,
  logCount: () => 1,
};

const TIME = /^.*"t":(\d+)/;

function firstTimeSince(lines: Buffer, epochMs: number): number | undefined {
  let start = 0;
  for (const line of lines.toString('latin1').split(/(?<=\n)/)) {
    const time = timeOf(Buffer.from(line, 'latin1'));
    if (time !== undefined && time >= epochMs) return start;
    start += line.length;
  }
  return undefined;
}

function timeOf(line: Buffer): number | undefined {
  const time = TIME.exec(line.toString('latin1'))?.[1];
  return time === undefined ? undefined : Number(time);
}

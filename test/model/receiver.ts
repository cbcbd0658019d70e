/**
 * Receivers with faults: an output that only records, and a host that speaks the Forward protocol. Both tell the judge
 * what they have and what they have acknowledged. They know no files.
 */
import { decodeMulti, encode } from '@msgpack/msgpack';
import type { Chunk } from '../../src/deliver/chunk.ts';
import { DeliveryError, type Output } from '../../src/output/output.ts';
import type { Machine } from '../sim/machine.ts';
import type { Host, Line, Peer } from '../sim/network.ts';
import { entriesOfForward, entriesOfLines, type Entry } from './entries.ts';
import type { Judge } from './judge.ts';

/** How the receiver is just now. */
export type Mood =
  | 'well'
  /** Nothing listens. */
  | 'refusing'
  /** It takes connections or not, and nothing more. */
  | 'silent'
  /** It reads what comes and acknowledges nothing. */
  | 'mute'
  /** It acknowledges late, and now and then not at all. */
  | 'forgetful';

export const MOODS: readonly Mood[] = ['refusing', 'silent', 'mute', 'forgetful'];

/** What a run can do to its receiver. */
export interface Receiver {
  mood: Mood;
  /** All connections are cut. */
  cut(): void;
}

const ANSWER_MS = 5;
const LATE_MS = 3000;
/** An ack that was sent so shortly before the end may not have arrived. */
const UNDER_WAY_MS = 100;

interface Pending {
  readonly entries: () => readonly Entry[];
  readonly reject: (error: Error) => void;
}

/** An output without a network: one connection after the other, on which chunks arrive in order. */
export class RecordingOutput implements Output, Receiver {
  readonly concurrency: number;
  mood: Mood = 'well';
  readonly #machine: Machine;
  readonly #judge: Judge;
  readonly #pending = new Set<Pending>();
  /** Not read yet. */
  readonly #arrived: (() => void)[] = [];
  #arrivesMs = 0;
  #connection = 0;

  constructor(machine: Machine, judge: Judge, concurrency: number) {
    this.#machine = machine;
    this.#judge = judge;
    this.concurrency = concurrency;
  }

  async deliver(chunk: Chunk): Promise<void> {
    const machine = this.#machine;
    this.#arrivesMs = Math.max(this.#arrivesMs, machine.nowMs + ANSWER_MS * machine.random.next());
    return new Promise((resolve, reject) => {
      const pending: Pending = { entries: () => entriesOfLines(bytesOf(chunk)), reject };
      this.#pending.add(pending);
      const connection = this.#connection;
      const receive = (): void => {
        if (connection !== this.#connection) return;
        this.#receive(chunk, () => {
          this.#pending.delete(pending);
          resolve();
        });
      };
      machine.after(this.#arrivesMs - machine.nowMs, () => {
        this.#arrived.push(receive);
        this.#readOn();
      });
    });
  }

  async close(): Promise<void> {}

  cut(): void {
    const pending = [...this.#pending];
    this.vanish();
    for (const { reject } of pending) reject(deliveryError('ECONNRESET'));
  }

  /** Whoever sends is gone. */
  vanish(): void {
    this.#connection += 1;
    for (const { entries } of this.#pending) this.#judge.failed(entries());
    this.#pending.clear();
  }

  #readOn(): void {
    if (this.mood === 'refusing') this.cut();
    if (this.mood === 'silent') this.#machine.after(ANSWER_MS, () => this.#readOn());
    else for (const receive of this.#arrived.splice(0)) receive();
  }

  #receive(chunk: Chunk, done: () => void): void {
    const bytes = bytesOf(chunk);
    this.#machine.note(`received ${chunk.id}`);
    this.#judge.received(chunk.id, bytes, entriesOfLines(bytes));
    this.#answer(chunk, this.#connection, done);
  }

  #answer(chunk: Chunk, connection: number, done: () => void): void {
    const machine = this.#machine;
    const isLate = this.mood === 'forgetful' || this.mood === 'mute';
    machine.after((isLate ? LATE_MS : ANSWER_MS) * machine.random.next(), () => {
      if (connection !== this.#connection) return;
      if (isLate && machine.random.below(2) === 0) {
        this.cut();
        return;
      }
      this.#judge.acknowledged(entriesOfLines(bytesOf(chunk)));
      done();
    });
  }
}

function bytesOf({ payload }: Chunk): Buffer {
  return Buffer.concat(payload);
}

function deliveryError(code: string): DeliveryError {
  return new DeliveryError('simulated', { code });
}

/** A message of the Forward protocol. */
type ForwardMessage = readonly [
  string,
  Uint8Array | readonly unknown[],
  { readonly chunk: string },
];

interface Heard {
  readonly entries: readonly Entry[];
  ackedMs: number;
}

/** A host that speaks the Forward protocol, without a login. */
export class ForwardHost implements Host, Receiver {
  mood: Mood = 'well';
  readonly #machine: Machine;
  readonly #judge: Judge;
  readonly #calls = new Set<Call>();

  constructor(machine: Machine, judge: Judge) {
    this.#machine = machine;
    this.#judge = judge;
  }

  get door(): Host['door'] {
    return this.mood === 'refusing' || this.mood === 'silent' ? this.mood : 'open';
  }

  get isReading(): boolean {
    return this.mood !== 'silent';
  }

  accept(line: Line): Peer {
    const call = new Call(this, this.#machine, this.#judge, line);
    this.#calls.add(call);
    return {
      hear: (bytes) => call.hear(bytes),
      gone: () => {
        call.end();
        this.#calls.delete(call);
      },
    };
  }

  cut(): void {
    for (const call of this.#calls) call.cut();
    this.#calls.clear();
  }
}

/** A connection to it. */
class Call {
  readonly #host: ForwardHost;
  readonly #machine: Machine;
  readonly #judge: Judge;
  readonly #line: Line;
  readonly #heard: Heard[] = [];
  readonly #agent: number;
  #bytes = Buffer.alloc(0);
  #isOver = false;

  constructor(host: ForwardHost, machine: Machine, judge: Judge, line: Line) {
    this.#host = host;
    this.#machine = machine;
    this.#judge = judge;
    this.#line = line;
    this.#agent = judge.agent;
  }

  hear(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const message = wholeMessage(this.#bytes);
    if (message === undefined) return;
    this.#bytes = Buffer.alloc(0);
    this.#take(message);
  }

  #take([, body, { chunk }]: ForwardMessage): void {
    const packed = body instanceof Uint8Array ? Buffer.from(body) : Buffer.alloc(0);
    const heard: Heard = { entries: entriesOfForward(packed), ackedMs: Infinity };
    this.#machine.note(`received ${heard.entries.length} ${packed.length}`);
    if (packed.length > 0) this.#judge.received(chunk, packed, heard.entries, this.#agent);
    this.#heard.push(heard);
    const { mood } = this.#host;
    const { random } = this.#machine;
    const isLate = mood === 'forgetful' && random.below(2) === 0;
    if (mood === 'mute' || (isLate && random.below(2) === 0)) {
      this.#judge.failed(heard.entries);
      return;
    }
    const ms = (isLate ? LATE_MS : ANSWER_MS) * random.next();
    if (isLate) this.#judge.failed(heard.entries);
    this.#machine.scheduler.after(ms, 'world', () => this.#acknowledge(chunk, heard));
  }

  #acknowledge(chunk: string, heard: Heard): void {
    if (this.#isOver) return;
    const { random, nowMs } = this.#machine;
    if (this.#host.mood === 'forgetful')
      this.#line.send(Buffer.from(encode({ ack: 'of another' })));
    heard.ackedMs = nowMs;
    this.#judge.acknowledged(heard.entries);
    this.#line.send(Buffer.from(encode({ ack: chunk })));
    if (this.#host.mood === 'forgetful' && random.below(8) === 0) this.cut();
  }

  cut(): void {
    if (this.#isOver) return;
    this.end();
    this.#line.end(this.#machine.random.pick(['closed', 'reset']));
  }

  /** What it has not heard of may come again. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { entries, ackedMs } of this.#heard) {
      const isCertain = ackedMs < this.#machine.nowMs - UNDER_WAY_MS;
      if (!isCertain) this.#judge.failed(entries);
    }
  }
}

function wholeMessage(bytes: Buffer): ForwardMessage | undefined {
  try {
    const [message] = decodeMulti(bytes);
    return message as ForwardMessage | undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

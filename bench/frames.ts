/**
 * Cuts what a sender of Forward messages says into messages, and passes over their entries: the receiver of a benchmark
 * must not be what it waits for. Sans-IO; shares no code with the senders.
 * https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
 */
import { decode } from '@msgpack/msgpack';
import { countValues, endOfValue, headAt, Incomplete, Passage } from './msgpack.ts';

/** A message, complete. */
export interface Frame {
  /** The `chunk` option; none asks for no ack. */
  readonly id: string | undefined;
  /** The `size` option; without one, the entries were counted. */
  readonly events: number;
  /** Of the entries. */
  readonly bytes: number;
  readonly compressed: boolean;
  /** Only of a reader that keeps them. */
  readonly entries: Buffer;
}

interface Options {
  readonly chunk?: unknown;
  readonly size?: unknown;
  readonly compressed?: unknown;
}

const NOTHING = Buffer.alloc(0);

export class FrameReader {
  readonly #keeps: boolean;
  /** The beginning of a head or of options that are not complete. */
  #held: Buffer = NOTHING;
  /** What is kept of the entries under way. */
  #entries: Buffer[] = [];
  /** Of the entries under way. */
  #bytes = 0;
  #toPass = new Passage(0);
  /** Entries that are an array (Forward mode). Undefined in PackedForward mode. */
  #counted: number | undefined;
  #part: 'head' | 'options' = 'head';
  #hasOptions = true;

  /** @param keeps entries, for those who look into them. */
  constructor(keeps = false) {
    this.#keeps = keeps;
  }

  /** @param bytes may be written over when the last frame was taken. */
  *feed(bytes: Buffer): Generator<Frame> {
    let input = bytes;
    for (;;) {
      input = this.#pass(input);
      const isOver = this.#part === 'options' && !this.#hasOptions && this.#toPass.isOver;
      if (input.length === 0 && !isOver) return;
      const isJoined = this.#held.length > 0;
      if (isJoined) input = Buffer.concat([this.#held, input]);
      this.#held = NOTHING;
      try {
        if (this.#part === 'head') input = this.#head(input);
        else {
          const end = this.#hasOptions ? endOfValue(input, 0) : 0;
          yield this.#frame(input.subarray(0, end));
          input = input.subarray(end);
        }
      } catch (error) {
        if (!(error instanceof Incomplete)) throw error;
        this.#held = isJoined ? input : Buffer.from(input);
        return;
      }
    }
  }

  /** @returns what stands behind the entries under way. */
  #pass(input: Buffer): Buffer {
    const passed = this.#toPass.pass(input);
    this.#bytes += passed;
    if (this.#keeps && passed > 0) this.#entries.push(Buffer.from(input.subarray(0, passed)));
    return input.subarray(passed);
  }

  /** @returns what stands behind the head. */
  #head(input: Buffer): Buffer {
    const message = headAt(input, 0);
    if (message?.kind !== 'array' || message.length < 2 || message.length > 3) {
      throw new Error('no message in Forward or PackedForward mode');
    }
    const at = endOfValue(input, message.start);
    const entries = headAt(input, at);
    if (entries === undefined || entries.kind === 'map') {
      throw new Error('no message in Forward or PackedForward mode');
    }
    const isPacked = entries.kind === 'bytes';
    this.#toPass = isPacked ? new Passage(0, entries.length) : new Passage(entries.length);
    this.#bytes = 0;
    this.#counted = isPacked ? undefined : entries.length;
    this.#hasOptions = message.length === 3;
    this.#part = 'options';
    return input.subarray(entries.start);
  }

  #frame(bytes: Buffer): Frame {
    const { chunk, size, compressed } = (bytes.length === 0 ? {} : decode(bytes)) as Options;
    this.#part = 'head';
    const entries = Buffer.concat(this.#entries);
    this.#entries = [];
    const events = typeof size === 'number' ? size : (this.#counted ?? this.#count(entries));
    const id = typeof chunk === 'string' ? chunk : undefined;
    return { id, events, bytes: this.#bytes, compressed: compressed === 'gzip', entries };
  }

  #count(entries: Buffer): number {
    if (this.#keeps) return countValues(entries);
    throw new Error('a message without the option `size`: its events can only be counted if kept');
  }
}

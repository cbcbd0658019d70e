/**
 * Dead letters: events that no receiver takes, kept whole in the state directory, each in a file of its own, so that
 * they can be read by a person and sent again (commands/replay.ts). Bounded: when there is no room the event stays
 * where it is. Knows nothing of receivers.
 */
import { isUtf8 } from 'node:buffer';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, replaceFile } from '../state-file.ts';

const KINDS = ['lines', 'reduced', 'part', 'last-part'] as const;

/** One line of an audit file that no receiver takes, with where it stood. */
export interface Letter {
  /** Path of the log's active file. */
  readonly log: string;
  readonly fingerprint: string;
  /** Of the line's first byte, in decompressed content. */
  readonly offset: number;
  /** Of the line in the file, with its newline. */
  readonly bytes: number;
  /** What the line is (see event/block.ts). */
  readonly kind: (typeof KINDS)[number];
  readonly line: Buffer;
  readonly reason: string;
}

/** A letter cannot be kept or read; the message says what to do. */
export class DeadLetterError extends Error {}

/** Somebody has to look at them one by one; more are a receiver that is set up wrongly. */
const LETTERS_MAX = 1000;
/** Room for a few of the largest lines, and no more than an administrator expects of a state directory. */
const BYTES_MAX = 1024 ** 3;
const DIRECTORY = 'dead-letter';
const ENDING = '.jsonl';
const VERSION = 1;

export class DeadLetters {
  readonly #directory: string;

  constructor(stateDir: string) {
    this.#directory = join(stateDir, DIRECTORY);
  }

  /**
   * Keeps a letter; it is on the disk when this returns. The same event is kept once.
   * @returns the path of its file. @throws DeadLetterError, and errors of node:fs.
   */
  async keep(letter: Letter): Promise<string> {
    await makeDirectory(this.#directory);
    const text = `${encode(letter)}\n`;
    const name = `${idOf(letter)}${ENDING}`;
    await this.#checkRoom(name, Buffer.byteLength(text));
    const path = join(this.#directory, name);
    await replaceFile(path, [text]);
    return path;
  }

  /** Paths of the letters: a generation's stand together, in order. */
  async list(): Promise<readonly string[]> {
    const names = await this.#names();
    names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return names.map((name) => join(this.#directory, name));
  }

  /** @throws DeadLetterError when the file is none of ours, or was changed. */
  async read(path: string): Promise<Letter> {
    return decode(path, await readFile(path, 'utf8'));
  }

  async remove(path: string): Promise<void> {
    await rm(path);
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#directory)).filter((name) => name.endsWith(ENDING));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  /** A letter that is there already is replaced. */
  async #checkRoom(replaced: string, bytes: number): Promise<void> {
    const names = (await this.#names()).filter((name) => name !== replaced);
    const sizes = await Promise.all(names.map(async (name) => stat(join(this.#directory, name))));
    const kept = sizes.reduce((sum, { size }) => sum + size, 0);
    if (names.length < LETTERS_MAX && kept + bytes <= BYTES_MAX) return;
    throw new DeadLetterError(
      `${this.#directory} is full (${names.length} letters, ${kept} bytes): send them again with ` +
        'audit-shipper replay, or move them away',
    );
  }
}

/** The same as `shipper.id` of the event. */
function idOf({ fingerprint, offset }: Letter): string {
  return `${fingerprint}-${offset}`;
}

function encode(letter: Letter): string {
  const { line, ...rest } = letter;
  const text = isUtf8(line)
    ? { line: line.toString('utf8') }
    : { line_base64: line.toString('base64') };
  const time = new Date().toISOString();
  return JSON.stringify({ version: VERSION, time, id: idOf(letter), ...rest, ...text });
}

function decode(path: string, text: string): Letter {
  const value = parse(path, text);
  const { version } = value;
  if (typeof version !== 'number') throw damaged(path);
  if (version !== VERSION) {
    throw new DeadLetterError(`${path} is of another version of audit-shipper; use that one`);
  }
  const { log, fingerprint, offset, bytes, reason } = value;
  const kind = KINDS.find((known) => known === value['kind']);
  const line = lineOf(value);
  if (
    typeof log !== 'string' ||
    typeof fingerprint !== 'string' ||
    typeof offset !== 'number' ||
    typeof bytes !== 'number' ||
    kind === undefined ||
    typeof reason !== 'string' ||
    line === undefined
  ) {
    throw damaged(path);
  }
  return { log, fingerprint, offset, bytes, kind, line, reason };
}

function parse(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged(path);
}

function lineOf(value: Readonly<Record<string, unknown>>): Buffer | undefined {
  const { line, line_base64: base64 } = value;
  if (typeof line === 'string') return Buffer.from(line);
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64') : undefined;
}

function damaged(path: string): DeadLetterError {
  return new DeadLetterError(`${path} is no dead letter, or was changed; move it away`);
}

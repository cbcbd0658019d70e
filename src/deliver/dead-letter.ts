/**
 * Dead letters: what no receiver takes, or what is too long to be sent, kept whole in the state directory, each in a
 * file of its own, so that it can be read by a person and sent again (commands/replay.ts). Bounded: when there is no
 * room the event stays where it is. Knows nothing of receivers.
 */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { base64Of, escapedOf } from '../json-text.ts';
import { makeDirectory, replaceFile, Replacement, TEMPORARY_ENDING } from '../state-file.ts';

const KINDS = ['lines', 'reduced', 'part', 'last-part'] as const;

/** One line of an audit file, or a part of one, with where it stood. */
export interface Letter {
  /** Path of the log's active file. */
  readonly log: string;
  readonly fingerprint: string;
  /** Of its first byte, in decompressed content. */
  readonly offset: number;
  /** Of it in the file, with its newline. */
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
/** As text a line may take six times as many bytes: then it is kept in base64, which takes a third more. */
const TEXT_GROWTH_MAX = 2;
/** A longer line might take more room than there is, whatever is in it and however small its parts are. */
const LINE_BYTES_MAX = 448 * 1024 ** 2;
/** So much is written between two looks at the room. */
const LOOK_EVERY_BYTES = 1024 ** 2;
const DIRECTORY = 'dead-letter';
const ENDING = '.jsonl';
const VERSION = 1;
const NEWLINE = 10;
/** As the agent writes it: it becomes a part of the event's id as it stands. */
const FINGERPRINT = /^[0-9a-f]{1,64}$/;
/** The kernel's limit (PATH_MAX): no log has a longer path. */
const PATH_BYTES_MAX = 4096;

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
    const pieces = encode(letter);
    await this.#checkRoom(nameOf(letter), sizeOf(pieces));
    const path = this.#pathOf(letter);
    await replaceFile(path, pieces);
    return path;
  }

  /** Whether a line of this size can be kept at all, when there are no others. */
  fits(lineBytes: number): boolean {
    return lineBytes <= LINE_BYTES_MAX;
  }

  /**
   * Begins a letter that is kept part by part, named after the first one.
   * @throws DeadLetterError, and errors of node:fs.
   */
  async begin(first: Letter): Promise<LetterInParts> {
    await makeDirectory(this.#directory);
    const name = nameOf(first);
    await this.#checkRoom(name, 0);
    const path = this.#pathOf(first);
    const file = await Replacement.begin(path);
    return new LetterInParts(path, file, async (bytes) => this.#checkRoom(name, bytes));
  }

  /**
   * Removes what a crash left of letters. Only whoever writes them may do that. What cannot be removed takes room: it is
   * told when there is none.
   */
  async clean(): Promise<void> {
    const names = await this.#names().catch(() => []);
    for (const name of names.filter((one) => one.endsWith(TEMPORARY_ENDING))) {
      await rm(join(this.#directory, name), { force: true }).catch(() => undefined);
    }
  }

  /** Paths of the letters: a generation's stand together, in order. */
  async list(): Promise<readonly string[]> {
    const names = (await this.#names()).filter((name) => name.endsWith(ENDING));
    names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return names.map((name) => join(this.#directory, name));
  }

  /**
   * A letter, or its parts in order: they are one line, whole.
   * @throws DeadLetterError when the file is none of ours, was changed, or cannot be read.
   */
  async *read(path: string): AsyncGenerator<Letter> {
    let last: Letter | undefined;
    let count = 0;
    for await (const text of linesOf(piecesOf(path))) {
      const letter = decode(path, text);
      if (last !== undefined && !follows(letter, last)) throw damaged(path);
      last = letter;
      count += 1;
      yield letter;
    }
    if (count !== 1 && last?.kind !== 'last-part') throw damaged(path);
  }

  async remove(path: string): Promise<void> {
    await rm(path);
  }

  #pathOf(letter: Letter): string {
    return join(this.#directory, nameOf(letter));
  }

  /** Of the letters, and of those that are not complete. */
  async #names(): Promise<string[]> {
    const endings = [ENDING, `${ENDING}${TEMPORARY_ENDING}`];
    try {
      const names = await readdir(this.#directory);
      return names.filter((name) => endings.some((ending) => name.endsWith(ending)));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** A letter that is there already is replaced. */
  async #checkRoom(replaced: string, bytes: number): Promise<void> {
    const own = [replaced, `${replaced}${TEMPORARY_ENDING}`];
    const names = (await this.#names()).filter((name) => !own.includes(name));
    const sizes = await Promise.all(
      names.map(async (name) => bytesOf(join(this.#directory, name))),
    );
    const kept = sizes.reduce((sum, size) => sum + size, 0);
    if (names.length < LETTERS_MAX && kept + bytes <= BYTES_MAX) return;
    throw new DeadLetterError(
      `${this.#directory} is full (${names.length} letters, ${kept} bytes): send them again with ` +
        'audit-shipper replay, or move them away',
    );
  }
}

/** A letter that is not complete yet. What failed may be tried again. */
export class LetterInParts {
  readonly path: string;
  readonly #file: Replacement;
  readonly #checkRoom: (bytes: number) => Promise<void>;
  /** There was room for so many bytes. */
  #roomBytes = 0;

  constructor(path: string, file: Replacement, checkRoom: (bytes: number) => Promise<void>) {
    this.path = path;
    this.#file = file;
    this.#checkRoom = checkRoom;
  }

  /** @throws DeadLetterError, and errors of node:fs: then nothing of the part is in the letter. */
  async add(part: Letter): Promise<void> {
    const pieces = encode(part);
    const bytes = this.#file.bytes + sizeOf(pieces);
    if (bytes > this.#roomBytes) {
      await this.#checkRoom(bytes + LOOK_EVERY_BYTES);
      this.#roomBytes = bytes + LOOK_EVERY_BYTES;
    }
    await this.#file.write(pieces);
  }

  /** All of it is on the disk when this returns. @throws errors of node:fs. */
  async complete(): Promise<void> {
    await this.#file.complete();
  }

  /** Nothing of it stays. Never rejects. */
  async discard(): Promise<void> {
    await this.#file.discard();
  }
}

/** One that was sent meanwhile takes no room. */
async function bytesOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function nameOf(letter: Letter): string {
  return `${idOf(letter)}${ENDING}`;
}

/** The same as `shipper.id` of the event. */
function idOf({ fingerprint, offset }: Letter): string {
  return `${fingerprint}-${offset}`;
}

/** A line of JSON with its newline. */
function encode(letter: Letter): readonly string[] {
  const { line, ...rest } = letter;
  const time = new Date().toISOString();
  const head = JSON.stringify({ version: VERSION, time, id: idOf(letter), ...rest });
  const text = isUtf8(line) ? [...escapedOf(line)] : undefined;
  const isText = text !== undefined && sizeOf(text) <= TEXT_GROWTH_MAX * line.length;
  const [key, pieces] = isText ? ['line', text] : ['line_base64', base64Of(line)];
  return [`${head.slice(0, -1)},"${key}":"`, ...pieces, '"}\n'];
}

function sizeOf(pieces: readonly string[]): number {
  return pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
}

/** Whether a part is the next one of its line. */
function follows(part: Letter, before: Letter): boolean {
  const isNext = before.kind === 'part' && part.offset === before.offset + before.bytes;
  return isNext && part.fingerprint === before.fingerprint && part.log === before.log;
}

async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const piece of createReadStream(path)) yield piece as Buffer;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const message = `cannot read ${path} (${code}); check it, or move it away`;
    throw new DeadLetterError(message, { cause: error });
  }
}

/** None is held but the one that is given. */
async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...begun, piece.subarray(start, end)]).toString('utf8');
      begun = [];
      start = end + 1;
    }
    begun.push(piece.subarray(start));
  }
  const rest = Buffer.concat(begun);
  if (rest.length > 0) yield rest.toString('utf8');
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
    Buffer.byteLength(log) > PATH_BYTES_MAX ||
    typeof fingerprint !== 'string' ||
    !FINGERPRINT.test(fingerprint) ||
    !isByteCount(offset) ||
    !isByteCount(bytes) ||
    kind === undefined ||
    typeof reason !== 'string' ||
    line === undefined
  ) {
    throw damaged(path);
  }
  return { log, fingerprint, offset, bytes, kind, line, reason };
}

function isByteCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
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

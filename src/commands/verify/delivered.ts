/**
 * Reads what was delivered: JSON lines, as stdout and `receive` write them, plain or gzip, from files or from standard
 * input. Says of each line where it comes from; what should be there it does not know.
 */
import { open as openFile } from 'node:fs/promises';
import { PassThrough, type Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip } from 'node:zlib';
import split from 'split2';
import { ID_KEY, SHIPPER_KEY } from '../../event/shipper.ts';
import { inMegabytes, type Progress } from './progress.ts';
import type { Receipt, Receipts } from './receipts.ts';

/** Stands for standard input. */
export const STANDARD_INPUT = '-';

/** What a delivered file held. */
export interface DeliveredFile {
  readonly path: string;
  /** Lines with a `shipper.id`. */
  events: number;
  /** Lines of JSON without one. */
  withoutId: number;
  /** Lines that are no JSON object. */
  unreadable: number;
  /** The last line has no newline, and is no JSON object: it is being written, or was cut off. */
  isCutOff: boolean;
}

/** A line takes at most six times of an event's bytes, which are 256 MiB at most; V8's strings end at 512 MiB. */
const MAX_LINE_CHARS = 500 * 1024 * 1024;
const GZIP_MAGIC = Buffer.of(0x1f, 0x8b);
const NEWLINE = '\n';
const NEWLINE_BYTE = 10;

/** `<fingerprint>-<offset>`, and of a record of a loss `<fingerprint>-<offset>-lost` (event/loss-notice.ts). */
const ID = /^(.+?)-(\d{1,15})(-lost)?$/;

/**
 * @param path of a file, or `-`.
 * @throws the system's error when it cannot be read, or zlib's when it is damaged.
 */
export async function readDelivered(
  path: string,
  receipts: Receipts,
  progress: Progress,
): Promise<DeliveredFile> {
  const reader = new LineReader(path, receipts, progress);
  const [source, decompress] = await open(path);
  await pipeline(
    source,
    decompress,
    (chunks: AsyncIterable<Buffer>) => reader.watched(chunks),
    split(NEWLINE, { maxLength: MAX_LINE_CHARS }),
    async (lines: AsyncIterable<string>) => reader.read(lines),
  );
  return reader.file;
}

class LineReader {
  readonly file: DeliveredFile;
  readonly #receipts: Receipts;
  readonly #progress: Progress;
  #bytes = 0;
  #lastByte = 0;

  constructor(path: string, receipts: Receipts, progress: Progress) {
    this.file = { path, events: 0, withoutId: 0, unreadable: 0, isCutOff: false };
    this.#receipts = receipts;
    this.#progress = progress;
    receipts.beginFile();
  }

  /** The bytes on their way: how many there are, and whether the last one ends a line. */
  async *watched(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.#bytes += chunk.length;
      this.#lastByte = chunk.at(-1) ?? this.#lastByte;
      this.#progress.say(() => `${this.file.path}: ${inMegabytes(this.#bytes)} read`);
      yield chunk;
    }
  }

  async read(lines: AsyncIterable<string>): Promise<void> {
    let isReadable = true;
    for await (const line of lines) {
      if (line.trim() !== '') isReadable = this.#take(line);
    }
    if (isReadable || this.#lastByte === NEWLINE_BYTE) return;
    this.file.unreadable -= 1;
    this.file.isCutOff = true;
  }

  /** @returns false when the line is no JSON object. */
  #take(line: string): boolean {
    const record = parse(line);
    if (record === undefined) {
      this.file.unreadable += 1;
      return false;
    }
    const receipt = receiptOf(record);
    if (receipt === undefined) this.file.withoutId += 1;
    else {
      if (receipt.kind === 'event') this.file.events += 1;
      this.#receipts.add(receipt);
    }
    return true;
  }
}

type Members = Readonly<Record<string, unknown>>;

function parse(line: string): Members | undefined {
  try {
    return membersOf(JSON.parse(line));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function membersOf(value: unknown): Members | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Members;
}

/** Where a delivered record says that it comes from; undefined when it does not. */
export function receiptOf(record: Members): Receipt | undefined {
  const shipper = membersOf(record[SHIPPER_KEY]);
  const id = shipper?.[ID_KEY];
  const [, fingerprint, digits, loss] = typeof id === 'string' ? (ID.exec(id) ?? []) : [];
  if (shipper === undefined || fingerprint === undefined) return undefined;
  const offset = Number(digits);
  if (loss === undefined) {
    return { kind: 'event', fingerprint, offset, part: partOf(shipper, record) };
  }
  const { lost } = shipper;
  const bytes = typeof lost === 'number' && Number.isSafeInteger(lost) ? lost : 0;
  return { kind: 'loss', fingerprint, offset, bytes };
}

/** A line that is too long comes in parts (event/wrap.ts), each with its bytes as text, or as base64. */
function partOf(
  { part }: Members,
  { log, log_base64: base64 }: Members,
): { readonly bytes: number; readonly isLast: boolean } | undefined {
  if (part !== 'more' && part !== 'last') return undefined;
  const isLast = part === 'last';
  if (typeof log === 'string') return { bytes: Buffer.byteLength(log), isLast };
  if (typeof base64 !== 'string') return undefined;
  return { bytes: Buffer.byteLength(base64, 'base64'), isLast };
}

/** A named pipe has no beginning to look at, nor has standard input: what they give is plain. */
async function open(path: string): Promise<readonly [Readable, Transform]> {
  if (path === STANDARD_INPUT) return [process.stdin, new PassThrough()];
  const handle = await openFile(path);
  const isFile = (await handle.stat()).isFile();
  if (!isFile) return [handle.createReadStream(), new PassThrough()];
  const { buffer } = await handle.read(Buffer.alloc(GZIP_MAGIC.length), 0, GZIP_MAGIC.length, 0);
  const stream = handle.createReadStream({ start: 0 });
  if (!buffer.equals(GZIP_MAGIC)) return [stream, new PassThrough()];
  // One that is being written gives what it holds so far.
  return [stream, createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })];
}

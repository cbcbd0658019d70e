/**
 * Takes an audit file apart exactly as shipping does, with the same reader and the same transcoder, and names each
 * piece that gets a `shipper.id` of its own. Memory is that of one block. It knows nothing of what was delivered.
 */
import { Window, type Place } from '../../deliver/window.ts';
import type { Block } from '../../event/block.ts';
import type { Style } from '../../event/core.ts';
import { BlockTranscoder, type EventWriter } from '../../event/transcoder.ts';
import type { Invalid } from '../../event/wrap.ts';
import { BlockReader } from '../../tail/block-reader.ts';
import { gzContentSize, GZ_SIZE_MODULUS } from '../../tail/fingerprint.ts';
import type { LineReducer } from '../../tail/tail.ts';
import { DamagedGzipError, gzSource, plainSource } from '../../tail/source.ts';

/** An event, or a line (or a part of a torn one) that is none. */
export interface Piece {
  readonly start: number;
  /** Without the newline. */
  readonly end: number;
  /** Larger than what is read at once: what it is was not looked at. */
  readonly isLong: boolean;
}

type OnPiece = (piece: Piece, event: Buffer | undefined) => void;

/** What was read of a file. */
export interface Walk {
  /** Bytes of content. */
  readonly size: number;
  /** Whether one of the offsets that were asked for stands just behind a newline, or at the end of the file. */
  readonly isBoundary: boolean;
  /** Lines that an agent with another `max_event_bytes` counts in another way. */
  readonly uncertainLines: number;
  /** The gzip file cannot be read further than `size`. */
  readonly isDamaged: boolean;
}

const NEWLINE = 10;
/** As the agent reads (see agent.ts). */
const BLOCK_BYTES = 448 * 1024;
/** The default of `max_event_bytes`. What an agent with another one made of a longer line, its ids say. */
const LONG_LINE_BYTES = 16 * 1024 * 1024;
/** The least `max_event_bytes` that can be set (config/schema.ts). */
const LEAST_EVENT_BYTES = 4 * 1024;

export class FileWalker {
  readonly #lister = new PieceLister();
  readonly #transcoder = new BlockTranscoder(this.#lister);
  readonly #window = new Window({
    places: 1,
    slabBytes: BLOCK_BYTES,
    makeSlab: (bytes) => this.#transcoder.makeSlab(bytes),
  });

  /**
   * @param offset whether a line ends there is to be found out.
   * @param onPiece is called for each piece, in the order of the file, and given the bytes of what is an event, which stay
   * only while it is called. @param onRead with each block's end.
   * @throws the system's error when the file cannot be read.
   */
  async walk(
    { fd, gz }: { readonly fd: number; readonly gz: boolean },
    offset: number,
    onPiece: OnPiece,
    onRead: (bytes: number) => void,
  ): Promise<Walk> {
    const source = gz ? gzSource(fd) : plainSource(fd);
    const reader = new BlockReader(source, { maxEventBytes: LONG_LINE_BYTES, makeReducer });
    this.#lister.begin(onPiece);
    let size = 0;
    let isBoundary = offset === 0;
    let isDamaged = false;
    const place = await this.#window.reserve(NEVER);
    try {
      for (;;) {
        const block = await nextBlock(reader, place, size);
        if (block === 'damaged') isDamaged = true;
        if (typeof block === 'string') break;
        if (block.kind === 'reduced') this.#lister.long(block);
        else this.#transcoder.transcode(block);
        isBoundary ||= endsLine(block, offset);
        size = block.end;
        onRead(size);
      }
    } finally {
      place.release();
      source.close();
    }
    const { uncertainLines } = this.#lister;
    // One that was cut off ends without an error.
    if (gz && gzContentSize(fd) !== size % GZ_SIZE_MODULUS) isDamaged = true;
    return { size, isBoundary: isBoundary || offset === size, uncertainLines, isDamaged };
  }
}

const NEVER = new AbortController().signal;

/** The next block; `end` when there is none, as far as the file goes now. */
async function nextBlock(
  reader: BlockReader,
  place: Place,
  position: number,
): Promise<Block | 'end' | 'damaged'> {
  try {
    let read = await reader.read(place, position, true);
    while (read.kind === 'passed') read = await reader.read(place, position, true);
    if (read.kind === 'pending') return 'end';
    const { start, end, bytes, block: kind } = read;
    return { generation: 0, log: '', fingerprint: '', start, end, kind, bytes };
  } catch (error) {
    if (error instanceof DamagedGzipError) return 'damaged';
    throw error;
  }
}

function endsLine({ start, end, kind, bytes }: Block, offset: number): boolean {
  if (kind === 'reduced') return offset === end;
  return bytes[offset - start - 1] === NEWLINE;
}

/** Of a line that is too long nothing is kept but where it stands. */
function makeReducer(): LineReducer {
  return { add: () => undefined, end: () => ({ line: LONG_LINE }) };
}

const LONG_LINE = Buffer.from('{}\n');

/** Writes nothing: it only hears from the transcoder what each line is. */
class PieceLister implements EventWriter {
  readonly addedBytes = 0;
  readonly isWritten = false;
  readonly recordStyle = undefined;
  uncertainLines = 0;
  #onPiece: OnPiece = () => undefined;

  begin(onPiece: OnPiece): void {
    this.#onPiece = onPiece;
    this.uncertainLines = 0;
  }

  style(): Style {
    return STYLE;
  }

  /** Lines that are one event each, or an event that is glued to something else. */
  events({ bytes, start: base }: Block, start: number, end: number): readonly Uint8Array[] {
    for (let at = start; at < end;) {
      const newline = bytes.indexOf(NEWLINE, at);
      const lineEnd = newline === -1 || newline >= end ? end : newline;
      this.#onPiece(
        { start: base + at, end: base + lineEnd, isLong: false },
        bytes.subarray(at, lineEnd),
      );
      at = lineEnd + 1;
    }
    return [];
  }

  invalid(block: Block, { start, end }: Invalid): Buffer {
    if (end - start > LEAST_EVENT_BYTES) this.uncertainLines += 1;
    this.#say(block.start + start, block.start + end, false);
    return NOTHING;
  }

  /** A line that was passed over: an event, or more, or none. */
  long({ start, end }: Block): void {
    this.uncertainLines += 1;
    this.#say(start, end - 1, true);
  }

  /** A file holds no records of what is lost. */
  loss(): Buffer {
    return NOTHING;
  }

  #say(start: number, end: number, isLong: boolean): void {
    this.#onPiece({ start, end, isLong }, undefined);
  }
}

const STYLE: Style = { format: 'json' };
const NOTHING = Buffer.alloc(0);

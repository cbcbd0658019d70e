/**
 * Reads as much MessagePack as a receiver says (HELO, PONG, acks), with limits. Sans-IO: it knows bytes, no sockets.
 */

/** What a receiver may say. Both kinds of text come as bytes: Fluent Bit sends random bytes as a str. */
export type Value =
  null | boolean | number | Buffer | readonly Value[] | ReadonlyMap<string, Value>;

/** The peer does not speak the Forward protocol, or not to us. */
export class ProtocolError extends Error {
  readonly code = 'PROTOCOL';
}

/** A HELO, PONG or ack takes a few hundred bytes; this leaves room for a long reason. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** HELO is an array with a map in it. */
const MAX_DEPTH = 4;

const NOTHING = Buffer.alloc(0);

/** Takes a stream of bytes apart into values; a value that is not complete waits for the rest. */
export class MessageReader {
  #rest: Buffer = NOTHING;

  /** Whether no value waits for its rest. */
  get isBetween(): boolean {
    return this.#rest.length === 0;
  }

  /**
   * Yields the values that are complete now, in order: those before a mistake are good all the same.
   * @throws ProtocolError when the bytes are no MessagePack, or a value is larger than any that is expected.
   */
  *feed(bytes: Buffer): Generator<Value, void> {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (let read = readValue(all, at, 0); read !== undefined; read = readValue(all, at, 0)) {
      at = read.next;
      yield read.value;
    }
    // A copy: what was read from the socket belongs to the socket.
    this.#rest = at === all.length ? NOTHING : Buffer.from(all.subarray(at));
    if (this.#rest.length > MAX_MESSAGE_BYTES) {
      throw new ProtocolError(
        'the receiver sends a message that is larger than any of the protocol',
      );
    }
  }
}

interface Read {
  readonly value: Value;
  /** The offset behind the value. */
  readonly next: number;
}

/** @returns undefined when the value is not complete. */
function readValue(bytes: Buffer, at: number, depth: number): Read | undefined {
  const byte = bytes[at];
  if (byte === undefined) return undefined;
  if (depth > MAX_DEPTH) throw new ProtocolError('the receiver sends something deeply nested');
  const behind = at + 1;
  if (byte < 0x80) return { value: byte, next: behind };
  if (byte < 0x90) return readMap(bytes, behind, byte & 0x0f, depth);
  if (byte < 0xa0) return readArray(bytes, behind, byte & 0x0f, depth);
  if (byte < 0xc0) return readBytes(bytes, behind, byte & 0x1f);
  if (byte >= 0xe0) return { value: byte - 0x100, next: behind };
  return readMarked(bytes, byte, behind, depth);
}

/** @param at behind the first byte, which says what follows. */
function readMarked(bytes: Buffer, byte: number, at: number, depth: number): Read | undefined {
  const fixed = CONSTANTS.get(byte);
  if (fixed !== undefined) return { value: fixed, next: at };
  const sized = SIZED.get(byte);
  if (sized === undefined) {
    throw new ProtocolError('the receiver sends something that is not of the Forward protocol');
  }
  const { width, kind } = sized;
  if (at + width > bytes.length) return undefined;
  const behind = at + width;
  if (kind === 'int') return { value: bytes.readIntBE(at, width), next: behind };
  const length = bytes.readUIntBE(at, width);
  if (kind === 'uint') return { value: length, next: behind };
  if (kind === 'bytes') return readBytes(bytes, behind, length);
  return kind === 'array'
    ? readArray(bytes, behind, length, depth)
    : readMap(bytes, behind, length, depth);
}

const CONSTANTS: ReadonlyMap<number, null | boolean> = new Map<number, null | boolean>([
  [0xc0, null],
  [0xc2, false],
  [0xc3, true],
]);

type Kind = 'bytes' | 'uint' | 'int' | 'array' | 'map';

/** Numbers of eight bytes, floats and extensions are in no message of a receiver. */
const SIZED: ReadonlyMap<number, { readonly width: number; readonly kind: Kind }> = new Map(
  (
    [
      [0xc4, 1, 'bytes'],
      [0xc5, 2, 'bytes'],
      [0xc6, 4, 'bytes'],
      [0xcc, 1, 'uint'],
      [0xcd, 2, 'uint'],
      [0xce, 4, 'uint'],
      [0xd0, 1, 'int'],
      [0xd1, 2, 'int'],
      [0xd2, 4, 'int'],
      [0xd9, 1, 'bytes'],
      [0xda, 2, 'bytes'],
      [0xdb, 4, 'bytes'],
      [0xdc, 2, 'array'],
      [0xdd, 4, 'array'],
      [0xde, 2, 'map'],
      [0xdf, 4, 'map'],
    ] as const
  ).map(([byte, width, kind]) => [byte, { width, kind }]),
);

function readBytes(bytes: Buffer, at: number, length: number): Read | undefined {
  checkLength(length);
  const next = at + length;
  return next > bytes.length ? undefined : { value: Buffer.from(bytes.subarray(at, next)), next };
}

function readArray(bytes: Buffer, start: number, length: number, depth: number): Read | undefined {
  checkLength(length);
  const value: Value[] = [];
  let at = start;
  for (let index = 0; index < length; index++) {
    const item = readValue(bytes, at, depth + 1);
    if (item === undefined) return undefined;
    value.push(item.value);
    at = item.next;
  }
  return { value, next: at };
}

function readMap(bytes: Buffer, start: number, length: number, depth: number): Read | undefined {
  checkLength(length);
  const value = new Map<string, Value>();
  let at = start;
  for (let index = 0; index < length; index++) {
    const key = readValue(bytes, at, depth + 1);
    const item = key && readValue(bytes, key.next, depth + 1);
    if (key === undefined || item === undefined) return undefined;
    if (!Buffer.isBuffer(key.value))
      throw new ProtocolError('the receiver sends a key that is no text');
    value.set(key.value.toString('latin1'), item.value);
    at = item.next;
  }
  return { value, next: at };
}

function checkLength(length: number): void {
  if (length > MAX_MESSAGE_BYTES) {
    throw new ProtocolError('the receiver announces more than any message of the protocol holds');
  }
}

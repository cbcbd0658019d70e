/**
 * What the program is compared with, each a process of its own: the least that a program in JavaScript does to events,
 * what anybody would write first, and the raw way of the bytes to the receiver. Ends with the line of sums that the
 * program ends with.
 *
 *     node yardsticks.js parse|encode|copy|relay <directory> [<port>]
 *     node yardsticks.js flood <bytes> <port>
 */
import { once } from 'node:events';
import { closeSync, createReadStream, openSync, readdirSync, readSync, statSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { join } from 'node:path';
import { encode, Encoder, ExtData } from '@msgpack/msgpack';
import split2 from 'split2';

/** So much is read at once. */
const PIECE_BYTES = 1024 * 1024;
const NEWLINE = 10;

interface Done {
  readonly events: number;
  readonly bytes: number;
}

interface AuditEvent {
  readonly stageTimestamp: string;
}

const [which = '', directory = '', port = ''] = process.argv.slice(2);

function filesIn(): readonly string[] {
  return readdirSync(directory)
    .sort()
    .map((name) => join(directory, name));
}

/** Pieces of the files, in one buffer that is used again: `take` has to be done with a piece when it returns. */
function readPieces(path: string, take: (piece: Buffer) => void): void {
  const buffer = Buffer.alloc(PIECE_BYTES);
  const fd = openSync(path, 'r');
  for (;;) {
    const length = readSync(fd, buffer, 0, buffer.length, null);
    if (length === 0) break;
    take(buffer.subarray(0, length));
  }
  closeSync(fd);
}

/** Each line as a text, the cheapest way that JavaScript has. */
function eachLine(take: (line: string) => void): Done {
  let [events, bytes] = [0, 0];
  for (const path of filesIn()) {
    let held: Buffer[] = [];
    readPieces(path, (piece) => {
      bytes += piece.length;
      let from = 0;
      for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, from)) {
        const rest = piece.toString('utf8', from, at);
        take(
          held.length === 0 ? rest : Buffer.concat([...held, piece.subarray(from, at)]).toString(),
        );
        held = [];
        events += 1;
        from = at + 1;
      }
      if (from < piece.length) held.push(Buffer.from(piece.subarray(from)));
    });
  }
  return { events, bytes };
}

/** JSON.parse, and nothing else done. */
function parse(): Done {
  return eachLine((line) => JSON.parse(line) as unknown);
}

/** JSON.parse, and what @msgpack/msgpack makes of it, which goes nowhere. */
function encodeAll(): Done {
  const encoder = new Encoder();
  const time = Buffer.alloc(8);
  return eachLine((line) => {
    const event = JSON.parse(line) as AuditEvent;
    const ms = Date.parse(event.stageTimestamp);
    time.writeUInt32BE(Math.floor(ms / 1000), 0);
    time.writeUInt32BE((ms % 1000) * 1e6, 4);
    encoder.encodeSharedRef([new ExtData(0, time), event]);
  });
}

/** What anybody would write first: lines, JSON.parse, JSON.stringify, stdout. */
async function copy(): Promise<Done> {
  let [events, bytes] = [0, 0];
  for (const path of filesIn()) {
    for await (const event of createReadStream(path).pipe(split2(JSON.parse))) {
      events += 1;
      if (!process.stdout.write(`${JSON.stringify(event)}\n`)) await once(process.stdout, 'drain');
    }
    bytes += statSync(path).size;
  }
  return { events, bytes };
}

// --- the raw way: what is sent is no events, but looks so to the receiver ---

function headOf(length: number): Buffer {
  const head = Buffer.from('93a3726177c600000000', 'hex');
  head.writeUInt32BE(length, head.length - 4);
  return head;
}

/** One message in PackedForward mode for each piece, whose entries are the piece. */
class RawSender {
  readonly #socket: Socket;
  #sent = 0;
  #acked = 0;
  #heard: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Each ack is {"ack": <16 characters>}: only its length matters.
    const ackBytes = encode({ ack: this.#id(0) }).length;
    let bytes = 0;
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
      this.#acked = Math.floor(bytes / ackBytes);
      this.#heard();
    });
  }

  #id(number: number): string {
    return String(number).padStart(16, '0');
  }

  /** Resolves when the kernel has the piece. */
  async send(piece: Buffer): Promise<void> {
    this.#sent += 1;
    const options = encode({ size: 0, chunk: this.#id(this.#sent) });
    this.#socket.cork();
    this.#socket.write(headOf(piece.length));
    this.#socket.write(piece);
    const written = new Promise<void>((resolve, reject) => {
      this.#socket.write(options, (error) => (error ? reject(error) : resolve()));
    });
    this.#socket.uncork();
    return written;
  }

  async finish(): Promise<void> {
    while (this.#acked < this.#sent) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
    this.#socket.destroy();
  }
}

/** Two pieces at a time: one is written while the next is read. */
async function relay(sender: RawSender): Promise<Done> {
  let bytes = 0;
  const buffers = [Buffer.alloc(PIECE_BYTES), Buffer.alloc(PIECE_BYTES)] as const;
  let written = Promise.resolve();
  let turn: 0 | 1 = 0;
  for (const path of filesIn()) {
    const fd = openSync(path, 'r');
    for (;;) {
      const buffer: Buffer = buffers[turn];
      const length = readSync(fd, buffer, 0, buffer.length, null);
      if (length === 0) break;
      await written;
      written = sender.send(buffer.subarray(0, length));
      bytes += length;
      turn = turn === 0 ? 1 : 0;
    }
    closeSync(fd);
  }
  await written;
  await sender.finish();
  return { events: 0, bytes };
}

/** One piece again and again: what the receiver can take. */
async function flood(sender: RawSender): Promise<Done> {
  const piece = Buffer.alloc(PIECE_BYTES, 'x');
  let written = Promise.resolve();
  let bytes = 0;
  for (; bytes < Number(directory); bytes += piece.length) {
    const before = written;
    written = sender.send(piece);
    await before;
  }
  await written;
  await sender.finish();
  return { events: 0, bytes };
}

async function connected(): Promise<RawSender> {
  const socket = net.connect({ host: '127.0.0.1', port: Number(port) });
  await once(socket, 'connect');
  return new RawSender(socket);
}

async function run(): Promise<{ readonly done: Done; readonly startedMs: number }> {
  const sender = port === '' ? undefined : await connected();
  const startedMs = performance.now();
  if (which === 'relay' && sender !== undefined) return { startedMs, done: await relay(sender) };
  if (which === 'flood' && sender !== undefined) return { startedMs, done: await flood(sender) };
  if (which === 'copy') return { startedMs, done: await copy() };
  return { startedMs, done: which === 'parse' ? parse() : encodeAll() };
}

const { done, startedMs } = await run();
const sums = {
  msg: 'stopped',
  delivered_events: done.events,
  delivered_bytes: done.bytes,
  lost_bytes: 0,
  undelivered_bytes: 0,
  invalid_lines: 0,
  seconds: (performance.now() - startedMs) / 1000,
};
process.stderr.write(`${JSON.stringify(sums)}\n`);

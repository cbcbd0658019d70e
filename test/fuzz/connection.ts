/**
 * Fuzzes a connection: a server answers with garbage, with something that is nearly right, or not at all, at each
 * step, and closes or resets when it likes. Each attempt ends within its deadlines, and nothing counts as
 * acknowledged that the server did not acknowledge.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { decodeMulti, encode } from '@msgpack/msgpack';
import { createRandom, type Random } from '../../src/commands/simulate/random.ts';
import { Connection } from '../../src/output/forward/connection.ts';
import { packedForward, type Message } from '../../src/output/forward/message.ts';
import { DeliveryError } from '../../src/output/output.ts';
import { answerPing, helo } from '../support/forward-login.ts';
import { SAID } from './forward.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, slicesOf } from './mutate.ts';

const KEY = 'the shared key';
/** For each step; a silent server costs all of it. */
const DEADLINE_MS = 60;
/** Far above all deadlines together, on a busy machine. */
const PATIENCE_MS = 20_000;
const ENTRIES = Buffer.from(encode([0, { a: 1 }]));

export const connection: Fuzzer = {
  name: 'connection',
  cases: 60,
  open: async () => {
    const reader = new ConnectionReader();
    await reader.listen();
    return reader;
  },
};

type Step = 'connected' | 'ping' | 'message';

/** What belongs to one attempt: bytes of the one before it may still arrive when it has begun. */
interface Talk {
  readonly random: Random;
  readonly login: boolean;
  readonly id: string;
  /** What was sent to the client after the handshake, or could be. */
  readonly said: Buffer[];
}

class ConnectionReader implements Reader {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #talk: Talk = { random: createRandom(0), login: false, id: '', said: [] };

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async check(random: Random): Promise<void> {
    const login = random.below(2) === 0;
    const begun = performance.now();
    const accounts = { delivered: { events: 1, bytes: 8 }, filtered: { events: 0, bytes: 0 } };
    const message = packedForward('t', { id: String(random.next()), accounts }, [ENTRIES]);
    const talk = { random, login, id: message.id, said: [] };
    this.#talk = talk;
    const isAcked = await this.#attempt(message, login);
    if (isAcked) assert.ok(hasAcked(talk), 'only what was acknowledged counts as such');
    assert.ok(performance.now() - begun < PATIENCE_MS, 'it ends in time');
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** @returns whether the message counts as acknowledged. */
  async #attempt(message: Message, login: boolean): Promise<boolean> {
    const { port } = this.#server.address() as AddressInfo;
    const end = new AbortController();
    let open: Connection | undefined;
    try {
      open = await Connection.open({
        host: '127.0.0.1',
        port,
        receiver: 'receiver',
        tls: undefined,
        login: login ? { sharedKey: KEY, user: undefined } : undefined,
        hostname: 'shipper.test',
        deadlines: {
          connect: DEADLINE_MS,
          handshake: DEADLINE_MS,
          write: DEADLINE_MS,
          ack: DEADLINE_MS,
        },
        signal: end.signal,
      });
      await open.send(Promise.resolve(message));
      return true;
    } catch (error) {
      assert.ok(error instanceof DeliveryError, `it threw ${String(error)}`);
      return false;
    } finally {
      end.abort();
      open?.destroy();
      await open?.closed;
    }
  }

  #serve(socket: Socket): void {
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const talk = this.#talk;
    let step: Step = talk.login ? 'ping' : 'message';
    const greeting = (): Uint8Array => (talk.login ? helo({ key: KEY }) : Buffer.alloc(0));
    answer(socket, talk, 'connected', greeting);
    socket.on('data', (bytes) => {
      const now = step;
      step = 'message';
      answer(socket, talk, now, () => (now === 'ping' ? pongTo(bytes) : ackOf(talk.id)));
    });
  }
}

function hasAcked({ said, id }: Talk): boolean {
  try {
    for (const value of decodeMulti(Buffer.concat(said))) {
      if (isAck(value, id)) return true;
    }
  } catch {
    // What follows is garbage; an acknowledgement before it would have been found.
  }
  return false;
}

/** As it should be, or anything else. */
function answer(socket: Socket, talk: Talk, step: Step, right: () => Uint8Array): void {
  const { random, login, id, said } = talk;
  const kind = random.below(10);
  if (kind === 0) socket.resetAndDestroy();
  if (kind === 1) socket.end();
  if (kind <= 2) return;
  const good = Buffer.from(right());
  const isGood = kind > 6;
  const corpus = good.length === 0 ? SAID.corpus : [good, ...SAID.corpus, ackOf(id)];
  const bytes = isGood ? good : mutated(random, { corpus, words: [...SAID.words, good] });
  // Without a handshake an acknowledgement may even come before the message.
  if (step === 'message' || !login || !isGood) said.push(bytes);
  for (const slice of slicesOf(random, bytes.subarray(0, 2048))) socket.write(slice);
}

function pongTo(ping: Buffer): Uint8Array {
  try {
    return answerPing({ key: KEY }, [...decodeMulti(ping)][0]).pong;
  } catch (error) {
    if (error instanceof RangeError) return Buffer.alloc(0);
    throw error;
  }
}

function ackOf(id: string): Buffer {
  return Buffer.from(encode({ ack: id }));
}

/** Both kinds of text are taken, as Fluent Bit sends either. */
function isAck(value: unknown, id: string): boolean {
  if (typeof value !== 'object' || value === null || !('ack' in value)) return false;
  const { ack } = value;
  return (ack instanceof Uint8Array ? Buffer.from(ack).toString() : ack) === id;
}

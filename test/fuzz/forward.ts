/**
 * Fuzzes what a receiver may say, without a socket: messages in any slices are values or a clear error, no more is
 * kept of them than a message may have, and only the one right PONG ends the handshake.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { encode } from '@msgpack/msgpack';
import type { Random } from '../../src/commands/simulate/random.ts';
import { readAck } from '../../src/output/forward/ack-reader.ts';
import { AuthenticationError, Handshake } from '../../src/output/forward/handshake.ts';
import { MessageReader, ProtocolError, type Value } from '../../src/output/forward/msgpack.ts';
import type { Fuzzer } from './fuzz.ts';
import { mutated, randomBytes, slicesOf, wordsOf, type Material } from './mutate.ts';

const KEY = 'the shared key';
const SALT = 'salt';
const CLIENT = 'shipper.test';
const RECEIVER = 'receiver.test';
const NONCE = Buffer.from('ff00fe80c1c2a0b1', 'hex');
const LOGIN = { sharedKey: KEY, user: { name: 'shipper', password: 'secret' } };
/** As the specification has it. */
const PROOF = createHash('sha512').update(SALT).update(RECEIVER).update(NONCE).update(KEY);
const DIGEST = PROOF.digest('hex');
/** src/output/forward/msgpack.ts: what may wait for its end. */
const MESSAGE_BYTES_MAX = 16 * 1024;

const HELO = Buffer.from(encode(['HELO', { nonce: NONCE, auth: NONCE, keepalive: true }]));
const PONG = Buffer.from(encode(['PONG', true, '', RECEIVER, DIGEST]));
const ACK = Buffer.from(encode({ ack: 'q83vEjRWeJCrze8SNFZ4kA==' }));

/** Also used by the fuzzer that speaks on a socket. */
export const SAID: Material = {
  corpus: [
    HELO,
    PONG,
    ACK,
    Buffer.concat([HELO, PONG, ACK, ACK]),
    Buffer.concat([HELO, Buffer.from(encode(['PONG', false, '', RECEIVER, DIGEST]))]),
    Buffer.from(encode(['PONG', false, 'shared key mismatch', '', ''])),
    Buffer.from(encode([1, -1, 1.5, null, [[[[[]]]]], { a: { b: {} } }])),
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    Buffer.of(0x15, 3, 1, 0, 2, 2, 0x28),
  ],
  words: [
    ...wordsOf('HELO', 'PONG', 'ack', 'nonce', 'auth', 'keepalive', DIGEST, RECEIVER),
    // Lengths of 4 GiB, of 64 KiB, of what a message may just have; things that are of no message.
    ...['c6ffffffff', 'dbffffffff', 'ddffffffff', 'dfffffffff', 'c5ffff', 'dc4000', 'da4001']
      .concat(['c1', 'cb3ff8000000000000', 'd7ff00000000', '91919191919191', 'c0', 'c2', 'c3'])
      .map((hex) => Buffer.from(hex, 'hex')),
    Buffer.alloc(MESSAGE_BYTES_MAX, 0xa0),
  ],
};

export const forward: Fuzzer = {
  name: 'forward',
  cases: 500,
  open: () => ({
    check(random) {
      const bytes = random.below(8) === 0 ? randomBytes(random, 300) : mutated(random, SAID);
      const whole = heard([bytes]);
      assert.deepEqual(heard([...slicesOf(random, bytes)]), whole, 'slices make no difference');
      for (const value of whole.values) assertAck(value);
      assertHandshake(whole.values);
      assertBounded(random);
    },
  }),
};

interface Heard {
  readonly values: readonly Value[];
  readonly error: string | undefined;
}

function heard(slices: readonly Buffer[]): Heard {
  const reader = new MessageReader();
  const values: Value[] = [];
  try {
    for (const slice of slices) for (const value of reader.feed(slice)) values.push(value);
    return { values, error: undefined };
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `it threw ${String(error)}`);
    return { values, error: error.name };
  }
}

/** What has no end is not waited for without end. */
function assertBounded(random: Random): void {
  const endless = Buffer.from(random.pick(['c6', 'db', 'dd', 'df']) + 'ffffffff', 'hex');
  assert.throws(
    () => [...new MessageReader().feed(endless)],
    ProtocolError,
    '4 GiB are no message',
  );
  const reader = new MessageReader();
  const item = Buffer.concat([Buffer.from('da0400', 'hex'), Buffer.alloc(1024)]);
  let fed = 0;
  const feed = (bytes: Buffer): void => {
    fed += bytes.length;
    assert.deepEqual([...reader.feed(bytes)], []);
  };
  assert.throws(() => {
    feed(Buffer.from('dc4000', 'hex'));
    for (let items = 0; items < 64; items += 1) feed(item);
  }, ProtocolError);
  assert.ok(fed <= MESSAGE_BYTES_MAX + 2 * item.length, 'it gives up in time');
}

function assertAck(value: Value): void {
  try {
    assert.equal(typeof readAck(value), 'string');
  } catch (error) {
    assert.ok(isClear(error), `it threw ${String(error)}`);
  }
}

function assertHandshake(values: readonly Value[]): void {
  const handshake = new Handshake({ login: LOGIN, hostname: CLIENT, salt: SALT });
  const said: Value[] = [];
  try {
    for (const value of values) {
      said.push(value);
      const answer = handshake.next(value);
      assert.ok(answer === undefined || Buffer.isBuffer(answer));
      if (handshake.done) break;
    }
  } catch (error) {
    assert.ok(isClear(error), `it threw ${String(error)}`);
    assert.ok(!handshake.done, 'an error is no login');
  }
  if (handshake.done) assert.ok(isProof(said), 'only who knows the key is believed');
}

/** What was said holds the nonce that was answered to, and the digest that follows from it. */
function isProof(said: readonly Value[]): boolean {
  const [helo, pong] = said as readonly (readonly Value[])[];
  const nonce = helo?.[1] instanceof Map ? (helo[1] as Map<string, Value>).get('nonce') : undefined;
  const [name, accepted, , hostname, digest] = pong ?? [];
  if (said.length !== 2 || pong?.length !== 5 || accepted !== true) return false;
  const texts = [nonce, name, hostname, digest].filter((one) => Buffer.isBuffer(one));
  const [salt = NONCE, word, receiver = NONCE, proof] = texts;
  if (word?.toString() !== 'PONG') return false;
  const expected = createHash('sha512').update(SALT).update(receiver).update(salt).update(KEY);
  return proof?.toString() === expected.digest('hex');
}

/** It ends the connection, with words for the log. */
function isClear(error: unknown): boolean {
  return error instanceof ProtocolError || error instanceof AuthenticationError;
}

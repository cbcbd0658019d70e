/**
 * The login: HELO → PING → PONG without a socket. Nobody gets in, and nothing counts as open, without the proof of
 * the other side.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  checkPing,
  checkPong,
  type PingMessage,
  type PongMessage,
} from '@fluent-org/logger/build/src/protocol.js';
import { decode, encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import {
  AuthenticationError,
  Handshake,
  type Login,
} from '../../../src/output/forward/handshake.ts';
import { MessageReader, ProtocolError } from '../../../src/output/forward/msgpack.ts';
import { feedsOf } from '../../support/byte-feeds.ts';
import { answerPing, helo } from '../../support/forward-login.ts';

const KEY = 'a key';
const USER = { name: 'shipper', password: 'pa55 wörd' };
const HOSTNAME = 'shipper.test';
const SALT = '00112233445566778899aabbccddeeff';
const RECEIVER = 'receiver.test';

function handshakeOf(login: Partial<Login> = {}): Handshake {
  return new Handshake({
    login: { sharedKey: KEY, user: undefined, ...login },
    hostname: HOSTNAME,
    salt: SALT,
  });
}

/** Feeds it what arrives; @returns what it sends. */
function converse(handshake: Handshake, ...pieces: readonly Uint8Array[]): readonly Buffer[] {
  const reader = new MessageReader();
  return pieces
    .flatMap((piece) => [...reader.feed(Buffer.from(piece))])
    .flatMap((message) => handshake.next(message) ?? []);
}

function pingAfter(handshake: Handshake, hello: Uint8Array): readonly unknown[] {
  const [ping] = converse(handshake, hello);
  assert.ok(ping, 'HELO is answered');
  return decode(ping) as readonly unknown[];
}

function sha512(...parts: readonly (string | Uint8Array)[]): string {
  return createHash('sha512')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part as string))))
    .digest('hex');
}

describe('a handshake', () => {
  it('succeeds with the same key on both sides', () => {
    const handshake = handshakeOf();
    assert.deepEqual([handshake.begun, handshake.done], [false, false]);
    const ping = pingAfter(handshake, helo({ key: KEY }));
    assert.deepEqual([handshake.begun, handshake.done], [true, false]);
    const { accepted, pong } = answerPing({ key: KEY }, ping);
    assert.equal(accepted, true);
    assert.deepEqual(converse(handshake, pong), []);
    assert.equal(handshake.done, true);
  });

  it('is the same in whatever pieces the receiver sends', () => {
    const hello = helo({ key: KEY, user: USER });
    const [expected] = converse(handshakeOf({ user: USER }), hello);
    const { pong } = answerPing({ key: KEY, user: USER }, decode(expected as Buffer));
    for (const pieces of feedsOf(hello)) {
      assert.deepEqual(converse(handshakeOf({ user: USER }), ...pieces), [expected]);
    }
    for (const pieces of feedsOf(pong)) {
      const handshake = handshakeOf({ user: USER });
      converse(handshake, hello);
      converse(handshake, ...pieces);
      assert.equal(handshake.done, true);
    }
  });

  it('takes a nonce of any bytes, as str (Fluent Bit) and as bin (Fluentd)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 31 }), (nonce) => {
        const asStr = Buffer.concat([
          Buffer.from('92a448454c4f82a56e6f6e6365', 'hex'),
          Buffer.of(0xa0 | nonce.length),
          nonce,
          Buffer.from('a461757468a0', 'hex'),
        ]);
        const asBin = encode(['HELO', { nonce, auth: new Uint8Array(0), keepalive: true }]);
        for (const hello of [asStr, asBin]) {
          const ping = pingAfter(handshakeOf(), hello);
          assert.deepEqual(ping, [
            'PING',
            HOSTNAME,
            SALT,
            sha512(SALT, HOSTNAME, nonce, KEY),
            '',
            '',
          ]);
        }
      }),
    );
  });

  it('is accepted by the server of @fluent-org/logger, and accepts its answer', () => {
    const nonce = Buffer.from('8000ff7f', 'hex');
    const auth = Buffer.from('ff01', 'hex');
    const handshake = handshakeOf({ user: USER });
    const ping = pingAfter(handshake, encode(['HELO', { nonce, auth, keepalive: true }]));
    const { sharedKeyInfo } = checkPing(
      ping as unknown as PingMessage,
      RECEIVER,
      { nonce, key: KEY },
      { salt: auth, userDict: { [USER.name]: USER.password } },
    );
    const pong: PongMessage = ['PONG', true, '', RECEIVER, sha512(SALT, RECEIVER, nonce, KEY)];
    checkPong(pong, HOSTNAME, sharedKeyInfo);
    converse(handshake, encode(pong));
    assert.equal(handshake.done, true);
  });

  it('proves the password with the salt of the receiver', () => {
    const auth = Buffer.from('ff00aa', 'hex');
    const ping = pingAfter(handshakeOf({ user: USER }), encode(['HELO', { nonce: 'n', auth }]));
    assert.deepEqual(ping.slice(4), [USER.name, sha512(auth, USER.name, USER.password)]);
  });

  it('does not name the user to a receiver that sends no salt for the password', () => {
    for (const options of [{ nonce: 'n', auth: '' }, { nonce: 'n' }]) {
      const ping = pingAfter(handshakeOf({ user: USER }), encode(['HELO', options]));
      assert.deepEqual(ping.slice(4), ['', '']);
    }
  });

  it('works with a user and no shared key', () => {
    const login = { key: '', user: USER };
    const handshake = handshakeOf({ sharedKey: '', user: USER });
    const ping = pingAfter(handshake, helo(login));
    converse(handshake, answerPing(login, ping).pong);
    assert.equal(handshake.done, true);
  });

  it('knows whether the receiver keeps the connection', () => {
    for (const keepalive of [true, false]) {
      const handshake = handshakeOf();
      converse(handshake, helo({ key: KEY, keepalive }));
      assert.equal(handshake.keepalive, keepalive);
    }
    const silent = handshakeOf();
    converse(silent, encode(['HELO', { nonce: 'n', auth: '' }]));
    assert.equal(silent.keepalive, true);
  });
});

describe('a handshake is not done', () => {
  /** @returns the error at the receiver's answer, and that nothing is open after it. */
  function refusalOf(pong: unknown, handshake = handshakeOf()): Error {
    converse(handshake, helo({ key: KEY }));
    let refusal: unknown;
    assert.throws(
      () => converse(handshake, encode(pong)),
      (error) => (refusal = error) instanceof Error,
    );
    assert.equal(handshake.done, false);
    return refusal as Error;
  }

  it('when the receiver refuses, and its reason is told, but not all of a long one', () => {
    const refusal = refusalOf(['PONG', false, 'shared key mismatch', '', '']);
    assert.ok(refusal instanceof AuthenticationError);
    assert.match(refusal.message, /refuses: shared key mismatch/);
    assert.ok(refusalOf(['PONG', false, 'x'.repeat(10_000), '', '']).message.length < 300);
  });

  it('when the receiver with another key refuses ours', () => {
    const handshake = handshakeOf({ sharedKey: 'another' });
    const { accepted, pong } = answerPing({ key: KEY }, pingAfter(handshake, helo({ key: KEY })));
    assert.equal(accepted, false);
    assert.throws(() => converse(handshake, pong), AuthenticationError);
    assert.equal(handshake.done, false);
  });

  it('when the receiver lets us in but does not know the key', () => {
    const handshake = handshakeOf();
    const ping = pingAfter(handshake, helo({ key: KEY }));
    const { accepted, pong } = answerPing({ key: KEY, pretends: true }, ping);
    assert.equal(accepted, true);
    assert.throws(() => converse(handshake, pong), /does not prove that it knows the shared key/);
    assert.equal(handshake.done, false);
  });

  it('when the proof is empty, cut, or in other letters', () => {
    const handshake = handshakeOf();
    const ping = pingAfter(handshake, helo({ key: KEY }));
    const pong = decode(answerPing({ key: KEY }, ping).pong) as unknown[];
    const proof = String(pong[4]);
    for (const wrong of [
      '',
      proof.slice(1),
      proof.slice(0, -1),
      proof.toUpperCase(),
      ` ${proof}`,
    ]) {
      refusalOf(['PONG', true, '', RECEIVER, wrong]);
    }
  });

  it('when the receiver sends our own proof back under our name', () => {
    const handshake = handshakeOf();
    const ping = pingAfter(handshake, helo({ key: KEY }));
    const mirrored = encode(['PONG', true, '', HOSTNAME, ping[3]]);
    assert.throws(() => converse(handshake, mirrored), /calls itself as this host does/);
    assert.equal(handshake.done, false);
  });

  it('when the PONG is none', () => {
    const others = [
      ['PONG', true, '', RECEIVER],
      ['PING'],
      { ack: 'x' },
      1,
      ['PONG', 1, '', '', ''],
    ];
    for (const other of others) refusalOf(other);
    for (const item of [null, 1, []]) {
      assert.ok(refusalOf(['PONG', true, '', RECEIVER, item]) instanceof ProtocolError);
    }
  });

  it('when the messages come out of order', () => {
    const hello = helo({ key: KEY });
    const first = handshakeOf();
    assert.throws(() => converse(first, encode(['PONG', true, '', RECEIVER, ''])), ProtocolError);
    assert.throws(() => converse(handshakeOf(), hello, hello), ProtocolError);
    assert.throws(() => converse(handshakeOf(), encode({ ack: 'x' })), ProtocolError);
    assert.equal(first.done, false);
  });

  it('when the HELO is none, or has no nonce', () => {
    const others = [['HELO'], ['HELO', []], ['HELO', {}], ['HELO', { nonce: 1 }], 'HELO', 1];
    for (const other of [...others, ['HELO', { nonce: 'n', auth: 1 }]]) {
      const handshake = handshakeOf();
      assert.throws(() => converse(handshake, encode(other)), ProtocolError);
      assert.equal(handshake.begun, false);
    }
  });

  it('and over when it is done: nothing may follow', () => {
    const handshake = handshakeOf();
    const { pong } = answerPing({ key: KEY }, pingAfter(handshake, helo({ key: KEY })));
    converse(handshake, pong);
    assert.throws(() => converse(handshake, pong), ProtocolError);
  });
});

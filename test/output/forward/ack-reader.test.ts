/**
 * What a receiver says after the handshake: acknowledgements, in whatever pieces they arrive, and nothing else.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { isAckOf, readAck } from '../../../src/output/forward/ack-reader.ts';
import { AuthenticationError } from '../../../src/output/forward/handshake.ts';
import { messageId } from '../../../src/output/forward/message.ts';
import { MessageReader, ProtocolError } from '../../../src/output/forward/msgpack.ts';
import { feedsOf } from '../../support/byte-feeds.ts';

function acksIn(pieces: readonly Buffer[]): readonly string[] {
  const reader = new MessageReader();
  return pieces.flatMap((piece) => [...reader.feed(piece)]).map(readAck);
}

const id = 'JyWuoLepzb744CB7LUY9g==';

describe('the ack reader', () => {
  it('reads acks in whatever pieces they arrive', () => {
    const bytes = Buffer.concat([encode({ ack: id }), encode({ ack: 'second' })]);
    for (const pieces of feedsOf(bytes)) assert.deepEqual(acksIn(pieces), [id, 'second']);
  });

  it('reads an id that comes as bin, and does not mind what else is there', () => {
    assert.deepEqual(acksIn([Buffer.from(encode({ ack: Buffer.from(id) }))]), [id]);
    assert.deepEqual(acksIn([Buffer.from(encode({ more: [1], ack: id }))]), [id]);
  });

  it('refuses whatever is no ack', () => {
    const others = [{}, { ack: 1 }, { ack: null }, { nack: id }, [id], id, 1, null, ['PONG', true]];
    for (const other of others) {
      const bytes = Buffer.from(encode(other));
      for (const pieces of feedsOf(bytes)) assert.throws(() => acksIn(pieces), ProtocolError);
    }
  });

  it('knows the ack of a message from the bytes that receivers write', () => {
    const ours = messageId('a chunk');
    const ack = Buffer.from(encode({ ack: ours }));
    assert.equal(isAckOf(ack, ours), true);
    for (let at = 0; at < ack.length; at += 1) {
      const other = Buffer.from(ack);
      other[at] = (other[at] ?? 0) ^ 0x80;
      assert.equal(isAckOf(other, ours), false, `${at}`);
      assert.equal(isAckOf(ack.subarray(0, at), ours), false);
      assert.equal(isAckOf(ack.subarray(at + 1), ours), false);
    }
    assert.equal(isAckOf(Buffer.concat([ack, ack]), ours), false);
    assert.equal(isAckOf(Buffer.from(encode({ ack: 'second' })), 'second'), false);
  });

  it('says whether an ack waits for its rest', () => {
    const ack = Buffer.from(encode({ ack: id }));
    const reader = new MessageReader();
    assert.equal(reader.isBetween, true);
    assert.deepEqual([...reader.feed(ack.subarray(0, 9))], []);
    assert.equal(reader.isBetween, false);
    assert.equal([...reader.feed(ack.subarray(9))].length, 1);
    assert.equal(reader.isBetween, true);
  });

  it('says what to do when the receiver asks for a login', () => {
    const helo = Buffer.from(encode(['HELO', { nonce: 'x', auth: '', keepalive: true }]));
    assert.throws(
      () => acksIn([helo]),
      (error) => {
        assert.ok(error instanceof AuthenticationError);
        return /set shared_key_file/.test(error.message);
      },
    );
  });
});

/**
 * What a receiver says after the handshake: acknowledgements, in whatever pieces they arrive, and nothing else.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { readAck } from '../../../src/output/forward/ack-reader.ts';
import { AuthenticationError } from '../../../src/output/forward/handshake.ts';
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

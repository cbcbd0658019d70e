/**
 * What a receiver says after the handshake: `{"ack": "<chunk>"}`, one for each chunk. Sans-IO.
 */
import { AuthenticationError, isNamed } from './handshake.ts';
import { ProtocolError, type Value } from './msgpack.ts';

/**
 * @returns the id of the message that is acknowledged.
 * @throws ProtocolError when it is no ack, AuthenticationError when the receiver asks for a login instead.
 */
export function readAck(message: Value): string {
  const ack =
    message instanceof Map ? (message as ReadonlyMap<string, Value>).get('ack') : undefined;
  if (Buffer.isBuffer(ack)) return ack.toString('latin1');
  if (isNamed(message, 'HELO')) {
    throw new AuthenticationError('the receiver asks for a shared key; set shared_key_file');
  }
  throw new ProtocolError('the receiver sends something that is no acknowledgement');
}

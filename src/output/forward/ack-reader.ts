/**
 * What a receiver says after the handshake: `{"ack": "<chunk>"}`, one for each chunk. Sans-IO.
 */
import { AuthenticationError, isNamed } from './handshake.ts';
import { ProtocolError, type Value } from './msgpack.ts';

/** `{"ack": "` in front of an id of 24 characters. */
const ACK_HEAD = Buffer.from([0x81, 0xa3, 0x61, 0x63, 0x6b, 0xb8]).toString('latin1');
const ID_CHARS = 24;

/**
 * Whether these bytes are the ack of this message, as receivers write it: looked at before they are read, which takes
 * much longer. What is written otherwise may be one, too.
 */
export function isAckOf(bytes: Buffer, id: string): boolean {
  if (bytes.length !== ACK_HEAD.length + ID_CHARS) return false;
  return bytes.toString('latin1') === ACK_HEAD + id;
}

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

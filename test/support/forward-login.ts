/**
 * The receiver's side of the handshake, for tests: written from the specification, with @msgpack/msgpack, so that it
 * shares no mistake with the client. Pure.
 */
import { createHash } from 'node:crypto';
import { encode } from '@msgpack/msgpack';

export interface ServerLogin {
  readonly key: string;
  readonly user?: { readonly name: string; readonly password: string };
  readonly hostname?: string;
  readonly keepalive?: boolean;
  /** It lets everybody in, with a PONG that proves nothing. */
  readonly pretends?: boolean;
}

/** No UTF-8, as with Fluent Bit. */
const NONCE = Buffer.from('ff00fe80c1c2a0b1ff00fe80c1c2a0b1', 'hex');
const AUTH_SALT = Buffer.from('80ff0102030405060708090a0b0c0dfe', 'hex');
const HOSTNAME = 'receiver.test';

export function helo({ user, keepalive = true }: ServerLogin): Uint8Array {
  const auth = user === undefined ? Buffer.alloc(0) : AUTH_SALT;
  return encode(['HELO', { nonce: NONCE, auth, keepalive }]);
}

export function answerPing(
  { key, user, hostname = HOSTNAME, pretends = false }: ServerLogin,
  ping: unknown,
): { readonly accepted: boolean; readonly pong: Uint8Array } {
  const [name, client, salt, digest, userName, password] = ping as readonly string[];
  const answer = (accepted: boolean, reason: string, proof: string) => {
    return { accepted, pong: encode(['PONG', accepted, reason, hostname, proof]) };
  };
  if (name !== 'PING' || client === undefined || salt === undefined) {
    return answer(false, 'no PING', '');
  }
  if (pretends) return answer(true, '', sha512(salt, hostname, NONCE, 'no idea'));
  if (digest !== sha512(salt, client, NONCE, key)) return answer(false, 'shared key mismatch', '');
  if (user !== undefined) {
    const proof = sha512(AUTH_SALT, user.name, user.password);
    if (userName !== user.name || password !== proof) return answer(false, 'wrong user', '');
  }
  return answer(true, '', sha512(salt, hostname, NONCE, key));
}

function sha512(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/**
 * The handshake that a receiver with a shared key asks for: HELO → PING → PONG, as a machine without a socket. It
 * is fed what the receiver says and answers what to send. No event may leave before `done`.
 * https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1#handshake-messages
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { arrayHeader, str } from '../../msgpack.ts';
import { ProtocolError, type Value } from './msgpack.ts';

export interface Login {
  /** Empty where the receiver asks for a user only. */
  readonly sharedKey: string;
  readonly user: { readonly name: string; readonly password: string } | undefined;
}

export interface HandshakeOptions {
  readonly login: Login;
  /** How the client calls itself; the receiver's name must be another. */
  readonly hostname: string;
  /** Fresh random text for each connection. It is sent as str: Fluent Bit takes nothing else. */
  readonly salt: string;
}

/** The receiver does not let us in, or could not prove that it knows the key. */
export class AuthenticationError extends Error {
  readonly code = 'AUTHENTICATION';
}

/** Reasons are the receiver's text: no longer than that in our log. */
const REASON_CHARS_MAX = 200;
const PING_PIECES = 6;
const PONG_ITEMS = 5;

export class Handshake {
  readonly #options: HandshakeOptions;
  #state: 'helo' | 'pong' | 'done' = 'helo';
  #nonce: Buffer = Buffer.alloc(0);
  #keepalive = true;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  get begun(): boolean {
    return this.#state !== 'helo';
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Whether the receiver keeps the connection after a chunk, as its HELO says. */
  get keepalive(): boolean {
    return this.#keepalive;
  }

  /**
   * @returns what to send, if anything.
   * @throws ProtocolError when the message has no place here, AuthenticationError when the receiver refuses or
   * does not prove that it knows the shared key.
   */
  next(message: Value): Buffer | undefined {
    if (this.#state === 'helo') return this.#helo(message);
    if (this.#state === 'pong') this.#pong(message);
    else throw new ProtocolError('the receiver goes on with a handshake that is over');
    return undefined;
  }

  #helo(message: Value): Buffer {
    if (!isNamed(message, 'HELO') || !(message[1] instanceof Map)) {
      throw new ProtocolError(
        'the receiver does not begin with HELO, as one with a shared key does',
      );
    }
    const options = message[1] as ReadonlyMap<string, Value>;
    const nonce = options.get('nonce');
    const auth = options.get('auth') ?? Buffer.alloc(0);
    if (!Buffer.isBuffer(nonce) || !Buffer.isBuffer(auth)) {
      throw new ProtocolError('the receiver sends a HELO without a nonce');
    }
    this.#nonce = nonce;
    this.#keepalive = options.get('keepalive') !== false;
    this.#state = 'pong';
    return this.#ping(auth);
  }

  /** Without the receiver's salt the user stays at home: a digest without one is as good as the password. */
  #ping(auth: Buffer): Buffer {
    const { hostname, salt, login } = this.#options;
    const user = auth.length > 0 ? login.user : undefined;
    const password = user === undefined ? '' : digest(auth, user.name, user.password);
    return ping([hostname, salt, this.#keyDigest(hostname), user?.name ?? '', password]);
  }

  #pong(message: Value): void {
    if (!isNamed(message, 'PONG') || message.length !== PONG_ITEMS) {
      throw new ProtocolError('the receiver does not answer with PONG');
    }
    const [, accepted, reason, hostname, proof] = message;
    if (accepted !== true) {
      throw new AuthenticationError(`the receiver refuses: ${textOf(reason)}`);
    }
    if (!Buffer.isBuffer(hostname) || !Buffer.isBuffer(proof)) {
      throw new ProtocolError('the receiver sends a PONG without its name and digest');
    }
    if (hostname.equals(Buffer.from(this.#options.hostname))) {
      throw new AuthenticationError(
        'the receiver calls itself as this host does; give it another name',
      );
    }
    if (!isEqual(proof, Buffer.from(this.#keyDigest(hostname)))) {
      throw new AuthenticationError('the receiver does not prove that it knows the shared key');
    }
    this.#state = 'done';
  }

  #keyDigest(hostname: string | Buffer): string {
    const { salt, login } = this.#options;
    return digest(salt, hostname, this.#nonce, login.sharedKey);
  }
}

function ping(items: readonly string[]): Buffer {
  return Buffer.concat([arrayHeader(PING_PIECES), str('PING'), ...items.map(str)]);
}

function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** A message of the handshake is an array that begins with its name. */
export function isNamed(message: Value, name: string): message is readonly Value[] {
  return Array.isArray(message) && textOf(message[0] as Value) === name;
}

function textOf(value: Value | undefined): string {
  return Buffer.isBuffer(value) ? value.toString('utf8').slice(0, REASON_CHARS_MAX) : '';
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

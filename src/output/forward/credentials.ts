/**
 * Secrets and certificates, read anew for each connection: keys rotate while the agent runs. It knows files and
 * settings, and no sockets. No message holds what a file holds.
 */
import { readFileSync, statSync } from 'node:fs';
import { stampOf } from '../../file-stamp.ts';
import type { Login } from './handshake.ts';
import type { TlsMaterial } from './connection.ts';

/** A secret, or where it stands. It prints as nothing. */
export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment'; readonly reveal: () => string };

/** Files of TLS, by the names that they have in the configuration. */
export interface TlsFiles {
  readonly ca_file?: string | undefined;
  readonly cert_file?: string | undefined;
  readonly key_file?: string | undefined;
  readonly server_name?: string | undefined;
}

export interface CredentialSettings {
  readonly sharedKey: SecretSource | undefined;
  readonly username: string | undefined;
  readonly password: SecretSource | undefined;
  readonly tls: TlsFiles;
}

/** A file that cannot be used now; it may be there in a moment. */
class CredentialsError extends Error {
  readonly code = 'CREDENTIALS';
}

/** A bundle of all public authorities takes about 250 KB. */
const FILE_BYTES_MAX = 1024 * 1024;

export class Credentials {
  readonly #settings: CredentialSettings;
  readonly #files: readonly string[];

  constructor(settings: CredentialSettings) {
    const { sharedKey, password, tls } = settings;
    this.#settings = settings;
    this.#files = [
      ...[sharedKey, password].map((source) => (source?.kind === 'file' ? source.path : undefined)),
      tls.ca_file,
      tls.cert_file,
      tls.key_file,
    ].filter((path) => path !== undefined);
  }

  /** Undefined when no login is configured. @throws CredentialsError */
  login(): Login | undefined {
    const { sharedKey, username, password } = this.#settings;
    if (sharedKey === undefined && username === undefined) return undefined;
    return {
      sharedKey: sharedKey === undefined ? '' : secretOf(sharedKey),
      user:
        username === undefined || password === undefined
          ? undefined
          : { name: username, password: secretOf(password) },
    };
  }

  /** @throws CredentialsError */
  tls(): TlsMaterial {
    const {
      ca_file: ca,
      cert_file: cert,
      key_file: key,
      server_name: serverName,
    } = this.#settings.tls;
    return { ca: readIf(ca), cert: readIf(cert), key: readIf(key), serverName };
  }

  /** Changes when a file is replaced or written. A file that cannot be seen has a state too. */
  stamp(): string {
    return this.#files.map(stampOf).join(' ');
  }
}

/** What a file holds as a secret: one newline at the end is the editor's or `echo`'s, and no part of it. */
export function secretIn(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/\r?\n$/, '');
}

function secretOf(source: SecretSource): string {
  if (source.kind === 'environment') return source.reveal();
  const secret = secretIn(read(source.path));
  if (secret === '')
    throw new CredentialsError(`${source.path} is empty; write the secret into it`);
  return secret;
}

function readIf(path: string | undefined): Buffer | undefined {
  return path === undefined ? undefined : read(path);
}

function read(path: string): Buffer {
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new Error('it is larger than 1 MiB');
    return readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CredentialsError(`cannot read ${path}: ${reason}`, { cause: error });
  }
}

/**
 * Certificates for tests of TLS, made with the `openssl` command (3.0 or newer), since Node makes none. They are made
 * once in a process and are gone after it. Knows nothing of who uses them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its private key, as paths of PEM files. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface TlsMaterial {
  /** Nobody trusts it but who is told to. */
  readonly ca: KeyPair;
  /** For localhost and 127.0.0.1, signed by `ca`; as are the next two. */
  readonly server: KeyPair;
  /** As `server`, but no longer valid since yesterday. */
  readonly expired: KeyPair;
  readonly client: KeyPair;
  /** A CA that has signed none of the above. */
  readonly strangerCa: KeyPair;
  /** For localhost and 127.0.0.1, signed by `strangerCa`; it serves servers and clients. */
  readonly stranger: KeyPair;
}

let made: TlsMaterial | undefined;

/** The same files each time. */
export function tlsMaterial(): TlsMaterial {
  made ??= make();
  return made;
}

/** The content of a PEM file. */
export function pem(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Elliptic curves: such a key takes a millisecond, an RSA key a second. */
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];
const LOCAL_NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1';
const VALID_DAYS = 2;
const EXPIRED_DAYS = -1;

function make(): TlsMaterial {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-tls-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const pair = (name: string): KeyPair => {
    return { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
  };
  const authority = (name: string): KeyPair => {
    const { cert, key } = pair(name);
    const subject = ['-subj', `/CN=${name}`, '-days', String(VALID_DAYS)];
    openssl('req', '-x509', ...NEW_KEY, ...subject, '-keyout', key, '-out', cert);
    return { cert, key };
  };
  const signed = (name: string, by: KeyPair, days = VALID_DAYS): KeyPair => {
    const { cert, key } = pair(name);
    const request = join(directory, `${name}.csr`);
    const subject = ['-subj', `/CN=${name}`, '-addext', LOCAL_NAMES];
    openssl('req', '-new', ...NEW_KEY, ...subject, '-keyout', key, '-out', request);
    const signer = ['-CA', by.cert, '-CAkey', by.key, '-copy_extensions', 'copy'];
    openssl('x509', '-req', '-in', request, ...signer, '-days', String(days), '-out', cert);
    return { cert, key };
  };
  const ca = authority('ca');
  const strangerCa = authority('stranger-ca');
  return {
    ca,
    strangerCa,
    server: signed('server', ca),
    expired: signed('expired', ca, EXPIRED_DAYS),
    client: signed('client', ca),
    stranger: signed('stranger', strangerCa),
  };
}

function openssl(...args: readonly string[]): void {
  try {
    execFileSync('openssl', [...args], { stdio: 'pipe' });
  } catch (error) {
    throw new Error('tests of TLS need the openssl command, 3.0 or newer: install it', {
      cause: error,
    });
  }
}

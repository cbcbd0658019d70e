/**
 * From the options of `receive` to what it works with, or everything that is wrong with them at once. Reads the
 * files that hold secrets and certificates; knows nothing of connections.
 */
import { parseAddress, type Address } from '../../address.ts';
import { createSecureContext } from 'node:tls';
import type { Format, Problem } from '../../config/config.ts';
import { diskReason, readBounded } from '../../config/load.ts';
import { quote } from '../../config/units.ts';
import { escapeControl } from '../../observe/terminal.ts';
import { secretIn } from '../../output/forward/credentials.ts';

/** As the command line has them. */
export interface ReceiveOptions {
  /** `host:port`, with brackets around an IPv6 address. */
  readonly listen: string;
  readonly sharedKeyFile?: string | undefined;
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCa?: string | undefined;
  readonly format: Format;
  /** Ends after this many events. */
  readonly count?: number | undefined;
  /** Ends after this time. */
  readonly forMs?: number | undefined;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Clients must show a certificate that it signed. */
  readonly ca: Buffer | undefined;
}

export interface ReceiveSettings {
  readonly listen: Address;
  readonly sharedKey: string | undefined;
  readonly user: Credentials | undefined;
  readonly tls: Tls | undefined;
  readonly format: Format;
  readonly count: number | undefined;
  readonly forMs: number | undefined;
}

export type ReadSettings =
  | { readonly ok: true; readonly settings: ReceiveSettings }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Never throws for what the options and the files hold. */
export function readSettings(options: ReceiveOptions): ReadSettings {
  const problems: Problem[] = [];
  const told = (where: string, message: string): undefined => {
    problems.push({ where, message });
  };
  const listen = parseAddress(options.listen);
  if (listen === undefined) {
    told(
      '--listen',
      `${quote(options.listen)} is not host:port; write for example 127.0.0.1:24224, [::1]:24224, ` +
        'or 0.0.0.0:24224 for every address of this machine (port 0 takes a free one)',
    );
  }
  problems.push(...togetherProblems(options));
  const sharedKey = readSecret('--shared-key-file', options.sharedKeyFile, told);
  const password = readSecret('--password-file', options.passwordFile, told);
  const tls = readTls(options, told);
  if (listen === undefined || problems.length > 0) return { ok: false, problems };
  const { username, format, count, forMs } = options;
  const user =
    username === undefined || password === undefined ? undefined : { username, password };
  return { ok: true, settings: { listen, sharedKey, user, tls, format, count, forMs } };
}

/** Writes down what is wrong with an option; for callers that have no value then. */
type Tell = (where: string, message: string) => undefined;

/** Which option needs which, from the one that is given to the one that is not. */
const NEEDS = [
  ['tlsKey', '--tls-key', 'tlsCert', '--tls-cert <file>'],
  ['tlsCert', '--tls-cert', 'tlsKey', '--tls-key <file>'],
  ['username', '--username', 'passwordFile', '--password-file <file>'],
  ['passwordFile', '--password-file', 'username', '--username <name>'],
] as const;

function togetherProblems(options: ReceiveOptions): Problem[] {
  const problems: Problem[] = [];
  for (const [given, where, needed, option] of NEEDS) {
    if (options[given] === undefined || options[needed] !== undefined) continue;
    problems.push({ where, message: `does nothing alone; add ${option}` });
  }
  if (options.username === '')
    problems.push({ where: '--username', message: 'is empty; name one' });
  if (options.username !== undefined && options.sharedKeyFile === undefined) {
    const message =
      'needs a shared key as well, since the Forward protocol asks for the user within that handshake; ' +
      'add --shared-key-file <file>';
    problems.push({ where: '--username', message });
  }
  if (options.tlsCa !== undefined && options.tlsCert === undefined) {
    const message =
      'asks clients for certificates, which only TLS does; add --tls-cert and --tls-key';
    problems.push({ where: '--tls-ca', message });
  }
  return problems;
}

function readSecret(where: string, path: string | undefined, tell: Tell): string | undefined {
  const bytes = readFile(where, path, tell);
  const secret = bytes && secretIn(bytes);
  if (secret !== '') return secret;
  return tell(where, `the file ${escapeControl(path ?? '')} is empty; write the secret into it`);
}

function readTls(options: ReceiveOptions, tell: Tell): Tls | undefined {
  const cert = readFile('--tls-cert', options.tlsCert, tell);
  const key = readFile('--tls-key', options.tlsKey, tell);
  const ca = readFile('--tls-ca', options.tlsCa, tell);
  if (ca !== undefined && !/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(ca.toString())) {
    tell('--tls-ca', 'is not in PEM format: it has no line -----BEGIN CERTIFICATE-----');
  }
  if (cert === undefined || key === undefined) return undefined;
  const tls = { cert, key, ca };
  try {
    createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }) });
  } catch (error) {
    const reason = escapeControl(error instanceof Error ? error.message : String(error));
    const message = `cannot be used with --tls-key: both must be in PEM format and belong together (${reason})`;
    return tell('--tls-cert', message);
  }
  return tls;
}

function readFile(where: string, path: string | undefined, tell: Tell): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readBounded(path, 'name another file');
  } catch (error) {
    return tell(where, `cannot read ${escapeControl(path)}: ${diskReason(error)}`);
  }
}

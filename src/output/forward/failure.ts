/**
 * Why a receiver cannot be reached or does not take a chunk, in plain words, with what to do. Pure.
 */
import { codeOf, DeliveryError } from '../output.ts';

/** What it is as a rule when a receiver always does it. */
const HANGS_UP = 'if it does so always: does it ask for TLS (forwards://) or for a shared key?';

/** What ends a connection from our side, and the receiver's closing of it. Whatever else comes from the system. */
const FAILURES = {
  CONNECT_TIMEOUT: 'it does not answer; check the address, firewalls and network policies',
  TLS_TIMEOUT:
    'it does not finish the TLS handshake; is it a TLS port? (forward:// is without TLS)',
  HANDSHAKE_TIMEOUT:
    'it does not finish the handshake; does it have a shared key? (if not, remove shared_key_file)',
  WRITE_TIMEOUT: 'it has stopped reading',
  ACK_TIMEOUT:
    'it does not acknowledge; does its port speak the Forward protocol, and is its buffer full?',
  NOT_ACKNOWLEDGED: 'it acknowledges later chunks, but not this one',
  LOGIN_CLOSED:
    'it closed the connection at our login; check the shared key, the user and the password',
  CLOSED: `it closed the connection; ${HANGS_UP}`,
} as const;

type FailureCode = keyof typeof FAILURES;

export class ConnectionFailure extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode) {
    super(FAILURES[code]);
    this.code = code;
  }
}

const NO_TLS = 'it does not speak TLS as we do; is it a TLS port? (forward:// is without TLS)';

const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start the receiver, or check the port',
  ECONNRESET: `it reset the connection; ${HANGS_UP}`,
  EPIPE: FAILURES.CLOSED,
  EHOSTUNREACH: 'there is no way to this host; check the address and the network',
  ENETUNREACH: 'there is no way to this network; check the address and the network',
  ETIMEDOUT: FAILURES.CONNECT_TIMEOUT,
  ENOTFOUND: 'its name is not known to DNS; check the spelling',
  EAI_AGAIN: 'DNS does not answer; check the resolver of this machine',
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; check the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name; connect by that name or set tls.server_name',
};

/** Certificates that no known authority has signed, in OpenSSL's words. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * @param receiver `host:port`
 * @param suspect see DeliveryError
 */
export function deliveryError(receiver: string, cause: Error, suspect = false): DeliveryError {
  const code = codeOf(cause);
  return new DeliveryError(`${receiver}: ${explain(code, cause)}`, { code, suspect, cause });
}

function explain(code: string, error: Error): string {
  if (UNTRUSTED.has(code)) {
    return 'its certificate is not signed by a known authority; set tls.ca_file to the one that signed it';
  }
  if (code.startsWith('ERR_OSSL_')) {
    return (
      'tls.ca_file, tls.cert_file or tls.key_file cannot be used ' +
      `(${inWords(code.slice('ERR_OSSL_'.length))}); are they whole, and do they belong together?`
    );
  }
  const known = SYSTEM[code];
  if (known !== undefined || !code.startsWith('ERR_SSL_')) return known ?? error.message;
  const alert = inWords(code.slice('ERR_SSL_'.length));
  return `TLS failed (${alert}); does it ask for a client certificate? (tls.cert_file, tls.key_file)`;
}

function inWords(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}

/** TLS refuses a connection, not a chunk. */
export function isTlsFailure(error: Error): boolean {
  return codeOf(error).startsWith('ERR_SSL_');
}

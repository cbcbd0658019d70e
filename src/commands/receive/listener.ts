/**
 * The listening socket, plain or with TLS: hands on connections, and says in plain words why it cannot listen. Knows
 * nothing of what is spoken on a connection.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Log } from '../../observe/log.ts';
import { formatAddress, listenAdvice, ListenError, type Address } from '../../address.ts';
import type { Tls } from './settings.ts';

export interface ListenerParts {
  readonly listen: Address;
  readonly tls: Tls | undefined;
  /** A connection, with TLS after its handshake. */
  readonly onConnection: (socket: Socket) => void;
  readonly log: Log;
}

/** Far more than the nodes of a control plane; each may hold one message in memory. */
const CONNECTIONS_MAX = 256;

export class Listener {
  readonly #server: Server;
  /** Also those whose TLS handshake is not over. */
  readonly #sockets = new Set<Socket>();
  readonly #log: Log;
  /** What was said of failures; each is said once. */
  readonly #told = new Set<string>();

  constructor({ tls, onConnection, log }: ListenerParts) {
    this.#log = log;
    this.#server =
      tls === undefined ? plainServer(onConnection) : this.#tlsServer(tls, onConnection);
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('drop', () => {
      this.#tellOnce('warn', 'too many connections: a sender was turned away', {
        connections_max: CONNECTIONS_MAX,
      });
    });
  }

  /** @returns where it listens. Rejects with a ListenError. */
  listen(at: Address): Promise<string> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void => reject(explain(at, error));
      server.once('error', refuse);
      server.listen({ ...at }, () => {
        server.off('error', refuse);
        // From here on it is about single connections, such as one too many for the limit of descriptors.
        server.on('error', (error) => {
          this.#tellOnce('warn', 'a connection could not be accepted', { code: codeOf(error) });
        });
        const { address, port } = server.address() as AddressInfo;
        resolve(formatAddress({ host: address, port }));
      });
    });
  }

  /** Accepts nothing more. Resolves when all connections are closed; those that are not after the grace, are cut. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  #tlsServer({ cert, key, ca }: Tls, onConnection: (socket: Socket) => void): Server {
    const clients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
    const options = { cert, key, ...clients, allowHalfOpen: true };
    const server = createTlsServer(options, onConnection);
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      // A certificate that is not accepted shows as a connection that was reset.
      const { authorizationError } = socket as { readonly authorizationError?: unknown };
      const code =
        typeof authorizationError === 'string' ? authorizationError : (codeOf(error) ?? 'unknown');
      const peer = peerOf(socket);
      this.#tellOnce('info', `a TLS handshake failed: ${HANDSHAKES[code] ?? 'see the code'}`, {
        code,
        peer,
      });
    });
    return server;
  }

  #tellOnce(level: 'info' | 'warn', message: string, fields: Parameters<Log['info']>[1]): void {
    const key = `${message} ${fields?.['code']}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#log[level](message, fields);
  }
}

/** It ends a connection itself, when all that was received is acknowledged. */
function plainServer(onConnection: (socket: Socket) => void): Server {
  return createServer({ allowHalfOpen: true }, onConnection);
}

/** The other end of a connection, for the log. */
export function peerOf({ remoteAddress, remotePort }: Socket): string {
  if (remoteAddress === undefined) return 'gone';
  return formatAddress({ host: remoteAddress, port: remotePort ?? 0 });
}

/** What became of a handshake, by the code of the error or of the certificate's check. */
const HANDSHAKES: Readonly<Record<string, string>> = {
  ECONNRESET: 'the sender hung up; it may not trust the certificate of --tls-cert',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the sender does not speak TLS',
  ERR_SSL_HTTP_REQUEST: 'the sender does not speak TLS',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the sender does not trust the certificate of --tls-cert',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    'the sender has no certificate, and --tls-ca asks for one',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the sender's certificate is not signed by --tls-ca",
  SELF_SIGNED_CERT_IN_CHAIN: "the sender's certificate is not signed by --tls-ca",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the sender's certificate is not signed by --tls-ca",
  CERT_HAS_EXPIRED: "the sender's certificate has expired",
};

function explain(at: Address, error: Error): ListenError {
  const code = codeOf(error) ?? 'unknown';
  const advice = listenAdvice(code, at.port);
  const message = `cannot listen on ${formatAddress(at)}${advice === undefined ? '' : `: ${advice}`}`;
  return new ListenError(message, code, error);
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

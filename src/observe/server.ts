/**
 * Answers those who look at a running agent: /metrics, /healthz, /readyz, and a page for people. It only reads, takes no
 * input but a path, and keeps nothing of what it is asked. What is seen, vitals.ts says.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { formatAddress, listenAdvice, ListenError, type Address } from '../address.ts';
import { reasonsDead, reasonsUnready, remarks } from './health.ts';
import type { Metrics } from './metrics.ts';
import { PAGE_POLICY } from './page-assets.ts';
import { PAUSED, statusPage } from './page.ts';
import type { Vitals } from './vitals.ts';

/** Probes, Prometheus and a person or two. */
const CONNECTIONS_MAX = 64;
/** None of them sends more than a few lines, at once. */
const REQUEST_MS = 5000;
const HEADER_BYTES_MAX = 16 * 1024;

const TEXT = 'text/plain; charset=utf-8';
const HTML = 'text/html; charset=utf-8';
/** What a browser may load and run. */
const NOTHING = "default-src 'none'";
/** In nobody's frame, and no way out. */
const ALWAYS = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

export interface ServerParts {
  readonly look: () => Vitals;
  readonly metrics: Metrics;
  readonly metricsType: string;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** What a browser may load and run; nothing unless told. */
  readonly policy?: string;
}

export class StatusServer {
  readonly #parts: ServerParts;
  readonly #server: Server;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#server = createServer(
      {
        requestTimeout: REQUEST_MS,
        headersTimeout: REQUEST_MS,
        maxHeaderSize: HEADER_BYTES_MAX,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns where it listens. @throws ListenError */
  async listen(at: Address): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        reject(explain(error, at));
      });
      this.#server.listen({ ...at }, resolve);
    });
    // What goes wrong later concerns one who asks, and not the shipping.
    this.#server.on('error', () => undefined);
    const bound = this.#server.address();
    if (typeof bound !== 'object' || bound === null) return formatAddress(at);
    return formatAddress({ host: bound.address, port: bound.port });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const {
      status,
      type,
      body,
      policy = NOTHING,
    } = await this.#answerTo(request).catch(() => FAILED);
    const isHead = request.method === 'HEAD';
    response.writeHead(status, {
      ...HEADERS,
      'content-security-policy': `${policy}; ${ALWAYS}`,
      'content-type': type,
      'content-length': Buffer.byteLength(body),
    });
    response.end(isHead ? undefined : body);
  }

  async #answerTo({ method, url = '/' }: IncomingMessage): Promise<Answer> {
    if (method !== 'GET' && method !== 'HEAD') return text(405, ['only GET and HEAD']);
    const [path = '', query] = url.split('?');
    const vitals = this.#parts.look();
    switch (path) {
      case '/':
        return {
          status: 200,
          type: HTML,
          policy: PAGE_POLICY,
          body: statusPage(vitals, { isPaused: query === PAUSED }),
        };
      case '/metrics': {
        const { metrics, metricsType } = this.#parts;
        return { status: 200, type: metricsType, body: await metrics.expose(vitals) };
      }
      case '/healthz':
        return verdict(reasonsDead(vitals), []);
      case '/readyz':
        return verdict(reasonsUnready(vitals), remarks(vitals));
      default:
        return text(404, ['there are /, /metrics, /healthz and /readyz']);
    }
  }
}

const FAILED: Answer = { status: 500, type: TEXT, body: 'failed\n' };

function verdict(reasons: readonly string[], besides: readonly string[]): Answer {
  return reasons.length === 0 ? text(200, ['ok', ...besides]) : text(503, [...reasons, ...besides]);
}

function text(status: number, lines: readonly string[]): Answer {
  return { status, type: TEXT, body: lines.map((line) => `${line}\n`).join('') };
}

function explain(error: NodeJS.ErrnoException, at: Address): ListenError {
  const { code = 'UNKNOWN' } = error;
  const message = `cannot listen on ${formatAddress(at)}: ${listenAdvice(code, at.port) ?? code}`;
  return new ListenError(message, code, error);
}

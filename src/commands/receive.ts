/**
 * `audit-shipper receive`: a Forward receiver that prints what it is sent, to try the whole way on one machine. It
 * acknowledges what stdout has taken, and keeps nothing. The command line is read elsewhere.
 *
 * It shows what the package decodes: integers beyond 2^53 are rounded, keys that are whole numbers come first, and a
 * record with a key `__proto__` ends its connection. A compressed message is unpacked whatever its size, so listen
 * for strangers only with a shared key or client certificates.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { FluentServerSecurityOptions } from '@fluent-org/logger';
import type { Log } from '../observe/log.ts';
import { displayOf, type Screen } from './display.ts';
import { Connection } from './receive/connection.ts';
import { Listener, peerOf } from './receive/listener.ts';
import { Printer, type PrintStream } from './receive/printer.ts';
import { jsonText, prettyText, type ReceivedRecord } from './receive/record-text.ts';
import type { ReceiveSettings } from './receive/settings.ts';

export interface Stdout extends PrintStream, Screen {}

export interface ReceiveDeps {
  readonly log: Log;
  /** Aborted by SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  /** process.stdout when left out. */
  readonly stdout?: Stdout;
  /** Decides about colour and the width of what is no terminal; that of the process when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Bytes of a message that is not complete yet. Four times the largest event that a shipper sends by default
 * (max_event_bytes), and far above a chunk; what is larger is no message but garbage.
 */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** How long a stop may wait for stdout, and for senders to hang up. */
const STOP_GRACE_MS = 1000;
/** Node's timers go no further; who asks for more than 24 days does not mean an end. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Receives until count, forMs, the signal or the end of stdout's reader, then logs one line, `stopped`.
 * Rejects when it cannot listen, or when stdout fails otherwise.
 * @returns the exit code, 0.
 */
export async function receive(settings: ReceiveSettings, deps: ReceiveDeps): Promise<number> {
  const { log, signal, stdout = process.stdout, env = process.env } = deps;
  const receiver = new Receiver(settings, log, new Printer(stdout), showAs(settings, stdout, env));
  const failure = await receiver.run(settings, signal);
  if (failure !== undefined && !isClosed(failure)) {
    throw new Error('cannot write to standard output', { cause: failure });
  }
  return 0;
}

/** Who read stdout has what it wanted: the end of a pipeline, not a failure. */
function isClosed(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE';
}

type Show = (record: ReceivedRecord) => string;

function showAs({ format }: ReceiveSettings, stdout: Stdout, env: ReceiveDeps['env'] = {}): Show {
  const display = displayOf(format, stdout, env);
  return display === 'json' ? jsonText : (record) => prettyText(record, display());
}

class Receiver {
  readonly #log: Log;
  readonly #printer: Printer;
  readonly #show: Show;
  readonly #security: FluentServerSecurityOptions | undefined;
  readonly #listener: Listener;
  /** Those that are open, each with its end. */
  readonly #connections = new Map<Connection, Promise<void>>();
  /** Aborted when nothing more is taken. */
  readonly #end = new AbortController();
  #connected = 0;
  #events = 0;
  readonly #eventsMax: number;

  constructor(settings: ReceiveSettings, log: Log, printer: Printer, show: Show) {
    this.#log = log;
    this.#printer = printer;
    this.#show = show;
    this.#security = securityOf(settings);
    this.#eventsMax = settings.count ?? Number.POSITIVE_INFINITY;
    const { listen, tls } = settings;
    const onConnection = (socket: Socket): void => this.#serve(socket);
    this.#listener = new Listener({ listen, tls, onConnection, log });
  }

  /** Resolves at the end, with the error of stdout if that was the reason. */
  async run({ listen, forMs }: ReceiveSettings, signal: AbortSignal): Promise<Error | undefined> {
    const address = await this.#listener.listen(listen);
    this.#log.info('listening', { address });
    let failure: Error | undefined;
    void this.#printer.failed.then((error) => {
      failure = error;
      this.#end.abort();
    });
    await this.#ended(signal, forMs);
    await this.#stop();
    this.#log.info('stopped', { events: this.#events, connections: this.#connected });
    return failure;
  }

  async #ended(signal: AbortSignal, forMs: number = Number.POSITIVE_INFINITY): Promise<void> {
    const end = (): void => this.#end.abort();
    const timer = forMs <= TIMER_MAX_MS ? setTimeout(end, forMs) : undefined;
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    if (!this.#end.signal.aborted) {
      await new Promise((resolve) => this.#end.signal.addEventListener('abort', resolve));
    }
    signal.removeEventListener('abort', end);
    clearTimeout(timer);
  }

  /** What was taken is printed and acknowledged, as far as that goes within the grace. */
  async #stop(): Promise<void> {
    const closed = this.#listener.close(STOP_GRACE_MS);
    for (const connection of this.#connections.keys()) void connection.finish();
    const patience = new AbortController();
    await Promise.race([
      Promise.all([this.#printer.printed(), ...this.#connections.values()]),
      delay(STOP_GRACE_MS, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#connected += 1;
    const connection = new Connection(socket, peerOf(socket), {
      security: this.#security,
      take: (record) => this.#take(record),
      messageBytesMax: MESSAGE_BYTES_MAX,
      room: () => this.#printer.room(),
      printed: () => this.#printer.printed(),
      log: this.#log,
    });
    const served = connection.serve().then(() => {
      this.#connections.delete(connection);
    });
    this.#connections.set(connection, served);
  }

  #take(record: ReceivedRecord): boolean {
    if (this.#end.signal.aborted) return false;
    this.#printer.print(this.#show(record));
    this.#events += 1;
    if (this.#events >= this.#eventsMax) this.#end.abort();
    return true;
  }
}

function securityOf({ sharedKey, user }: ReceiveSettings): FluentServerSecurityOptions | undefined {
  if (sharedKey === undefined) return undefined;
  // The protocol forbids that both sides have the same name, and both are on this machine.
  const serverHostname = `audit-shipper-receive-${randomUUID()}`;
  const userDict = user === undefined ? {} : { [user.username]: user.password };
  return { serverHostname, sharedKey, authorize: user !== undefined, userDict };
}

/** The two senders of bench/forward.ts as processes. Knows nothing of receivers but their URL. */
import { spawn, type ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { PackageOptions } from './obvious-forward.ts';
import { MAIN, sumsIn } from './measure.ts';

const PACKAGE = fileURLToPath(new URL('./obvious-forward.js', import.meta.url));

/** What to give to Node, to send a directory with the client of the package. */
function packageCommand(url: string, directory: string, options: PackageOptions): string[] {
  return [PACKAGE, url, directory, JSON.stringify(options)];
}

export interface Sending {
  readonly port: number;
  readonly directory: string;
  readonly ackMs: number;
  readonly sharedKey?: string;
  /** The package hands over all events at once, whatever came of the ones before. */
  readonly unbounded?: boolean;
}

/** Begins to send everything in a directory. */
export type Send = (sending: Sending) => Sender;

/** Messages of some 60 events: many, of few events. */
const MESSAGE_EVENTS = 60;
const CHUNK_BYTES = '64KiB';

export const sendOurs: Send = ({ port, directory, ackMs, sharedKey }) => {
  const env = {
    AUDIT_SHIPPER_TIMEOUTS: `ack=${ackMs}ms`,
    AUDIT_SHIPPER_CHUNK_BYTES: CHUNK_BYTES,
    ...(sharedKey !== undefined && { AUDIT_SHIPPER_SHARED_KEY: sharedKey }),
  };
  return new Sender([MAIN, '-o', urlOf(port), directory], env);
};

/** With eventRetry: without it the package sends nothing again. */
export const sendWithPackage: Send = ({ port, directory, ...rest }) => {
  const options = { ...rest, messageEvents: MESSAGE_EVENTS, retries: true };
  return new Sender(packageCommand(urlOf(port), directory, options), {});
};

function urlOf(port: number): string {
  return `forward://127.0.0.1:${port}`;
}

/** A sender that runs. */
export class Sender {
  readonly #child: ChildProcess;
  readonly #complaints: Promise<string>;
  /** Resolves when it has ended by itself, or was killed. */
  readonly ended: Promise<void>;
  hasEnded = false;

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], ...env },
    });
    this.#child = child;
    this.#complaints = child.stderr === null ? Promise.resolve('') : text(child.stderr);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => {
        this.hasEnded = true;
        resolve();
      });
    });
  }

  /** Ends it, if it has not, and tells how many events it reported as delivered. */
  async kill(): Promise<{ readonly reported: number | undefined; readonly complaints: string }> {
    this.#child.kill('SIGKILL');
    await this.ended;
    const complaints = await this.#complaints;
    return { reported: sumsIn(complaints)['delivered_events'], complaints };
  }
}

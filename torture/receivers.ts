/**
 * One receiver after the other on the same port: starts them, ends them in bad ways, and knows how far they are. Decides
 * nothing about when.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SWALLOW, type FromReceiver, type ReceiverOptions } from './messages.ts';
import { Outages } from './outages.ts';

const PROGRAM = fileURLToPath(new URL('./receiver.js', import.meta.url));

/** They tell it each 50 ms: half a minute. */
const HISTORY_MAX = 600;

export class Receivers {
  readonly outages = new Outages();
  /** The files in which they wrote down what they got, in order. */
  readonly journals: string[] = [];
  readonly #directory: string;
  readonly #fail: (error: Error) => void;
  /** How far they were, oldest first. */
  readonly #history: { readonly atMs: number; readonly highest: number }[] = [];
  #port = 0;
  #child: ChildProcess | undefined;
  #highest = 0;
  /** Of those that are gone, and of the one that works. */
  #eventsBefore = 0;
  #events = 0;

  /** @param fail told when one ends by itself. */
  constructor(directory: string, fail: (error: Error) => void) {
    this.#directory = directory;
    this.#fail = fail;
  }

  get url(): string {
    return `forward://127.0.0.1:${this.#port}`;
  }

  /** The highest number that one of them has written down. */
  get highest(): number {
    return this.#highest;
  }

  /** The same as it was then (ms since the epoch); 0 when nobody remembers. */
  highestAt(ms: number): number {
    return this.#history.findLast(({ atMs }) => atMs <= ms)?.highest ?? 0;
  }

  /** How many events came, with repeated ones. */
  get events(): number {
    return this.#eventsBefore + this.#events;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const journal = join(this.#directory, `journal-${this.journals.length + 1}`);
    this.journals.push(journal);
    const options: ReceiverOptions = { port: this.#port, journal };
    const child = fork(PROGRAM, [JSON.stringify(options)]);
    this.#child = child;
    child.once('exit', (code) => {
      if (this.#child === child) this.#fail(new Error(`a receiver ended with exit code ${code}`));
    });
    await new Promise<void>((resolve) => {
      child.on('message', (message: FromReceiver) => {
        if ('port' in message) {
          this.#port = message.port;
          resolve();
        } else {
          this.#note(message.highest);
          if (this.#child === child) this.#events = message.events;
        }
      });
      child.once('exit', () => resolve());
    });
    this.outages.over();
  }

  #note(highest: number): void {
    this.#highest = Math.max(this.#highest, highest);
    this.#history.push({ atMs: Date.now(), highest: this.#highest });
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
  }

  /** SIGKILL: as a crash. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#eventsBefore += this.#events;
    this.#events = 0;
    this.outages.begins();
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** It hangs: connections are open, and nothing is read. */
  freeze(): void {
    this.outages.begins();
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
    this.outages.over();
  }

  /** From now on it writes down and does not acknowledge. */
  swallow(): void {
    this.#child?.send(SWALLOW);
    this.outages.begins();
  }
}

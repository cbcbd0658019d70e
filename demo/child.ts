/**
 * One `audit-shipper` process of the demo: started, listened to, ended. Knows the shape of the log lines on its
 * stderr and nothing of what the process does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import split2 from 'split2';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
/** Enough to see why a process failed; a process that says more than this repeats itself. */
const STDERR_LINES_MAX = 40;
/** What simulate and the agent say at their end. */
const SUM_MESSAGES: ReadonlySet<string> = new Set(['simulated', 'listening', 'stopped']);

export interface ChildOptions {
  /** What the demo calls it. */
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export class Child {
  readonly name: string;
  readonly stdout: Readable;
  /** The end of the process and of its stderr. Never rejects; see `failure`. */
  readonly ended: Promise<void>;
  /** The first line on stderr: the process has read its command line and is at work. */
  readonly spoke: Promise<void>;
  readonly #process: ChildProcess;
  readonly #stderr: string[] = [];
  /** The log lines with sums, by their message. */
  readonly #sums = new Map<string, Readonly<Record<string, unknown>>>();
  #speak: () => void = () => undefined;
  #failure: string | undefined;
  #running = true;
  #told = false;

  constructor({ name, args, env }: ChildOptions) {
    this.name = name;
    // A process group of its own: Ctrl-C reaches the demo only, which ends the processes in the right order.
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env },
      detached: true,
    });
    this.#process = child;
    this.stdout = child.stdout;
    this.spoke = new Promise((resolve) => {
      this.#speak = resolve;
    });
    this.ended = this.#listen(child.stderr.pipe(split2()));
  }

  get running(): boolean {
    return this.#running;
  }

  /** Why the process failed, in one sentence; undefined while it runs and after a good end. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The last lines of stderr. */
  get stderr(): readonly string[] {
    return this.#stderr;
  }

  /** A number from the last log line with this message. */
  sum(message: string, field: string): number | undefined {
    const value = this.#sums.get(message)?.[field];
    return typeof value === 'number' ? value : undefined;
  }

  /** A text from the last log line with this message. */
  text(message: string, field: string): string | undefined {
    const value = this.#sums.get(message)?.[field];
    return typeof value === 'string' ? value : undefined;
  }

  /** Does nothing when the process has ended. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#told = true;
    this.#process.kill(signal);
  }

  async #listen(lines: Readable): Promise<void> {
    const exit = new Promise<string | undefined>((resolve) => {
      this.#process.once('error', (error) => resolve(`could not be started: ${error.message}`));
      this.#process.once('close', (code, signal) => {
        // Told to end before it listened to signals, it had nothing to finish.
        if (signal === 'SIGTERM' && this.#told) resolve(undefined);
        else if (signal !== null) resolve(`was ended by ${signal}`);
        else resolve(code === 0 ? undefined : `failed with exit code ${code}`);
      });
    });
    for await (const line of lines) this.#hear(String(line));
    const complaint = await exit;
    this.#running = false;
    if (complaint !== undefined) this.#failure = `${this.name} ${complaint}`;
  }

  #hear(line: string): void {
    this.#speak();
    this.#stderr.push(line);
    if (this.#stderr.length > STDERR_LINES_MAX) this.#stderr.shift();
    const entry = parseLogLine(line);
    const message = entry?.['msg'];
    if (entry === undefined || typeof message !== 'string') return;
    if (SUM_MESSAGES.has(message)) this.#sums.set(message, entry);
  }
}

/** A log line is a JSON object; whatever else a process writes to stderr is for people. */
function parseLogLine(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

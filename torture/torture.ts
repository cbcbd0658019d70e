/**
 * The run itself: a writer, agents and receivers, attacks on them until the time is over, then everything is drained and
 * compared. It prints nothing and judges nothing.
 */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CHECKPOINT_FILE } from '../src/checkpoint/store.ts';
import { Accounts } from './accounts.ts';
import { Agents } from './agents.ts';
import { attack, type Attacks } from './attacks.ts';
import { balance, type Balance } from './balance.ts';
import { Checker, type Findings } from './checker.ts';
import { readJournal } from './journal.ts';
import { planOf, type Options } from './options.ts';
import { Receivers } from './receivers.ts';
import { Sight } from './sight.ts';
import { EVENT_BYTES, keptMs, Writing } from './writing.ts';
import { Written, type WrittenSums } from './written.ts';

export interface Progress {
  readonly written: number;
  /** The highest number that is received. */
  readonly received: number;
}

export interface Setting {
  readonly options: Options;
  /** The writer on lumberjack. */
  readonly binary: string;
  /** Empty. */
  readonly directory: string;
  readonly progress: (progress: Progress) => void;
  /** Ends the run as a failure does. */
  readonly signal: AbortSignal;
}

/** What was written, and what became of it. */
interface Comparison {
  readonly findings: Findings;
  readonly balance: Balance;
  readonly accounts: Accounts;
  readonly written: number;
  readonly writtenBytes: number;
  readonly rotations: number;
}

export interface Result extends Comparison {
  readonly attacks: Attacks;
  /** While the writer wrote. */
  readonly seconds: number;
  readonly drainSeconds: number;
  readonly peakBytes: number;
  readonly longestAgentOutageMs: number;
  readonly longestReceiverOutageMs: number;
  /** The part of the agents' time in which they were ready to run and had no processor. */
  readonly waitedPart: number;
}

const TELL_EVERY_MS = 5000;
/** Less than it takes until as many generations are gone as are remembered. */
const LOOK_AT_ACCOUNTS_MS = 5000;
/** Longer than an agent waits for what may come back, and than most retries. */
const QUIET_MS = 3000;
/** From the moment for which a checkpoint file speaks until it is written, and for an ack to be read. */
const SAVE_MS = 100;
const DRAIN_MAX_MS = 120_000;
const ASK_EVERY_MS = 50;

/** @throws when anything ends by itself, or does not end. */
export async function torture(setting: Setting): Promise<Result> {
  const run = new Run(setting);
  try {
    return await run.play();
  } finally {
    await run.end();
  }
}

class Run {
  readonly #setting: Setting;
  readonly #checkpoints: string;
  readonly #receivers: Receivers;
  readonly #accounts = new Accounts();
  /** Aborted when the attacks are to end: the time is over, or something failed. */
  readonly #over = new AbortController();
  #failure: Error | undefined;
  #agents: Agents | undefined;
  #writing: Writing | undefined;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#checkpoints = join(setting.directory, 'state', CHECKPOINT_FILE);
    this.#receivers = new Receivers(setting.directory, (error) => this.#fail(error));
    const interrupt = (): void => this.#fail(new Error('interrupted'));
    setting.signal.addEventListener('abort', interrupt, { once: true });
  }

  async play(): Promise<Result> {
    await this.#receivers.start();
    const agents = this.#startAgents();
    const writing = this.#startWriting();
    const startedMs = Date.now();
    const attacks = await this.#attack(agents, writing);
    const sums = await writing.stop();
    const writtenMs = Date.now();
    await this.#drain(agents, sums.last);
    return {
      ...this.#compare(agents, sums, writtenMs),
      attacks,
      seconds: (writtenMs - startedMs) / 1000,
      drainSeconds: (Date.now() - writtenMs) / 1000,
      peakBytes: agents.peakBytes,
      waitedPart: agents.waitedMs / agents.livedMs,
      longestAgentOutageMs: agents.outages.longestMs,
      longestReceiverOutageMs: this.#receivers.outages.longestMs,
    };
  }

  /** Nothing outlives the run. */
  async end(): Promise<void> {
    this.#writing?.kill();
    await this.#agents?.kill();
    await this.#receivers.kill();
  }

  #startAgents(): Agents {
    const { options, directory } = this.#setting;
    const logs = join(directory, 'logs');
    mkdirSync(logs);
    const agents = new Agents(
      {
        logs,
        state: join(directory, 'state'),
        url: this.#receivers.url,
        logFile: join(directory, 'agents.log'),
        maxHeldDeletedBytes: planOf(options).maxHeldDeletedBytes,
      },
      (error) => this.#fail(error),
    );
    this.#agents = agents;
    agents.start();
    return agents;
  }

  #startWriting(): Writing {
    const { options, binary, directory } = this.#setting;
    const writing = new Writing({
      binary,
      logs: join(directory, 'logs'),
      ledger: join(directory, 'ledger'),
      maxbackup: options.maxbackup,
      bytesPerSecond: options.megabytesPerSecond * 1e6,
    });
    this.#writing = writing;
    writing.done.catch((error: unknown) => this.#fail(new Error('the writer', { cause: error })));
    return writing;
  }

  async #attack(agents: Agents, writing: Writing): Promise<Attacks> {
    const { options } = this.#setting;
    const timers = [
      setTimeout(() => this.#over.abort(), options.minutes * 60_000),
      setInterval(() => this.#tell(writing), TELL_EVERY_MS),
      setInterval(() => this.#look(), LOOK_AT_ACCOUNTS_MS),
    ];
    const attacks = await attack({
      plan: planOf(options),
      seed: options.seed,
      agents,
      receivers: this.#receivers,
      sparedMs: () => this.#sparedMs(writing),
      signal: this.#over.signal,
      fail: (error) => this.#fail(error),
    });
    for (const timer of timers) clearTimeout(timer);
    this.#throwFailure();
    return attacks;
  }

  /** For how long the oldest event that may have no checkpoint will still be on disk. */
  #sparedMs(writing: Writing): number {
    const bytesPerSecond = writing.bytesPerSecond();
    const savedMs = statSync(this.#checkpoints, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const saved = this.#receivers.highestAt(savedMs - SAVE_MS);
    const behindMs = (1000 * EVENT_BYTES * (writing.last() - saved)) / bytesPerSecond;
    return keptMs(this.#setting.options.maxbackup, bytesPerSecond) - behindMs;
  }

  /** Waits until everything has come, and has an agent ship what is left on disk. */
  async #drain(agents: Agents, last: number): Promise<void> {
    const receivers = this.#receivers;
    const endMs = Date.now() + DRAIN_MAX_MS;
    let [events, sinceMs] = [receivers.events, Date.now()];
    while (receivers.highest < last || Date.now() - sinceMs < QUIET_MS) {
      this.#throwFailure();
      if (Date.now() > endMs) {
        throw new Error(`not drained: no receiver has more than event ${receivers.highest}`);
      }
      await delay(ASK_EVERY_MS);
      if (receivers.events !== events) [events, sinceMs] = [receivers.events, Date.now()];
    }
    await agents.stop();
    await agents.ship();
    this.#look();
    this.#throwFailure();
  }

  #compare(agents: Agents, sums: WrittenSums, endMs: number): Comparison {
    const { directory, options } = this.#setting;
    const written = new Written(readFileSync(join(directory, 'ledger'), 'utf8'), sums);
    const checker = new Checker(written);
    for (const journal of this.#receivers.journals) {
      for (const batch of readJournal(journal)) checker.take(batch);
    }
    this.#accounts.compare(written, checker, !options.cruel);
    return {
      findings: checker.findings(),
      balance: balance({
        written,
        checker,
        maxbackup: options.maxbackup,
        sight: new Sight(agents.blind),
        endMs,
      }),
      accounts: this.#accounts,
      written: sums.last,
      writtenBytes: sums.bytes,
      rotations: sums.rotations,
    };
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#over.abort();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #tell(writing: Writing): void {
    this.#setting.progress({ written: writing.last(), received: this.#receivers.highest });
  }

  #look(): void {
    // The first agents may not live long enough to save one.
    if (!existsSync(this.#checkpoints)) return;
    try {
      this.#accounts.take(readFileSync(this.#checkpoints, 'utf8'));
    } catch (error) {
      this.#fail(new Error('the checkpoint file cannot be read', { cause: error }));
    }
  }
}

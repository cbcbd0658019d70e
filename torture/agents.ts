/**
 * One agent after the other on the same state directory: starts them, ends them in bad ways, and keeps what they said and
 * what they cost. Decides nothing about when.
 */
import { appendFileSync } from 'node:fs';
import { residentBytesOf, waitedMsOf } from '../bench/processes.ts';
import { Agent, type Exit } from '../test/support/agent.ts';
import { Outages, type Span } from './outages.ts';

/** What the kernel tells of a process is gone with it: the last look is so old at most. */
const LOOK_EVERY_MS = 100;
/** What an agent saw is noted every 800 ms, and takes a moment to be on disk; a crash forgets the rest. */
const FORGETS_MS = 1200;
const RECENT_STARTS = 5;
/** The next start may take longer than all of them. */
const LONGER = 1.5;
/** A machine that was busy a while ago may be so no more, and without another start nobody would know. */
const START_HALVES_MS = 10_000;
/** An agent that has been told to end waits so long for its receiver. */
export const GRACE_MS = 500;

export interface AgentsOptions {
  readonly logs: string;
  readonly state: string;
  readonly url: string;
  /** Gets all that they say. */
  readonly logFile: string;
  readonly maxHeldDeletedBytes: number;
}

interface Life {
  readonly agent: Agent;
  readonly startedMs: number;
  /** Set when we end it: otherwise it ends by itself. */
  isToEnd: boolean;
  waitedMs: number;
  lookedMs: number;
}

export class Agents {
  /** From the end of one until the next reads, and while one is stopped. */
  readonly outages = new Outages();
  /** When none could see the log and remember it: then, shortly before, and when it got no processor. */
  readonly blind: Span[] = [];
  peakBytes = 0;
  /** How long they were there, and how much of it they were ready to run and had no processor. */
  livedMs = 0;
  waitedMs = 0;
  readonly #options: AgentsOptions;
  readonly #fail: (error: Error) => void;
  #life: Life | undefined;
  /** The last ones that read. */
  readonly #starts: { readonly atMs: number; readonly tookMs: number }[] = [];

  /** @param fail told when one ends by itself, or says what no healthy program says. */
  constructor(options: AgentsOptions, fail: (error: Error) => void) {
    this.#options = options;
    this.#fail = fail;
    this.outages.begins();
  }

  /** How long it may take until one reads that is started: as of late, and less the longer ago that was. */
  get startMs(): number {
    const [longest, nowMs] = [Math.max(...this.#starts.map(({ tookMs }) => tookMs)), Date.now()];
    const agoMs = nowMs - (this.#starts.at(-1)?.atMs ?? nowMs);
    return (LONGER * longest) / 2 ** (agoMs / START_HALVES_MS);
  }

  /** Does not wait until it reads. */
  start(follows = true): void {
    const { logs, state, url, maxHeldDeletedBytes } = this.#options;
    const args = [logs, '--state-dir', state, '--output', url, ...(follows ? ['--follow'] : [])];
    const env = {
      AUDIT_SHIPPER_COORDINATES: 'true',
      AUDIT_SHIPPER_GRACE: `${GRACE_MS}ms`,
      AUDIT_SHIPPER_MAX_HELD_DELETED_BYTES: String(maxHeldDeletedBytes),
    };
    const agent = new Agent(args, env, 'pipe', 'all');
    const nowMs = Date.now();
    const life: Life = {
      agent,
      startedMs: nowMs,
      isToEnd: !follows,
      waitedMs: 0,
      lookedMs: nowMs,
    };
    this.#life = life;
    const timer = setInterval(() => this.#look(life), LOOK_EVERY_MS);
    agent.exited
      .then((exit) => this.#conclude(life, exit))
      .catch((error: unknown) => this.#fail(new Error('an agent', { cause: error })))
      .finally(() => clearInterval(timer));
    agent.says('reading').then(
      () => {
        // It may be gone by now.
        if (this.#life !== life) return;
        this.#seesAgain(FORGETS_MS);
        this.#starts.push({ atMs: Date.now(), tookMs: Date.now() - life.startedMs });
        this.#starts.splice(0, this.#starts.length - RECENT_STARTS);
      },
      // Ended before that: the next one reads.
      () => undefined,
    );
  }

  /** SIGKILL: as a crash. */
  async kill(): Promise<void> {
    await this.#ending()?.agent.kill();
  }

  /** SIGTERM; it has its grace period. */
  async stop(): Promise<void> {
    await this.#ending()?.agent.stop();
  }

  freeze(): void {
    this.outages.begins();
    this.#life?.agent.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#life?.agent.child.kill('SIGCONT');
    this.#seesAgain(0);
  }

  /** Ships what is on disk, and ends. */
  async ship(): Promise<void> {
    this.start(false);
    const exit = await this.#life?.agent.exited;
    if (exit?.code !== 0) this.#fail(new Error('the last agent could not ship what was left'));
  }

  /** @param forgottenMs for how long before it was blind its last look is not remembered. */
  #seesAgain(forgottenMs: number): void {
    const span = this.outages.over();
    if (span !== undefined) this.blind.push({ ...span, fromMs: span.fromMs - forgottenMs });
  }

  #ending(): Life | undefined {
    const life = this.#life;
    this.#life = undefined;
    this.outages.begins();
    if (life === undefined) return undefined;
    this.#look(life);
    life.isToEnd = true;
    return life;
  }

  #look(life: Life): void {
    const { pid } = life.agent.child;
    if (pid === undefined) return;
    this.peakBytes = Math.max(this.peakBytes, residentBytesOf(pid, 'VmHWM'));
    const nowMs = Date.now();
    const waitedMs = Math.max(life.waitedMs, waitedMsOf(pid));
    const isStarved = waitedMs - life.waitedMs >= (nowMs - life.lookedMs) / 2;
    if (isStarved) this.blind.push({ fromMs: life.lookedMs, toMs: nowMs });
    Object.assign(life, { waitedMs, lookedMs: nowMs });
  }

  #conclude({ agent, startedMs, isToEnd, waitedMs }: Life, exit: Exit): void {
    const { log, stderr } = agent;
    this.livedMs += Date.now() - startedMs;
    this.waitedMs += waitedMs;
    const said = [...log.map((line) => JSON.stringify(line)), ...stderr];
    const end = JSON.stringify({ startedMs, endedMs: Date.now(), ...exit });
    appendFileSync(this.#options.logFile, `${[...said, end].join('\n')}\n`);
    const isKilled = exit.signal === 'SIGKILL' || exit.signal === 'SIGTERM';
    // One that was told to end, or to ship what is there, ends well unless we ended it badly.
    if (!isToEnd || (!isKilled && exit.code !== 0)) {
      this.#fail(new Error(`an agent ended with ${exit.signal ?? exit.code}`));
    } else if (stderr.length > 0) {
      this.#fail(new Error('an agent wrote to stderr what is no log'));
    } else if (log.some(({ msg }) => msg.includes('accounts do not add up'))) {
      this.#fail(new Error('the accounts of an agent do not add up'));
    }
  }
}

/**
 * One run: an agent, a log and everything that happens to both, all of it from one seed. It plays, lets everything come
 * to rest, stops, and asks the judge.
 */
import { createRandom, type Random } from '../../src/commands/simulate/random.ts';
import { realTurn, useMachine } from '../sim/builtins.ts';
import { Machine, type Fault } from '../sim/machine.ts';
import { judgeWith, LOGS, SimulatedAgent, STATE } from './agent.ts';
import { demand, Judge, Violation } from './judge.ts';
import { Lives } from './lives.ts';
import { profileOf, type Profile } from './profile.ts';
import { MOODS } from './receiver.ts';
import { Writer } from './writer.ts';

export interface Played {
  readonly traceHash: string;
  readonly steps: number;
}

/** What comes back after so long at the latest: polls, backoff, probes and full looks have their turn. */
const REST_MS = 150_000;
const REST_STEP_MS = 2500;
/** How long trouble lasts, at most. */
const TROUBLE_MS = [50, 1000, 8000] as const;
const JUMPS_MS = [-3_600_000, -5000, -50, 50, 5000, 3_600_000] as const;
const BURST_LINES = 8;
/** Makes a second source of chance of a seed. */
const MORE = 0x2545_f491;

const FAULTS: readonly Fault[] = [
  { calls: ['read', 'readSync'], code: 'EIO', path: LOGS },
  { calls: ['read'], code: 'EIO', path: LOGS },
  { calls: ['open'], code: 'EMFILE', path: LOGS },
  { calls: ['open', 'create', 'watch'], code: 'EMFILE', path: '/sim' },
  { calls: ['readdir'], code: 'EIO', path: LOGS },
  { calls: ['stat'], code: 'EIO', path: LOGS },
  { calls: ['watch'], code: 'ENOSPC', path: LOGS },
  { calls: ['create', 'write', 'mkdir', 'listen'], code: 'ENOSPC', path: STATE },
  { calls: ['write', 'sync'], code: 'EIO', path: STATE },
  { calls: ['rename'], code: 'EROFS', path: STATE },
];

/** Plays the run of a seed. @param lines takes the trace. @throws Violation */
export async function play(seed: number, lines?: string[]): Promise<Played> {
  const random = createRandom(seed);
  const run = new Run(random, profileOf(random, createRandom(seed ^ MORE)), lines);
  try {
    await run.play();
    return { traceHash: run.machine.traceHash, steps: run.machine.scheduler.steps };
  } finally {
    // What was under way when a property broke must not wake up in the next run.
    run.machine.crash();
    await realTurn();
    run.machine.crash();
    useMachine(undefined);
    judgeWith(undefined);
  }
}

class Run {
  readonly machine: Machine;
  readonly #random: Random;
  readonly #profile: Profile;
  readonly #lives = new Lives();
  readonly #judge: Judge;
  readonly #agent: SimulatedAgent;
  readonly #writers: Writer[] = [];
  readonly #healings = new Set<() => void>();
  #numbers = 0;

  constructor(random: Random, profile: Profile, lines?: string[]) {
    this.#random = random;
    this.#profile = profile;
    this.#judge = new Judge(this.#lives, {
      hides: profile.hides || profile.diskFaults,
      reorders:
        profile.hides ||
        profile.diskFaults ||
        profile.clockJumps ||
        (profile.style !== 'lumberjack' && (profile.destroys || profile.character.lostHints > 0)),
      maxEventBytes: profile.maxEventBytes,
      chunkBytes: profile.chunkBytes,
      skips: profile.fromEnd,
    });
    const witness = {
      sawSize: this.#judge.sawSize.bind(this.#judge),
      sawBytes: this.#judge.sawBytes.bind(this.#judge),
      replaced: (path: string): void => this.#agent.replaced(path),
    };
    this.machine = new Machine(random, profile.character, witness, lines);
    this.machine.note(JSON.stringify(profile));
    useMachine(this.machine);
    judgeWith(this.#judge);
    this.machine.files.mkdir(LOGS);
    this.machine.files.mkdir(STATE);
    this.machine.files.sync(this.machine.files.root);
    for (let log = 0; log < profile.logs; log++) this.#addWriter(log);
    this.#agent = new SimulatedAgent(this.machine, this.#judge, profile);
  }

  #addWriter(index: number): void {
    const { style, maxBackups, compresses, bodies } = this.#profile;
    const directory = index === 0 ? LOGS : `${LOGS}/other`;
    if (index > 0) this.machine.files.mkdir(directory);
    this.#writers.push(
      new Writer({
        machine: this.machine,
        lives: this.#lives,
        directory,
        base: 'audit.log',
        style,
        maxBackups,
        compresses,
        bodies,
        nextNumber: () => ++this.#numbers,
        agent: () => this.#judge.agent,
      }),
    );
  }

  async play(): Promise<void> {
    if (this.#random.below(4) > 0) this.#agent.start();
    for (let action = 0; action < this.#profile.actions; action++) {
      const pauseMs = this.#random.pick(this.#profile.pauses) * this.#random.next();
      if (this.#random.below(4) > 0) this.#scheduleWriting(pauseMs);
      else {
        await this.#pass(pauseMs);
        await this.#trouble();
      }
    }
    await this.#rest();
    await this.#stopAndLookAgain();
  }

  // --- time ---

  async #pass(ms: number): Promise<void> {
    const { scheduler } = this.machine;
    const untilMs = scheduler.nowMs + ms;
    for (let isOver = false; !isOver; isOver = !scheduler.step(untilMs)) {
      this.#judge.confirm();
      await realTurn();
      this.#judge.confirm();
    }
    this.#judge.confirm();
    if (this.#agent.hasEnded) this.#agent.conclude();
  }

  // --- what the writer does: at any moment, also in the middle of a call of the agent ---

  #scheduleWriting(ms: number): void {
    const writer = this.#random.pick(this.#writers);
    this.machine.scheduler.after(ms, 'world', () => this.#write(writer));
  }

  #write(writer: Writer): void {
    const { lineBytes, destroys } = this.#profile;
    const kind = this.#random.below(destroys ? 24 : 20);
    if (kind < 11) writer.write(1 + this.#random.below(BURST_LINES), lineBytes);
    else if (kind < 13) writer.begin();
    else if (kind < 14) writer.tear();
    else if (kind < 20) writer.rotate();
    else if (kind < 22) writer.deleteBackup();
    else if (kind < 23) writer.replace();
    else writer.cut();
  }

  // --- what happens to the agent, its disk and its receiver: between two of its steps ---

  async #trouble(): Promise<void> {
    const troubles: (() => void | Promise<void>)[] = [];
    const { crashes, stops, receiverFaults, diskFaults, hides, clockJumps } = this.#profile;
    if (!this.#agent.isRunning) troubles.push(() => this.#agent.start());
    else {
      if (crashes) troubles.push(() => this.#crash());
      if (stops) troubles.push(() => this.#stop());
    }
    if (receiverFaults) troubles.push(() => this.#hinderReceiver());
    if (diskFaults) troubles.push(() => this.#breakDisk());
    if (hides) troubles.push(() => this.#hide());
    if (clockJumps) troubles.push(() => this.machine.jump(this.#random.pick(JUMPS_MS)));
    if (troubles.length > 0) await this.#random.pick(troubles)();
  }

  #crash(): void {
    this.#agent.crash(this.#random.below(3) === 0 ? 'power' : 'killed');
    if (this.#random.below(2) === 0) this.#agent.start();
  }

  async #stop(): Promise<void> {
    this.#agent.askToStop();
    const untilMs = this.machine.nowMs + this.#agent.stopMs;
    while (this.#agent.isRunning && this.machine.nowMs < untilMs) await this.#pass(50);
    demand(!this.#agent.isRunning, 'stops in time', () => 'it is still running');
  }

  #hinderReceiver(): void {
    const { receiver } = this.#agent;
    if (this.#random.below(3) === 0) {
      receiver.cut();
      return;
    }
    receiver.mood = this.#random.pick(MOODS);
    this.#healLater(() => (receiver.mood = 'well'));
  }

  #breakDisk(): void {
    const fault = this.#random.pick(FAULTS);
    this.machine.faults.add(fault);
    this.#healLater(() => this.machine.faults.delete(fault));
  }

  /** A file without permission, or a directory that is away, as an unmounted one. */
  #hide(): void {
    const { directory } = this.#random.pick(this.#writers);
    const parent = this.machine.files.find(LOGS);
    const home = directory === LOGS ? parent : parent.entries.get('other');
    const inode = this.#random.pick([...(home?.entries.values() ?? [])]);
    const { mode } = inode;
    if (mode === 0) return;
    inode.mode = 0;
    this.#healLater(() => (inode.mode = mode));
  }

  #healLater(heal: () => void): void {
    this.#healings.add(heal);
    const ms = this.#random.pick(TROUBLE_MS) * this.#random.next();
    this.machine.scheduler.after(ms, 'world', () => {
      if (this.#healings.delete(heal)) heal();
    });
  }

  // --- the end ---

  /** Nothing is wrong any more, and the agent has all the time it needs. */
  async #rest(): Promise<void> {
    for (const heal of this.#healings) heal();
    this.#healings.clear();
    await this.#pass(Math.max(...this.#profile.pauses));
    for (const writer of this.#writers) if (this.#random.below(2) === 0) writer.finish();
    const untilMs = this.machine.nowMs + REST_MS;
    for (;;) {
      if (!this.#agent.isRunning) this.#agent.start();
      await this.#pass(REST_STEP_MS);
      const missing = this.#missing();
      if (missing === undefined) return;
      if (this.machine.nowMs > untilMs) throw missing;
    }
  }

  #missing(): Violation | undefined {
    try {
      this.#judge.conclude();
      return undefined;
    } catch (error) {
      if (error instanceof Violation) return error;
      throw error;
    }
  }

  /** What was delivered is remembered: another agent finds nothing to do. */
  async #stopAndLookAgain(): Promise<void> {
    await this.#stop();
    this.#judge.remembersAll(this.#agent.savedPositions());
    this.#agent.start(false);
    const untilMs = this.machine.nowMs + REST_MS;
    while (this.#agent.isRunning && this.machine.nowMs < untilMs) await this.#pass(REST_STEP_MS);
    demand(!this.#agent.isRunning, 'ends when all is read', () => 'it is still running');
    this.#judge.conclude();
  }
}

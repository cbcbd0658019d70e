/**
 * The composition root: the whole way of the data on one screen, and its life: start → read → drain → stop. It
 * decides nothing that a stage could decide.
 */
import { join } from 'node:path';
import type { CheckpointSaver } from './checkpoint/saver.ts';
import type { From, ShipConfig } from './config/config.ts';
import type { Totals } from './deliver/accounts.ts';
import { DeadLetters } from './deliver/dead-letter.ts';
import { Dispatcher } from './deliver/dispatcher.ts';
import { Health } from './deliver/health.ts';
import { LongLines } from './deliver/long-lines.ts';
import { Quarantine } from './deliver/quarantine.ts';
import { Window } from './deliver/window.ts';
import { firstLineSince, stageTimeMs } from './event/event-time.ts';
import { Reducer } from './event/oversize.ts';
import type { Transcoder } from './event/transcoder.ts';
import { LossWatch } from './loss-watch.ts';
import { Memory } from './memory.ts';
import type { Log } from './observe/log.ts';
import type { RecentLog } from './observe/recent.ts';
import type { Vitals } from './observe/vitals.ts';
import { OutputClosedError, type Output } from './output/output.ts';
import { Pipeline } from './pipeline.ts';
import type { RulesWatch } from './rules/watch.ts';
import { Descriptors } from './tail/descriptors.ts';
import { DirectoryWatch } from './tail/directory-watch.ts';
import { Discovery, type Found } from './tail/discovery.ts';
import { LogTail } from './tail/log-tail.ts';
import { errorCode, Problems } from './tail/problems.ts';
import { pause, Wakeup } from './tail/wakeup.ts';
import { VitalSigns } from './vital-signs.ts';

/**
 * Large enough that a read, a message and a turn of the event loop cost little. The event loop must turn every few
 * milliseconds, or a file that lives as long under fast rotation is not held in time: this much takes one or two.
 */
const MAX_BLOCK_BYTES = 896 * 1024;
/** Of a chunk: with what is added to events, a block is to be no more than one. */
const BLOCK_OF_CHUNK = 7 / 8;
/** The slow safety poll for logs that no event announced. */
const DISCOVERY_POLL_MS = 5000;
/** The same while a path that was given leads to nothing: a mount may appear late. */
const MISSING_POLL_MS = 1000;
/** Discovery looks at whole directories: not more often than this, however fast a log rotates. */
const DISCOVERY_PAUSE_MS = 100;

export interface AgentParts {
  readonly output: Output;
  readonly transcoder: Transcoder;
  readonly log: Log;
  /** Serves what can be seen, until it is closed. */
  readonly serve?: (look: () => Vitals) => Promise<{ close(): Promise<void> } | undefined>;
  /** Reads the rules again while the agent follows. */
  readonly rulesWatch?: RulesWatch | undefined;
  /** What keeps the log's last warnings, when somebody may look. */
  readonly recent?: RecentLog | undefined;
  /** Aborted by SIGTERM or SIGINT: stop reading, finish what is in flight within the grace period, save. */
  readonly signal: AbortSignal;
}

export interface AgentResult {
  readonly totals: Totals;
  /** Bytes that were read and are in no account: not delivered within the grace period. */
  readonly inFlightBytes: number;
  /** False when checkpoints could not be saved at the end. */
  readonly saved: boolean;
  /** True when files were not read to their ends, because that failed again and again. */
  readonly gaveUp: boolean;
  /** True when nothing that was asked for is there. */
  readonly nothingFound: boolean;
}

/**
 * Ships until everything on disk is delivered, or, following, until the signal.
 * @throws StateError when the state directory cannot be used.
 */
export async function runAgent(config: ShipConfig, parts: AgentParts): Promise<AgentResult> {
  const memory =
    config.stateDir === undefined ? undefined : await Memory.open(config.stateDir, parts.log);
  const agent = new Agent(config, parts, memory);
  let server: { close(): Promise<void> } | undefined;
  try {
    server = await parts.serve?.(() => agent.look());
    return await agent.run();
  } finally {
    await server?.close();
    await memory?.close();
    await parts.output.close();
  }
}

class Agent {
  readonly #config: ShipConfig;
  readonly #parts: AgentParts;
  readonly #memory: Memory | undefined;
  readonly #problems: Problems;
  readonly #descriptors: Descriptors;
  readonly #discovery: Discovery;
  readonly #dispatcher: Dispatcher;
  readonly #deadLetters: DeadLetters | undefined;
  readonly #longLines: LongLines | undefined;
  readonly #pipeline: Pipeline;
  readonly #saver: CheckpointSaver | undefined;
  readonly #lossWatch: LossWatch;
  readonly #vitalSigns: VitalSigns;
  /** By the path of the active file. */
  readonly #tails = new Map<string, LogTail>();
  readonly #running: Promise<void>[] = [];
  readonly #lookForLogs = new Wakeup();
  readonly #startedMs = Date.now();
  /** Aborted when reading is to end: by the signal, or because something failed. */
  readonly #reading = new AbortController();
  /** Aborted when what is in flight is not waited for any more. */
  readonly #patience = new AbortController();
  #failure: Error | undefined;

  constructor(config: ShipConfig, parts: AgentParts, memory: Memory | undefined) {
    const { log, output, transcoder } = parts;
    this.#config = config;
    this.#parts = parts;
    this.#memory = memory;
    this.#problems = new Problems(log);
    this.#descriptors = new Descriptors({ deletedBytesMax: config.maxHeldDeletedBytes });
    this.#discovery = new Discovery(config.paths, log, this.#problems);
    const { stateDir } = config;
    this.#deadLetters = stateDir === undefined ? undefined : new DeadLetters(stateDir);
    this.#longLines = this.#deadLetters && new LongLines({ deadLetters: this.#deadLetters, log });
    const health = new Health();
    this.#dispatcher = new Dispatcher({
      output,
      log,
      health,
      quarantine: this.#quarantine(health),
    });
    this.#pipeline = new Pipeline({
      window: windowOf(config, output.concurrency, transcoder),
      transcoder,
      dispatcher: this.#dispatcher,
      longLines: this.#longLines,
      log,
      chunkBytes: config.chunkBytes,
      lingerMs: config.forward?.lingerMs ?? 0,
      onFilesChanged: () => this.#lookForLogs.notify(),
      onProgress: () => this.#saver?.notify(),
      remembers: memory !== undefined,
      timeBefore: (fingerprint, offset) => memory?.timeBefore(fingerprint, offset),
    });
    const watched = { tails: this.#tails, pipeline: this.#pipeline };
    this.#lossWatch = new LossWatch({ ...watched, flags: config.rotation, log });
    this.#saver = memory?.saver({
      ...watched,
      problems: this.#problems,
      lossWatch: this.#lossWatch,
    });
    this.#vitalSigns = new VitalSigns({
      ...watched,
      dispatcher: this.#dispatcher,
      output,
      problems: this.#problems,
      lossWatch: this.#lossWatch,
      memory,
      saver: this.#saver,
      recent: parts.recent,
      rulesWatch: parts.rulesWatch,
    });
  }

  /** Where chunks are examined that a receiver refuses; an output that refuses none has no use for it. */
  #quarantine(health: Health): Quarantine | undefined {
    const { output, log } = this.#parts;
    if (output.examine === undefined) return undefined;
    return new Quarantine({
      examine: output.examine.bind(output),
      divide: (chunk) => this.#pipeline.divide(chunk),
      strip: (chunk) => this.#pipeline.strip(chunk),
      letter: (chunk) => this.#pipeline.letter(chunk),
      deadLetters: this.#deadLetters,
      health,
      log,
    });
  }

  /** What can be seen of it now. */
  look(): Vitals {
    return this.#vitalSigns.look();
  }

  async run(): Promise<AgentResult> {
    await this.#deadLetters?.clean();
    const { signal } = this.#parts;
    const stopReading = (): void => this.#reading.abort(signal.reason);
    signal.addEventListener('abort', stopReading, { once: true });
    if (signal.aborted) stopReading();
    const delivering = this.#dispatcher.run().catch((error: unknown) => this.#fail(error));
    const saving = this.#saver?.run(this.#reading.signal);
    const reading = this.#read();
    // By now it knows which logs there are.
    const watching = this.#config.follow ? this.#lossWatch.run(this.#reading.signal) : undefined;
    const ruling = this.#parts.rulesWatch?.run(this.#reading.signal);
    const nothingFound = await reading;
    const drained = await this.#drain();
    this.#dispatcher.stop();
    this.#reading.abort();
    await this.#longLines?.close();
    // A receiver that takes nothing would be waited for without end.
    if (drained) await delivering;
    await Promise.all([saving, watching, ruling]);
    signal.removeEventListener('abort', stopReading);
    const saved = (await this.#saver?.save()) ?? true;
    if (this.#failure !== undefined && !(this.#failure instanceof OutputClosedError)) {
      throw this.#failure;
    }
    const { accounts } = this.#pipeline;
    const { inFlightBytes } = accounts;
    const gaveUp = [...this.#tails.values()].some((tail) => tail.hasGivenUp);
    return { totals: accounts.totals(), inFlightBytes, saved, gaveUp, nothingFound };
  }

  /** Something cannot go on: reading ends, and the failure is told when everything has stopped. */
  #fail(error: unknown): void {
    this.#failure ??=
      error instanceof Error ? error : new Error('something that is no Error', { cause: error });
    this.#reading.abort(error);
    this.#patience.abort(error);
  }

  /** @returns true when no path led to anything. */
  async #read(): Promise<boolean> {
    const found = this.#discovery.find();
    this.#startTails(found, this.#config.from);
    for (const path of found.missing) this.#sayMissing(path);
    if (this.#config.follow) await this.#discover(found);
    await Promise.all(this.#running);
    this.#pipeline.flush();
    return this.#tails.size === 0;
  }

  /** Looks for logs that appear later, until reading ends. */
  async #discover(first: Found): Promise<void> {
    const { signal } = this.#reading;
    const wakeup = this.#lookForLogs;
    const watch = new DirectoryWatch(
      () => wakeup.notify(),
      (error) => this.#parts.log.debug('discovery cannot watch', { code: errorCode(error) }),
    );
    let { missing } = first;
    await watch.set(this.#unwatched(first));
    while (!signal.aborted) {
      await wakeup.sleep(missing.length > 0 ? MISSING_POLL_MS : DISCOVERY_POLL_MS, signal);
      if (signal.aborted) break;
      const found = this.#discovery.find();
      this.#startTails(found, this.#fromOfLaterLogs());
      await watch.set(this.#unwatched(found));
      for (const path of missing) if (!found.missing.includes(path)) this.#problems.clear(path);
      ({ missing } = found);
      await this.#memory?.assertHeld().catch((error: unknown) => this.#fail(error));
      await pause(DISCOVERY_PAUSE_MS, signal);
    }
    await watch.close();
  }

  /** A tail watches the directory of its log itself. */
  #unwatched({ directories }: Found): string[] {
    const watched = new Set([...this.#tails.values()].map((tail) => tail.watchedDirectory));
    return directories.filter((directory) => !watched.has(directory));
  }

  /** The end of a log that appears later is where it was when the agent came: what was written since is wanted. */
  #fromOfLaterLogs(): From {
    const { from } = this.#config;
    return from.kind === 'end' ? { kind: 'time', epochMs: this.#startedMs } : from;
  }

  #startTails(found: Found, from: From): void {
    const { config, log, memory } = {
      config: this.#config,
      log: this.#parts.log,
      memory: this.#memory,
    };
    for (const site of found.sites) {
      const path = join(site.directory, site.base);
      if (this.#tails.has(path)) continue;
      const options = {
        follow: config.follow,
        remembers: memory !== undefined,
        maxEventBytes: config.maxEventBytes,
        makeReducer: () => new Reducer(config.maxEventBytes),
        from,
        firstLineSince,
        timeOf: stageTimeMs,
        logCount: () => this.#tails.size,
      };
      const tail = new LogTail(site, memory?.recall(path) ?? [], options, {
        sink: this.#pipeline,
        observer: this.#pipeline,
        descriptors: this.#descriptors,
        problems: this.#problems,
        log,
      });
      log.info('reading', { path, follow: config.follow });
      this.#tails.set(path, tail);
      this.#running.push(
        tail.run(this.#reading.signal).catch((error: unknown) => this.#fail(error)),
      );
    }
  }

  #sayMissing(path: string): void {
    const error = Object.assign(new Error('missing'), { code: 'ENOENT' });
    this.#problems.report(path, error, 'no audit log there');
  }

  /** Waits for what is in flight: as long as it takes, but after a signal no longer than the grace period. */
  async #drain(): Promise<boolean> {
    const { signal, log } = this.#parts;
    let timer: NodeJS.Timeout | undefined;
    const startTimer = (): void => {
      timer = setTimeout(() => this.#patience.abort(), this.#config.graceMs);
    };
    if (signal.aborted) startTimer();
    else signal.addEventListener('abort', startTimer, { once: true });
    const patience = this.#patience.signal;
    const [isDelivered, isPutAside] = await Promise.all([
      this.#dispatcher.drained(patience),
      this.#longLines?.drained(patience) ?? true,
    ]);
    clearTimeout(timer);
    signal.removeEventListener('abort', startTimer);
    if (!(isDelivered && isPutAside) && this.#failure === undefined) {
      log.warn('stopping before everything read was delivered; a restart repeats it', {
        bytes: this.#pipeline.accounts.inFlightBytes,
      });
    }
    return isDelivered;
  }
}

/**
 * Room for the chunks in flight, and for one that is being made. To stdout each block is a chunk; what waits there
 * waits in vain, so that a slow reader holds little.
 */
function windowOf(
  { chunkBytes, inFlightChunks, forward }: ShipConfig,
  concurrency: number,
  transcoder: Transcoder,
): Window {
  const slabBytes = Math.min(Math.floor(BLOCK_OF_CHUNK * chunkBytes), MAX_BLOCK_BYTES);
  const blocks = Math.floor(chunkBytes / slabBytes);
  const places = forward === undefined ? inFlightChunks : (concurrency + 1) * blocks;
  return new Window({ places, slabBytes, makeSlab: (bytes) => transcoder.makeSlab(bytes) });
}

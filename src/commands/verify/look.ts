/**
 * Looks: at the state directory first, then at what was delivered, then at the files, so that what an agent does
 * meanwhile can only add to what is found. Decides nothing; what a generation is held against, examination.ts does.
 */
import { basename, dirname, join } from 'node:path';
import { logOf } from '../../memory.ts';
import { Discovery } from '../../tail/discovery.ts';
import { Problems } from '../../tail/problems.ts';
import type { LogSite } from '../../tail/scanner.ts';
import { SILENT, visitFiles, type OpenFile } from '../files-on-disk.ts';
import { readDelivered, type DeliveredFile } from './delivered.ts';
import { Examination, examineGone, type Delivered, type Subject } from './examination.ts';
import { FileWalker } from './pieces.ts';
import { inMegabytes, type Progress } from './progress.ts';
import { Receipts } from './receipts.ts';
import {
  counted,
  type GenerationReport,
  type Obstacle,
  type Unknown,
  type Verification,
} from './report.ts';
import { loadState, logsOf, lossesOf, type State } from './state.ts';

export interface LookOptions {
  readonly stateDir: string | undefined;
  /** Files, directories and globs; without any, the logs that the state directory remembers. */
  readonly paths: readonly string[];
  /** Files of JSON lines, or `-`; none when only the accounts are looked at. */
  readonly delivered: readonly string[];
}

/** What was delivered, read once. */
interface Deliveries {
  readonly receipts: Receipts;
  readonly files: readonly DeliveredFile[];
}

/** A delivered file cannot be read; the message says which. */
export class DeliveredError extends Error {}

/** @throws DeliveredError */
async function readDeliveries(paths: readonly string[], progress: Progress): Promise<Deliveries> {
  const receipts = new Receipts();
  const files: DeliveredFile[] = [];
  for (const path of paths) {
    try {
      files.push(await readDelivered(path, receipts, progress));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      throw new DeliveredError(`cannot read ${path}: ${error.message}`, { cause: error });
    }
  }
  return { receipts, files };
}

/** @throws StateError, DeliveredError */
export async function look(options: LookOptions, progress: Progress): Promise<Verification> {
  const { stateDir, paths, delivered } = options;
  const state = stateDir === undefined ? undefined : await loadState(stateDir);
  const deliveries = await readDeliveries(delivered, progress);
  const receipts = delivered.length === 0 ? undefined : deliveries.receipts;
  const looker = new Looker(state, receipts, progress);
  for (const site of looker.sitesOf(paths)) await looker.lookAt(site);
  looker.lookForTheGone();
  return {
    stateDir,
    agent: state?.agent,
    generations: looker.reports,
    losses: looker.losses(),
    toldLostBytes: toldLostBytes(deliveries.receipts),
    obstacles: [...(state?.obstacles ?? []), ...looker.obstacles()],
    notes: looker.notes(),
    delivered: deliveries.files,
    unknown: looker.unknown(),
  };
}

function toldLostBytes(receipts: Receipts): number {
  let bytes = 0;
  for (const [, { losses }] of receipts.all()) {
    bytes += losses.reduce((sum, loss) => sum + loss.bytes, 0);
  }
  return bytes;
}

class Looker {
  reports: readonly GenerationReport[] = [];
  readonly #state: State | undefined;
  readonly #receipts: Receipts | undefined;
  readonly #progress: Progress;
  readonly #problems = new Problems(SILENT);
  readonly #walker = new FileWalker();
  readonly #sites: LogSite[] = [];
  readonly #obstacles: Obstacle[] = [];
  /** Fingerprints of what was looked at, and of what was to be but could not. */
  readonly #seen = new Set<string>();

  constructor(state: State | undefined, receipts: Receipts | undefined, progress: Progress) {
    this.#state = state;
    this.#receipts = receipts;
    this.#progress = progress;
  }

  sitesOf(paths: readonly string[]): readonly LogSite[] {
    if (paths.length === 0 && this.#state !== undefined) {
      const logs = logsOf(this.#state);
      this.#sites.push(...logs.map((log) => ({ directory: dirname(log), base: basename(log) })));
    } else {
      const { sites, missing } = new Discovery(paths, SILENT, this.#problems).find();
      this.#sites.push(...sites);
      for (const path of missing) this.#obstacles.push({ path, message: 'no audit log there' });
    }
    return this.#sites;
  }

  /** Every generation of one log, oldest first. */
  async lookAt(site: LogSite): Promise<void> {
    const log = join(site.directory, site.base);
    const found = new Map<string, GenerationReport>();
    const { order, done } = await visitFiles(site, this.#problems, async (file, known) => {
      if (this.#seen.has(file.fingerprint)) return;
      found.set(file.fingerprint, await this.#lookInto(file, log, this.#dueOf(known)));
    });
    for (const fingerprint of done) this.#seen.add(fingerprint);
    // What was deleted meanwhile is older than what is there.
    const rank = new Map(order.map((fingerprint, index) => [fingerprint, index]));
    const reports = [...found.values()].sort((a, b) => {
      return (rank.get(a.fingerprint) ?? -1) - (rank.get(b.fingerprint) ?? -1);
    });
    this.reports = [...this.reports, ...reports];
  }

  /** What is remembered of these logs and is nowhere on disk; before the files of its log, as the older ones. */
  lookForTheGone(): void {
    const isRead = this.#state?.agent !== undefined;
    const gone: GenerationReport[] = [];
    for (const checkpoint of this.#state?.checkpoints.values() ?? []) {
      const { path, fingerprint } = checkpoint;
      if (this.#seen.has(fingerprint) || !this.#isWanted(path)) continue;
      const subject = this.#subject(logOf(path), path, fingerprint, 0);
      gone.push(examineGone({ ...subject, checkpoint }, isRead));
      this.#seen.add(fingerprint);
    }
    const reports = [...gone, ...this.reports];
    const logs = [...new Set(reports.map(({ log }) => log))];
    this.reports = logs.flatMap((log) => reports.filter((report) => report.log === log));
  }

  losses(): Verification['losses'] {
    return (this.#state?.losses ?? []).filter(({ path }) => this.#isWanted(path));
  }

  obstacles(): readonly Obstacle[] {
    const problems = this.#problems.list().map(({ path, message }) => ({ path, message }));
    return [...this.#obstacles, ...problems];
  }

  notes(): readonly string[] {
    const others = [...(this.#state?.checkpoints.values() ?? [])].filter(
      ({ fingerprint }) => !this.#seen.has(fingerprint),
    );
    const unended = this.reports.filter(({ isOnDisk, path, log }) => !isOnDisk && path === log);
    return [
      ...(others.length > 0
        ? [
            `the state directory remembers ${counted(others.length, 'file')} of other logs: not looked at`,
          ]
        : []),
      ...(unended.length > 0
        ? [
            `${counted(unended.length, 'file')} last seen as the active file, and gone: what was written to it while no agent ran, nobody counted`,
          ]
        : []),
    ];
  }

  /** What was delivered of files that nothing is known of. */
  unknown(): Unknown {
    let [files, events] = [0, 0];
    for (const [fingerprint, receipts] of this.#receipts?.all() ?? []) {
      if (this.#seen.has(fingerprint) || this.#state?.checkpoints.has(fingerprint)) continue;
      files += 1;
      events += receipts.distinct().length;
    }
    return { files, events };
  }

  /** Whether the file belongs to what is looked at. */
  #isWanted(path: string): boolean {
    return this.#sites.some(({ directory, base, accepts }) => {
      if (join(directory, base) !== logOf(path)) return false;
      return accepts === undefined || accepts(basename(path));
    });
  }

  async #lookInto(
    file: OpenFile,
    log: string,
    dueTo: (fingerprint: string) => number,
  ): Promise<GenerationReport> {
    const { path, fingerprint, start } = file;
    const subject = this.#subject(log, path, fingerprint, dueTo(fingerprint));
    const examination = new Examination(subject);
    const walk = await this.#walker.walk(
      file,
      subject.checkpoint?.offset ?? 0,
      (piece) => examination.piece(piece),
      (bytes) => this.#progress.say(() => `${path}: ${inMegabytes(bytes)} read`),
    );
    if (walk.isDamaged) {
      const message = `the gzip file is damaged behind ${walk.size} bytes of content`;
      this.#obstacles.push({ path, message });
    }
    return examination.finish(walk, start);
  }

  #subject(log: string, path: string, fingerprint: string, dueTo: number): Subject {
    const state = this.#state;
    const receipts = this.#receipts;
    const delivered: Delivered | undefined = receipts && {
      receipts: receipts.of(fingerprint),
      dueTo,
    };
    return {
      log,
      path,
      fingerprint,
      checkpoint: state?.checkpoints.get(fingerprint),
      letters: state?.letters.get(fingerprint) ?? [],
      losses: state === undefined ? [] : lossesOf(state, fingerprint),
      delivered,
    };
  }

  /**
   * What must have been delivered of each file: with a state directory what stands before its checkpoint. Without one
   * all that is older than the last event that was delivered: what is younger may still be on its way.
   */
  #dueOf(oldestFirst: readonly string[]): (fingerprint: string) => number {
    const checkpoints = this.#state?.checkpoints;
    if (checkpoints !== undefined) {
      return (fingerprint) => checkpoints.get(fingerprint)?.offset ?? 0;
    }
    const lastIdOf = (fingerprint: string): number =>
      this.#receipts?.of(fingerprint)?.distinct().at(-1) ?? -1;
    const newest = oldestFirst.findLast((fingerprint) => lastIdOf(fingerprint) >= 0);
    const before = new Set(oldestFirst.slice(0, oldestFirst.indexOf(newest ?? '')));
    if (newest === undefined) return () => 0;
    return (fingerprint) => {
      if (before.has(fingerprint)) return Infinity;
      return fingerprint === newest ? lastIdOf(newest) + 1 : 0;
    };
  }
}

/**
 * The events on disk, one after the other, as shipping would see them: the same discovery, the same reader, backups and
 * gzip included. Memory is that of one block. Knows no policies.
 */
import { DEFAULTS } from '../../config/schema.ts';
import type { Core } from '../../event/core.ts';
import { Scratch } from '../../event/scratch.ts';
import { Discovery } from '../../tail/discovery.ts';
import { Problems } from '../../tail/problems.ts';
import { SILENT, visitFiles } from '../files-on-disk.ts';
import { FileWalker } from '../verify/pieces.ts';
import { inMegabytes, type Progress } from '../verify/progress.ts';

/** One event; its bytes and the core that has judged them are there only while it is looked at. */
export interface EventOnDisk {
  readonly path: string;
  readonly offset: number;
  /** Without its newline. */
  readonly line: Buffer;
  readonly core: Core;
}

/** What else there was. */
export interface Rest {
  readonly files: number;
  /** Lines that are no event: they are shipped whatever a policy says. */
  readonly otherLines: number;
  /** Lines that are too long to be held, and were not judged. */
  readonly longLines: number;
  /** What could not be read, a line each. */
  readonly obstacles: readonly string[];
}

/** @param paths as for shipping; none: where kube-apiserver's log is by default. */
export async function replayEvents(
  paths: readonly string[],
  progress: Progress,
  onEvent: (event: EventOnDisk) => void,
): Promise<Rest> {
  const problems = new Problems(SILENT);
  const walker = new FileWalker();
  const scratch = new Scratch(0);
  const wanted = paths.length === 0 ? DEFAULTS.paths : paths;
  const { sites, missing } = new Discovery(wanted, SILENT, problems).find();
  const obstacles = missing.map((path) => `${path}: no audit log there`);
  const seen = new Set<string>();
  let [otherLines, longLines] = [0, 0];
  for (const site of sites) {
    await visitFiles(site, problems, async (file) => {
      const { path, fingerprint } = file;
      if (seen.has(fingerprint)) return;
      seen.add(fingerprint);
      const walk = await walker.walk(
        file,
        0,
        ({ start, isLong }, line) => {
          if (line === undefined) {
            if (isLong) longLines += 1;
            else otherLines += 1;
            return;
          }
          const core = scratch.hold(line);
          if (core.judge(line.length) === 'object') onEvent({ path, offset: start, line, core });
          scratch.release();
        },
        (bytes) => progress.say(() => `${path}: ${inMegabytes(bytes)} read`),
      );
      if (walk.isDamaged) {
        obstacles.push(`${path}: the gzip file is damaged behind ${walk.size} bytes of content`);
      }
    });
  }
  obstacles.push(...problems.list().map(({ path, message }) => `${path}: ${message}`));
  return { files: seen.size, otherLines, longLines, obstacles };
}

/**
 * Where every event is that was written: received, told to be lost, or never in sight of an agent; what is left was lost
 * without a word, which must not be. Generation by generation, and pure.
 */
import type { Checker } from './checker.ts';
import type { Sight } from './sight.ts';
import type { Written } from './written.ts';

/** Every event is in one of the first four. */
export interface Balance {
  readonly received: number;
  /** Not received, and the receiver was told of it. */
  readonly counted: number;
  /** Not received, and written and deleted while no agent could know of it. */
  readonly unseen: number;
  /** Not received, and nobody was told. */
  readonly silent: number;
  /** Received, and told to be lost: acknowledged a moment before a crash. */
  readonly countedTwice: number;
  /** The files with silent losses, for whoever looks into it. */
  readonly silentFiles: readonly string[];
}

/** An agent that looks on for so long has seen a file: it looks each 100 ms or more often. */
const SIGHT_MS = 500;
const SHOWN_FILES = 10;

export interface Watched {
  readonly written: Written;
  readonly checker: Checker;
  readonly maxbackup: number;
  readonly sight: Sight;
  readonly endMs: number;
}

export function balance(watched: Watched): Balance {
  const { written, checker } = watched;
  const losses = checker.lossesByFile();
  let [received, counted, unseen, silent, countedTwice] = [0, 0, 0, 0, 0];
  const silentFiles: string[] = [];
  for (const [file, { first, events, fingerprint }] of written.files.entries()) {
    const before = silent;
    const ranges = losses.get(file) ?? [];
    for (let number = first; number < first + events; number += 1) {
      const offset = written.offsetOf(number, file);
      const isTold = ranges.some(({ start, end }) => offset >= start && offset < end);
      const isReceived = checker.hasReceived(number);
      if (isReceived) received += 1;
      if (isReceived && isTold) countedTwice += 1;
      if (isReceived) continue;
      if (isTold) counted += 1;
      else if (wasInSight(watched, file, number)) silent += 1;
      else unseen += 1;
    }
    if (silent === before || silentFiles.length === SHOWN_FILES) continue;
    silentFiles.push(`${silent - before} events of ${fingerprint} (events from ${first} on)`);
  }
  return { received, counted, unseen, silent, countedTwice, silentFiles };
}

/** Whether an agent was there for long enough between the write of an event and the deletion of its file. */
function wasInSight({ written, maxbackup, sight, endMs }: Watched, file: number, number: number) {
  const { files } = written;
  const { first = 0, events = 1, beganMs = 0 } = files[file] ?? {};
  const endedMs = files[file + 1]?.beganMs ?? endMs;
  const writtenMs = beganMs + ((endedMs - beganMs) * (number - first)) / events;
  // The mill deletes a file when as many younger backups are there, or later.
  const deletedMs = files[file + maxbackup + 1]?.beganMs ?? endMs;
  return sight.seenMs(writtenMs, deletedMs) >= SIGHT_MS;
}

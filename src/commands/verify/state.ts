/**
 * What a state directory remembers, as far as it is held against the files: checkpoints, losses, dead letters. It takes
 * no lock and changes nothing.
 */
import type { Checkpoint, SavedLoss } from '../../checkpoint/format.ts';
import { currentHolder, type Holder } from '../../checkpoint/lock.ts';
import { CheckpointStore } from '../../checkpoint/store.ts';
import { DeadLetterError, DeadLetters } from '../../deliver/dead-letter.ts';
import type { Range } from '../../deliver/ledger.ts';
import { logOf } from '../../memory.ts';
import { errorCode } from '../../tail/problems.ts';
import type { Obstacle } from './report.ts';

export interface State {
  /** Who ships with it now. */
  readonly agent: Holder | undefined;
  readonly checkpoints: ReadonlyMap<string, Checkpoint>;
  readonly losses: readonly SavedLoss[];
  readonly letters: ReadonlyMap<string, readonly Range[]>;
  /** Dead letters that cannot be read. */
  readonly obstacles: readonly Obstacle[];
}

/** @throws StateError when the directory cannot be used. */
export async function loadState(directory: string): Promise<State> {
  const agent = await currentHolder(directory);
  const { checkpoints, losses } = await new CheckpointStore(directory).load();
  const byFingerprint = new Map(checkpoints.map((one) => [one.fingerprint, one]));
  return { agent, checkpoints: byFingerprint, losses, ...(await loadLetters(directory)) };
}

/** The logs that are remembered: the paths of their active files. */
export function logsOf({ checkpoints, losses }: State): readonly string[] {
  const paths = [...checkpoints.values()].map(({ path }) => logOf(path));
  return [...new Set([...paths, ...losses.map(({ log }) => log)])];
}

export function lossesOf({ losses }: State, fingerprint: string): readonly Range[] {
  return losses
    .filter((loss) => loss.fingerprint === fingerprint)
    .map(({ offset, bytes }) => ({ start: offset, end: offset + bytes }));
}

/** One after the other, and part by part: a letter may be as large as a line. */
async function loadLetters(directory: string): Promise<Pick<State, 'letters' | 'obstacles'>> {
  const kept = new DeadLetters(directory);
  const letters = new Map<string, Range[]>();
  const obstacles: Obstacle[] = [];
  for (const path of await kept.list()) {
    try {
      for await (const { fingerprint, offset, bytes } of kept.read(path)) {
        const range = { start: offset, end: offset + bytes };
        letters.set(fingerprint, [...(letters.get(fingerprint) ?? []), range]);
      }
    } catch (error) {
      // Sent again meanwhile.
      if (errorCode(error) === 'ENOENT') continue;
      if (!(error instanceof DeadLetterError)) throw error;
      obstacles.push({ path, message: error.message });
    }
  }
  return { letters, obstacles };
}

/**
 * Looks at what agents remember: the accounts of each generation add up to its offset, and whatever counts as delivered is
 * with the receiver. Pure: text of a checkpoint file in, contradictions out. Takes the file apart by itself.
 */
import type { Checker } from './checker.ts';
import type { Written } from './written.ts';

interface Tally {
  readonly events?: number;
  readonly bytes?: number;
}

interface Checkpoint {
  readonly fingerprint: string;
  readonly offset: number;
  readonly accounts: {
    readonly delivered?: Tally;
    readonly filtered?: Tally;
    readonly deadLettered?: Tally;
    readonly skippedBytes?: number;
    readonly lostBytes?: number;
    readonly earlierBytes?: number;
  };
}

const SHOWN = 10;

export class Accounts {
  /** How many generations were compared. */
  compared = 0;
  wrong = 0;
  /** The first of what is wrong. */
  readonly problems: string[] = [];
  /** As it was noted last, by fingerprint. */
  readonly #noted = new Map<string, Checkpoint>();
  #latest: readonly Checkpoint[] = [];

  /** @param text of a checkpoint file, at any moment. */
  take(text: string): void {
    const { checkpoints } = JSON.parse(text) as { readonly checkpoints: readonly Checkpoint[] };
    this.#latest = checkpoints;
    for (const checkpoint of checkpoints) {
      const known = this.#noted.get(checkpoint.fingerprint);
      if (known !== undefined && checkpoint.offset < known.offset) {
        this.#complain(checkpoint, `went back from ${known.offset} to ${checkpoint.offset}`);
      }
      this.#noted.set(checkpoint.fingerprint, checkpoint);
    }
  }

  /** When all is over. @param isWhole nothing may have been lost. */
  compare(written: Written, checker: Checker, isWhole: boolean): void {
    const losses = checker.lossesByFile();
    for (const checkpoint of this.#noted.values()) {
      this.compared += 1;
      const problem = problemOf(checkpoint, { written, checker, losses });
      if (problem !== undefined) this.#complain(checkpoint, problem);
    }
    if (this.compared === 0) this.#say('no agent remembered anything');
    if (!isWhole) return;
    for (const checkpoint of this.#latest) {
      const file = written.files[written.fileBy(checkpoint.fingerprint) ?? -1];
      const bytes = (file?.events ?? 0) * written.eventBytes;
      if (checkpoint.offset === bytes) continue;
      this.#complain(checkpoint, `ends at ${checkpoint.offset} of ${bytes} bytes`);
    }
  }

  #complain({ fingerprint }: Checkpoint, what: string): void {
    this.#say(`the checkpoint of ${fingerprint} ${what}`);
  }

  #say(problem: string): void {
    this.wrong += 1;
    if (this.problems.length < SHOWN) this.problems.push(problem);
  }
}

interface Truth {
  readonly written: Written;
  readonly checker: Checker;
  readonly losses: ReturnType<Checker['lossesByFile']>;
}

function problemOf(
  { fingerprint, offset, accounts }: Checkpoint,
  { written, checker, losses }: Truth,
): string | undefined {
  const file = written.fileBy(fingerprint);
  const first = written.files[file ?? -1]?.first;
  if (file === undefined || first === undefined) return 'is of a file that nobody wrote';
  const { delivered, filtered, deadLettered, skippedBytes = 0, earlierBytes = 0 } = accounts;
  const { lostBytes = 0 } = accounts;
  const others = (filtered?.bytes ?? 0) + (deadLettered?.bytes ?? 0) + skippedBytes + earlierBytes;
  if (others !== 0) return `has ${others} bytes in accounts that must be empty`;
  const { events = 0, bytes = 0 } = delivered ?? {};
  if (bytes + lostBytes !== offset) {
    return `has accounts of ${bytes} + ${lostBytes} bytes and ends at ${offset}`;
  }
  const ranges = losses.get(file) ?? [];
  const told = bytesBefore(offset, ranges);
  if (told !== lostBytes) return `has lost ${lostBytes} bytes, and the receiver knows of ${told}`;
  if (events * written.eventBytes !== bytes) return `has ${events} events in ${bytes} bytes`;
  for (let at = 0; at < offset; at += written.eventBytes) {
    const isTold = ranges.some(({ start, end }) => at >= start && at < end);
    if (isTold || checker.hasReceived(first + at / written.eventBytes)) continue;
    return `passes offset ${at}, which no receiver has`;
  }
  return undefined;
}

/** How many bytes before the offset are in any of the ranges. */
function bytesBefore(
  offset: number,
  ranges: readonly { readonly start: number; readonly end: number }[],
): number {
  let [bytes, reached] = [0, 0];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const to = Math.min(end, offset);
    bytes += Math.max(0, to - Math.max(start, reached));
    reached = Math.max(reached, to);
  }
  return bytes;
}

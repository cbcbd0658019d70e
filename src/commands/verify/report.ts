/**
 * What `verify` found: of each generation, of what was delivered, and the verdict over all of it. Pure; nothing here
 * looks at anything.
 */
import { count } from '../../observe/amounts.ts';
import type { SavedLoss } from '../../checkpoint/format.ts';
import type { Holder } from '../../checkpoint/lock.ts';
import type { GenerationAccounts, Tally } from '../../deliver/chunk.ts';
import type { DeliveredFile } from './delivered.ts';
import type { Run } from './runs.ts';

/** Events of one file that are worth naming. More runs than `runs` has are only counted. */
export interface Findings {
  readonly events: number;
  readonly runs: readonly Run[];
}

/** A generation beside what was delivered of it. */
export interface Delivery {
  /** Found among what was delivered, each once. */
  readonly events: number;
  /** Behind the checkpoint, or behind the last event that was delivered. */
  readonly notYet: number;
  /** Not delivered, for a reason: before `--from`, a rule, kept as a dead letter, deleted unread and told of. */
  readonly skipped: number;
  readonly filtered: number;
  readonly deadLettered: number;
  readonly lost: number;
  /** Delivered, though they count as lost: an agent that was killed had not noted it. */
  readonly recovered: number;
  readonly missing: Findings;
  readonly repeated: Findings;
  readonly outOfOrder: Findings;
  /** Ids of places where no event begins. */
  readonly wrong: Findings;
}

export interface GenerationReport {
  /** Path of the active file of the log that it belongs to. */
  readonly log: string;
  readonly path: string;
  readonly fingerprint: string;
  readonly isOnDisk: boolean;
  /** The checkpoint's; undefined where nothing is remembered. */
  readonly offset: number | undefined;
  readonly size: number;
  /** Of a file that is gone nobody knows. */
  readonly events: number | undefined;
  readonly accounts: GenerationAccounts | undefined;
  /** Behind the checkpoint; of a file that is gone without its events. */
  readonly unread: Tally;
  /** Deleted behind the checkpoint, and in no account: no agent was there to tell. */
  readonly deletedBytes: number;
  readonly contradictions: readonly string[];
  /** Undefined where nobody gave what was delivered. */
  readonly delivery: Delivery | undefined;
}

/** Something that keeps from proving. */
export interface Obstacle {
  readonly path: string;
  readonly message: string;
}

/** What was delivered of generations that are neither on disk nor remembered. */
export interface Unknown {
  readonly files: number;
  readonly events: number;
}

export interface Verification {
  readonly stateDir: string | undefined;
  readonly agent: Holder | undefined;
  readonly generations: readonly GenerationReport[];
  readonly losses: readonly SavedLoss[];
  /** Bytes of the losses that the delivered records tell of. */
  readonly toldLostBytes: number;
  readonly obstacles: readonly Obstacle[];
  /** True of what is not wrong, and good to know. */
  readonly notes: readonly string[];
  readonly delivered: readonly DeliveredFile[];
  readonly unknown: Unknown;
}

export interface Totals {
  readonly files: number;
  /** Of the files on disk. */
  readonly events: number;
  readonly accounts: GenerationAccounts;
  readonly unread: Tally;
  readonly lostBytes: number;
  readonly contradictions: number;
  readonly delivery: Omit<Delivery, 'missing' | 'repeated' | 'outOfOrder' | 'wrong'> & {
    readonly missing: number;
    readonly repeated: number;
    readonly outOfOrder: number;
    readonly wrong: number;
  };
}

/** What counts as a fault that otherwise is only told of, and the other way round. */
export interface Strictness {
  /** Repeated events are a fault. */
  readonly strict: boolean;
  /** Events out of order are none. */
  readonly anyOrder: boolean;
}

export interface Verdict {
  readonly isComplete: boolean;
  /** In plain words, on one line. */
  readonly text: string;
}

export function totalsOf({ generations, losses, toldLostBytes }: Verification): Totals {
  const sum = (of: (report: GenerationReport) => number | undefined): number =>
    generations.reduce((total, report) => total + (of(report) ?? 0), 0);
  const tally = (of: (report: GenerationReport) => Tally | undefined): Tally => ({
    events: sum((report) => of(report)?.events),
    bytes: sum((report) => of(report)?.bytes),
  });
  const known = new Set(generations.map(({ fingerprint }) => fingerprint));
  const forgotten = losses.filter(({ fingerprint }) => !known.has(fingerprint));
  const inAccounts = sum(({ accounts }) => accounts?.lostBytes);
  const deleted = sum((report) => report.deletedBytes);
  const noted = inAccounts + deleted + forgotten.reduce((total, { bytes }) => total + bytes, 0);
  return {
    files: generations.length,
    events: sum(({ events }) => events),
    accounts: {
      delivered: tally(({ accounts }) => accounts?.delivered),
      filtered: tally(({ accounts }) => accounts?.filtered),
      deadLettered: tally(({ accounts }) => accounts?.deadLettered),
      skippedBytes: sum(({ accounts }) => accounts?.skippedBytes),
      lostBytes: inAccounts,
      earlierBytes: sum(({ accounts }) => accounts?.earlierBytes),
    },
    unread: tally(({ unread }) => unread),
    lostBytes: Math.max(noted, toldLostBytes),
    contradictions: sum(({ contradictions }) => Math.sign(contradictions.length)),
    delivery: {
      events: sum(({ delivery }) => delivery?.events),
      notYet: sum(({ delivery }) => delivery?.notYet),
      skipped: sum(({ delivery }) => delivery?.skipped),
      filtered: sum(({ delivery }) => delivery?.filtered),
      deadLettered: sum(({ delivery }) => delivery?.deadLettered),
      lost: sum(({ delivery }) => delivery?.lost),
      recovered: sum(({ delivery }) => delivery?.recovered),
      missing: sum(({ delivery }) => delivery?.missing.events),
      repeated: sum(({ delivery }) => delivery?.repeated.events),
      outOfOrder: sum(({ delivery }) => delivery?.outOfOrder.events),
      wrong: sum(({ delivery }) => delivery?.wrong.events),
    },
  };
}

export function judge(verification: Verification, totals: Totals, strictness: Strictness): Verdict {
  const unproved = reasonNotProved(verification, totals);
  if (unproved !== undefined) return { isComplete: false, text: `not proved: ${unproved}` };
  const faults = faultsOf(verification, totals, strictness);
  const facts = factsOf(verification, totals, faults);
  const text =
    faults.length === 0
      ? `complete: ${facts.join(', ')}`
      : `incomplete: ${faults.join(', ')}; ${facts.join(', ')}`;
  return { isComplete: faults.length === 0, text };
}

/** Why nothing can be said at all. */
function reasonNotProved(
  { delivered, stateDir, generations, unknown }: Verification,
  { files, events, delivery }: Totals,
): string | undefined {
  if (files === 0) {
    return stateDir === undefined
      ? 'there is no audit log to compare with at the given paths'
      : `nothing is remembered in ${stateDir}, and no audit log was found`;
  }
  if (delivered.length === 0) return undefined;
  const withId = delivered.reduce((sum, file) => sum + file.events, 0);
  const withoutId = delivered.reduce((sum, file) => sum + file.withoutId, 0);
  if (withId === 0 && withoutId > 0) {
    return 'no line that was delivered has a shipper.id; ship with coordinates: true in --config, or AUDIT_SHIPPER_COORDINATES=true';
  }
  const isDue = generations.some(({ offset = 0 }) => offset > 0);
  if (isDue || delivery.events > 0 || events === 0) return undefined;
  if (unknown.events > 0) {
    return `all ${counted(unknown.events, 'event')} that were delivered are of files that are not on disk any more`;
  }
  return 'no event was delivered';
}

/** What is not as it should be. */
function faultsOf(
  { obstacles }: Verification,
  { delivery, lostBytes, contradictions }: Totals,
  { strict, anyOrder }: Strictness,
): string[] {
  const { missing, outOfOrder, wrong, repeated } = delivery;
  return [
    ...(missing > 0 ? [`${counted(missing, 'event')} missing`] : []),
    ...(lostBytes > 0 ? [`${counted(lostBytes, 'byte')} lost`] : []),
    ...(contradictions > 0
      ? [`${counted(contradictions, 'file')} whose accounts do not add up`]
      : []),
    ...(outOfOrder > 0 && !anyOrder ? [`${counted(outOfOrder, 'event')} out of order`] : []),
    ...(wrong > 0 ? [`${counted(wrong, 'id')} of no event`] : []),
    ...(repeated > 0 && strict ? [`${counted(repeated, 'event')} repeated`] : []),
    ...(obstacles.length > 0
      ? [`${counted(obstacles.length, 'thing')} could not be looked at`]
      : []),
  ];
}

function factsOf(
  { delivered }: Verification,
  { files, accounts, delivery, unread }: Totals,
  faults: readonly string[],
): string[] {
  const [found, repeated] = [delivery.events, delivery.repeated];
  if (delivered.length === 0) {
    const { delivered: settled, deadLettered, earlierBytes } = accounts;
    return [
      `${counted(settled.events, 'event')} of ${counted(files, 'file')} delivered`,
      ...(deadLettered.events > 0 ? [counted(deadLettered.events, 'dead letter')] : []),
      ...(earlierBytes > 0
        ? [`${counted(earlierBytes, 'byte')} settled by an earlier version, which did not count`]
        : []),
      ...(faults.length === 0 ? ['nothing lost', 'the accounts add up'] : []),
      ...(unread.bytes > 0 ? [`${counted(unread.bytes, 'byte')} not delivered yet`] : []),
    ];
  }
  return [
    `${counted(found, 'event')} of ${counted(files, 'file')}`,
    ...(delivery.missing === 0 ? ['none missing'] : []),
    ...(repeated === 0 ? ['none repeated'] : [`${count(repeated)} repeated`]),
    ...(delivery.deadLettered > 0 ? [counted(delivery.deadLettered, 'dead letter')] : []),
    ...(delivery.notYet > 0 ? [`${count(delivery.notYet)} not delivered yet`] : []),
  ];
}

/** `1 event`, `2 events`. */
export function counted(amount: number, noun: string): string {
  return `${count(amount)} ${noun}${amount === 1 ? '' : 's'}`;
}

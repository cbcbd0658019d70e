/**
 * What the receiver is told of events that were lost: a record in their place, which says how many bytes are missing,
 * and of when. Pure; what a loss is, tail/ knows.
 */
import type { ByteRange } from './block.ts';
import type { Pair } from './shipper.ts';

export interface LossNotice extends ByteRange {
  /** Where the file was last seen. */
  readonly path: string;
  /** There may have been more of them, of which nobody knows. */
  readonly isAtLeast: boolean;
  /** `deleted`, `cut` or `held_limit`. */
  readonly reason: string;
  /** RFC 3339: of the last event before, when that is known. */
  readonly since: string | undefined;
  /** RFC 3339: the lost events are no younger. */
  readonly until: string;
}

/** The id of the record: the same loss has the same one whenever it is noticed. */
export function lossId({ fingerprint, start }: ByteRange): string {
  return `${fingerprint}-${start}-lost`;
}

export function explainLoss({ start, end, reason, isAtLeast }: LossNotice): string {
  const why = WHY[reason] ?? reason;
  const bytes = end - start;
  const known = isAtLeast ? `${bytes} bytes or more` : `${bytes} bytes`;
  const amount = isAtLeast && bytes === 0 ? 'an unknown number of bytes' : known;
  return `lost: ${amount} of audit events were never read, because ${why}`;
}

const WHY: Readonly<Record<string, string>> = {
  deleted: 'rotation deleted the file first',
  cut: 'the file was cut or written anew first',
  held_limit: 'the deleted file was held for too long and took too much of the disk',
};

/** What stands below `shipper`, behind the coordinates. */
export function lossPairs(notice: LossNotice): readonly Pair[] {
  const { start, end, reason, path, isAtLeast, since, until } = notice;
  const span: Pair[] = since === undefined ? [] : [['since', since]];
  const more: Pair[] = isAtLeast ? [['more', 'unknown']] : [];
  return [
    ['error', explainLoss(notice)],
    ['lost', end - start],
    ...more,
    ['reason', reason],
    ['path', path],
    ...span,
    ['until', until],
  ];
}

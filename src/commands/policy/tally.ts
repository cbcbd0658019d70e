/** What became of events, rule by rule. Pure; knows no files and no words. */
import type { Outcome } from '../../event/policy/outcome.ts';
import type { Policy, Verdict } from '../../event/policy/policy.ts';

export interface Sum {
  events: number;
  /** As on disk. */
  bytes: number;
}

/** Of the events of one rule, or of all. */
export interface RuleTally {
  readonly matched: Sum;
  readonly kept: Sum;
  /** Their bytes before, and below those that are left. */
  readonly lowered: Sum;
  readonly dropped: Sum;
  /** Of what is dropped: for its stage. */
  readonly omitted: Sum;
  /** Of all that is kept and lowered, what is left. */
  shippedBytes: number;
}

export class Tally {
  readonly all = emptyTally();
  /** In the order of the policy. */
  readonly rules: readonly RuleTally[];
  readonly unmatched = emptyTally();

  constructor(policy: Policy) {
    this.rules = policy.rules.map(emptyTally);
  }

  /** @param bytes on disk, and @param shipped what is left of them. */
  add({ rule }: Verdict, outcome: Outcome, bytes: number, shipped: number): void {
    const own = rule === undefined ? this.unmatched : (this.rules[rule - 1] ?? this.unmatched);
    for (const tally of [own, this.all]) {
      addTo(tally.matched, bytes);
      addTo(sumOf(tally, outcome), bytes);
      if (outcome.kind === 'drop' && outcome.why === 'stage') addTo(tally.omitted, bytes);
      tally.shippedBytes += shipped;
    }
  }

  /** Rules that no event matched, counted from 1. */
  idleRules(): readonly number[] {
    return this.rules.flatMap(({ matched }, index) => (matched.events === 0 ? [index + 1] : []));
  }
}

function emptyTally(): RuleTally {
  const sum = (): Sum => ({ events: 0, bytes: 0 });
  const sums = { matched: sum(), kept: sum(), lowered: sum(), dropped: sum(), omitted: sum() };
  return { ...sums, shippedBytes: 0 };
}

function sumOf(tally: RuleTally, { kind }: Outcome): Sum {
  if (kind === 'keep') return tally.kept;
  return kind === 'lower' ? tally.lowered : tally.dropped;
}

function addTo(sum: Sum, bytes: number): void {
  sum.events += 1;
  sum.bytes += bytes;
}

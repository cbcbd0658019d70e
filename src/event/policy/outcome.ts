/**
 * What becomes of an event when its policy has spoken: a level can only lower what kube-apiserver wrote. Pure.
 */
import type { Held } from './attributes.ts';
import { LEVELS, type Level, type Verdict } from './policy.ts';

export type Outcome =
  /** `rule`: one says None. `no-rule`: none matches. `stage`: the policy, or the rule, omits it. */
  | { readonly kind: 'drop'; readonly why: 'rule' | 'no-rule' | 'stage' }
  | { readonly kind: 'keep'; readonly omitManagedFields: boolean }
  | {
      readonly kind: 'lower';
      readonly level: 'Metadata' | 'Request';
      readonly omitManagedFields: boolean;
    };

/** An event whose level is missing or unknown may hold everything. */
export function outcomeOf(verdict: Verdict, { level, stage }: Held): Outcome {
  const { omitManagedFields } = verdict;
  if (verdict.level === 'None') {
    return { kind: 'drop', why: verdict.rule === undefined ? 'no-rule' : 'rule' };
  }
  if (verdict.omitStages.has(stage)) return { kind: 'drop', why: 'stage' };
  if (verdict.level === 'RequestResponse' || rankOf(level) <= rankOf(verdict.level)) {
    return { kind: 'keep', omitManagedFields };
  }
  return { kind: 'lower', level: verdict.level, omitManagedFields };
}

function rankOf(level: string): number {
  const rank = LEVELS.indexOf(level as Level);
  return rank === -1 ? LEVELS.length - 1 : rank;
}

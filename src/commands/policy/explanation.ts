/** Why a policy decides as it does about one event, for people and for programs. Pure. */
import type { Core } from '../../event/core.ts';
import { attributesOf, heldBy } from '../../event/policy/attributes.ts';
import { outcomeOf, type Outcome } from '../../event/policy/outcome.ts';
import { judge, mismatchOf, type Level, type Policy } from '../../event/policy/policy.ts';
import { escapeControl } from '../../observe/terminal.ts';
import { mismatchText, outcomeText, requestText, ruleText } from './words.ts';

export interface Explanation {
  readonly auditID: string;
  readonly stage: string;
  readonly level: string;
  readonly request: string;
  /** Up to the one that matches. */
  readonly rules: readonly {
    readonly rule: number;
    readonly line: number;
    readonly level: Level;
    readonly text: string;
    /** Undefined: it matches. */
    readonly mismatch: string | undefined;
  }[];
  /** The one that matches. */
  readonly rule: number | undefined;
  readonly outcome: Outcome;
  readonly outcomeText: string;
}

/** Of the event that the core judged last. */
export function explain(policy: Policy, core: Core): Explanation {
  const attributes = attributesOf(core);
  const held = heldBy(core);
  const verdict = judge(policy, attributes);
  const outcome = outcomeOf(verdict, held);
  const tried = policy.rules.slice(0, verdict.rule ?? policy.rules.length);
  return {
    auditID: auditIdOf(core),
    ...held,
    request: requestText(attributes),
    rules: tried.map((rule, index) => {
      const mismatch = mismatchOf(rule, attributes);
      return {
        rule: index + 1,
        line: rule.line,
        level: rule.verdict.level,
        text: ruleText(rule),
        mismatch: mismatch === undefined ? undefined : mismatchText(rule, attributes, mismatch),
      };
    }),
    rule: verdict.rule,
    outcome,
    outcomeText: outcomeText(outcome, verdict, held),
  };
}

/** Of the event that the core judged last; empty where it has none. */
export function auditIdOf(core: Core): string {
  const member = core.member('auditID');
  if (member === undefined) return '';
  const value: unknown = JSON.parse(core.slab.toString('utf8', member.value, member.end));
  return typeof value === 'string' ? value : '';
}

/** @param where the event stands, if that is known. */
export function explanationText(explanation: Explanation, where: string | undefined): string {
  const { auditID, stage, level, request, rules, rule } = explanation;
  const head = [auditID, stage, level].map((word) => (word === '' ? '-' : escapeControl(word)));
  const lines = [
    `event ${head.join(' ')}${where === undefined ? '' : ` (${escapeControl(where)})`}`,
    request,
    ...rules.map((one) => {
      const name = `rule ${one.rule} (line ${one.line}, ${one.level})`;
      return one.mismatch === undefined
        ? `${name} matches: ${one.text}`
        : `${name} does not: ${one.mismatch}`;
    }),
    ...(rule === undefined ? ['no rule matches: the level is None'] : []),
    explanation.outcomeText,
  ];
  return `${lines.join('\n')}\n`;
}

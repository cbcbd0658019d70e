/** Where two policies differ, event by event. Pure; knows no files. */
import type { Attributes, Held } from '../../event/policy/attributes.ts';
import { outcomeOf } from '../../event/policy/outcome.ts';
import { judge, LEVELS, type Policy, type Verdict } from '../../event/policy/policy.ts';

/** One of the events that change in the same way. */
export interface Example {
  readonly where: string;
  readonly auditID: string;
  readonly request: string;
  readonly ruleA: number | undefined;
  readonly ruleB: number | undefined;
}

export interface Change {
  /** What is shipped by the first policy, and by the second. */
  readonly from: string;
  readonly to: string;
  events: number;
  bytes: number;
  readonly examples: Example[];
}

/** A few show what it is about; `policy explain` tells more of each. */
const EXAMPLES_MAX = 3;

export class Comparison {
  readonly #a: Policy;
  readonly #b: Policy;
  readonly #changes = new Map<string, Change>();
  events = 0;
  same = 0;

  constructor(a: Policy, b: Policy) {
    this.#a = a;
    this.#b = b;
  }

  /** @param name is asked for an example only. */
  add(
    attributes: Attributes,
    held: Held,
    bytes: number,
    name: () => Pick<Example, 'where' | 'auditID' | 'request'>,
  ): void {
    const [a, b] = [judge(this.#a, attributes), judge(this.#b, attributes)];
    const [from, to] = [effectOf(a, held), effectOf(b, held)];
    this.events += 1;
    if (from === to) {
      this.same += 1;
      return;
    }
    const change = this.#changeOf(from, to);
    change.events += 1;
    change.bytes += bytes;
    if (change.examples.length >= EXAMPLES_MAX) return;
    change.examples.push({ ...name(), ruleA: a.rule, ruleB: b.rule });
  }

  /** The most frequent first. */
  changes(): readonly Change[] {
    return [...this.#changes.values()].sort((a, b) => b.events - a.events);
  }

  #changeOf(from: string, to: string): Change {
    const key = `${from}\n${to}`;
    const change = this.#changes.get(key) ?? { from, to, events: 0, bytes: 0, examples: [] };
    this.#changes.set(key, change);
    return change;
  }
}

/** What is shipped: nothing, or a level. Managed fields stand in bodies. */
function effectOf(verdict: Verdict, held: Held): string {
  const outcome = outcomeOf(verdict, held);
  if (outcome.kind === 'drop') return 'dropped';
  const known = LEVELS.find((level) => level === held.level) ?? 'RequestResponse';
  const level = outcome.kind === 'lower' ? outcome.level : known;
  const isWithout =
    outcome.omitManagedFields && (level === 'Request' || level === 'RequestResponse');
  return `${level}${isWithout ? ' without managed fields' : ''}`;
}

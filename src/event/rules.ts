/**
 * What is done to events before they leave: the audit policy says which go, and how much of them; the rewriter takes
 * secrets out and gives bodies their shape. It decides once for all events with the same subject. Pure; knows no files.
 */
import { BODIES } from './bodies.ts';
import { mayHaveSecret, type Answer, type Core, type Field, type Ruling } from './core.ts';
import { attributesOf, heldBy, type Attributes } from './policy/attributes.ts';
import { outcomeOf, type Outcome } from './policy/outcome.ts';
import { judge, judgeWithoutName, type Policy, type Verdict } from './policy/policy.ts';
import { isQuotingCode } from './rewrite/event-editor.ts';
import type { Plan } from './rewrite/plan.ts';
import type { Concern, Rewriter, What, Wish } from './rewrite/rewriter.ts';
import type { Fate, Rules } from './transcoder.ts';

export interface RuleSet {
  /** Undefined where every event goes out. */
  readonly policy: Policy | undefined;
  readonly rewriter: Rewriter;
}

/** What becomes of an event: it goes as it is, unless its URI holds a secret; it stays; it is changed. */
type Decision = { readonly kind: 'go'; readonly plan: Plan } | KeptBack;

type KeptBack =
  | { readonly kind: 'filter'; readonly reason: string }
  | { readonly kind: 'rewrite'; readonly plan: Plan };

/** It depends on a name or a path: each event is asked. */
const ASK = 'ask';
/** Users times verbs times resources times namespaces. Each takes some 400 bytes. */
const DECISIONS_MAX = 20_000;
/** Decisions about longer paths are not remembered. */
const PATH_BYTES_MAX = 100;
const WHOLE: Wish = { level: undefined, omitManagedFields: false };

export class EventRules implements Rules {
  /** Undefined where all events go out as they are. */
  #ruleSet: RuleSet | undefined;
  #ruling: Ruling | undefined;
  readonly #decisions = new Map<string, Decision | typeof ASK>();
  /** Of the event that was kept back last. */
  #last: { readonly decision: KeptBack; readonly core: Core } | undefined;

  constructor(ruleSet: RuleSet | undefined) {
    this.#ruleSet = ruleSet;
    this.#ruling = this.#makeRuling();
  }

  get ruling(): Ruling | undefined {
    return this.#ruling;
  }

  /** From now on other rules hold. */
  use(ruleSet: RuleSet | undefined): void {
    this.#ruleSet = ruleSet;
    this.#decisions.clear();
    this.#ruling = this.#makeRuling();
  }

  fateOf(start: number, end: number): Fate {
    const last = this.#last;
    const ruleSet = this.#ruleSet;
    if (last === undefined || ruleSet === undefined) throw new Error('no event was kept back');
    const { decision, core } = last;
    if (decision.kind === 'filter') return { kind: 'filtered', reason: decision.reason };
    const event = { bytes: core.slab, start, end, known: core };
    const { line, redacted } = ruleSet.rewriter.edit(event, decision.plan);
    return { kind: 'rewritten', line, isRedacted: redacted > 0 };
  }

  invalid(bytes: Buffer, isBeginning: boolean): Buffer {
    return this.#ruleSet?.rewriter.rewriteInvalid(bytes, isBeginning).bytes ?? bytes;
  }

  /** A new one for each set of rules: it is how cores notice that what they remember holds no longer. */
  #makeRuling(): Ruling | undefined {
    const ruleSet = this.#ruleSet;
    if (ruleSet === undefined) return undefined;
    const { policy, rewriter } = ruleSet;
    const rule = (subject: string, core: Core): Answer => this.#rule(subject, core, ruleSet);
    const isEarly = policy === undefined && rewriter.concernsBodies;
    return { rule, asksWho: policy !== undefined, goEarly: isEarly ? isHarmless : undefined };
  }

  #rule(subject: string, core: Core, ruleSet: RuleSet): Answer {
    const known = this.#decisions.get(subject) ?? this.#remember(subject, core, ruleSet);
    const decision = known === ASK ? this.#decideByName(subject, core, ruleSet) : known;
    if (decision.kind !== 'go') return this.#keepBack(decision, core);
    if (subject === '') {
      if (!hasSecretInUri(core, ruleSet.rewriter)) return 'go';
    } else if (!ruleSet.rewriter.redactsUris || !mayHaveSecret(subject)) {
      return known === ASK ? 'go' : 'all-go';
    }
    return this.#keepBack({ kind: 'rewrite', plan: decision.plan }, core);
  }

  #keepBack(decision: KeptBack, core: Core): Answer {
    this.#last = { decision, core };
    return 'stop';
  }

  /** Not where there is no subject: each such event is asked. */
  #remember(subject: string, core: Core, ruleSet: RuleSet): Decision | typeof ASK {
    if (subject === '') return ASK;
    const decision = decide(core, attributesOf(core), ruleSet);
    this.#keep(subject, decision);
    return decision;
  }

  /** A request that is about no resource is judged by its path: of those there are few, unless somebody makes them up. */
  #decideByName(subject: string, core: Core, ruleSet: RuleSet): Decision {
    const path = subject === '' ? undefined : pathOfNoResource(core);
    if (path === undefined) return decideByName(core, ruleSet);
    // No subject is like that: it ends where its last part does.
    const key = subject + path;
    const known = this.#decisions.get(key);
    if (known !== undefined && known !== ASK) return known;
    const decision = decideByName(core, ruleSet);
    this.#keep(key, decision);
    return decision;
  }

  #keep(key: string, decision: Decision | typeof ASK): void {
    if (this.#decisions.size >= DECISIONS_MAX) this.#decisions.clear();
    this.#decisions.set(key, decision);
  }
}

/** As it stands in JSON, with its quote; undefined for what is about a resource, and for what is too long to remember. */
function pathOfNoResource(core: Core): string | undefined {
  const uri = core.member('requestURI');
  if (uri === undefined || core.member('objectRef') !== undefined) return undefined;
  const start = core.slab.toString(
    'latin1',
    uri.value,
    Math.min(uri.end, uri.value + PATH_BYTES_MAX),
  );
  const query = start.indexOf('?');
  if (query === -1) return uri.end - uri.value < PATH_BYTES_MAX ? start : undefined;
  return start.slice(0, query);
}

/** For all events with the same subject, where that is possible. */
function decide(
  core: Core,
  attributes: Attributes,
  { policy, rewriter }: RuleSet,
): Decision | typeof ASK {
  const verdict = policy && judgeWithoutName(policy, attributes);
  const isOpen = policy !== undefined && verdict === undefined;
  return isOpen ? ASK : decisionOf(core, attributes, verdict, rewriter);
}

function decideByName(core: Core, { policy, rewriter }: RuleSet): Decision {
  const attributes = attributesOf(core);
  return decisionOf(core, attributes, policy && judge(policy, attributes), rewriter);
}

function decisionOf(
  core: Core,
  attributes: Attributes,
  verdict: Verdict | undefined,
  rewriter: Rewriter,
): Decision {
  const outcome = verdict && outcomeOf(verdict, heldBy(core));
  if (outcome?.kind === 'drop') return { kind: 'filter', reason: reasonOf(outcome.why, verdict) };
  const what = whatOf(attributes);
  const wish = wishOf(outcome);
  const isChanged = isConcerned(core, rewriter.concerns(what, wish));
  return { kind: isChanged ? 'rewrite' : 'go', plan: rewriter.planFor(what, wish) };
}

/** Whether nothing of it is changed, whatever it is about, by a rewriter that is concerned with bodies. */
function isHarmless(subject: string, core: Core): boolean {
  return !mayHaveSecret(subject) && !isConcerned(core, 'quotes');
}

function isConcerned(core: Core, concern: Concern): boolean {
  if (concern === 'never' || concern === 'always') return concern === 'always';
  // Above Metadata other fields may hold parts of a body.
  const mayHoldBodies = heldBy(core).level !== 'Metadata';
  if (mayHoldBodies || BODIES.some((field) => core.member(field) !== undefined)) return true;
  return concern === 'quotes' && mayQuote(core);
}

/** Whether what is said of the request's outcome may quote what was sent. */
function mayQuote(core: Core): boolean {
  const status = textOf(core, 'responseStatus');
  if (status === undefined) return false;
  const { code } = { ...(JSON.parse(status) as { readonly code?: unknown }) };
  return isQuotingCode(code);
}

function hasSecretInUri(core: Core, rewriter: Rewriter): boolean {
  const uri = core.member('requestURI');
  return uri !== undefined && rewriter.concernsUri(core.slab.subarray(uri.value, uri.end));
}

function textOf(core: Core, field: Field): string | undefined {
  const member = core.member(field);
  return member && core.slab.toString('utf8', member.value, member.end);
}

export function wishOf(outcome: Exclude<Outcome, { kind: 'drop' }> | undefined): Wish {
  if (outcome === undefined) return WHOLE;
  const level = outcome.kind === 'lower' ? outcome.level : undefined;
  return { level, omitManagedFields: outcome.omitManagedFields };
}

/** Bounded: as many as the policy has rules. */
function reasonOf(why: 'rule' | 'no-rule' | 'stage', verdict: Verdict | undefined): string {
  const rule = verdict?.rule === undefined ? 'no rule' : `rule ${verdict.rule}`;
  return why === 'stage' ? `${rule}, stage` : rule;
}

export function whatOf({ verb, resource }: Attributes): What {
  const { group = '', resource: name = '', subresource = '' } = resource ?? {};
  return { group, resource: name, subresource, verb, isResource: resource !== undefined };
}

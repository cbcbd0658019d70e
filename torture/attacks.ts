/**
 * What happens to agents and receivers, when, and how often: chance with a seed. Knows nothing of what becomes of events.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '../src/commands/simulate/random.ts';
import { GRACE_MS, type Agents } from './agents.ts';
import type { Plan, Range } from './options.ts';
import type { Receivers } from './receivers.ts';

export interface Attacks {
  killed: number;
  terminated: number;
  frozen: number;
  receiverKilled: number;
  refused: number;
  receiverFrozen: number;
  swallowed: number;
}

export interface Attacked {
  readonly plan: Plan;
  readonly seed: number;
  readonly agents: Agents;
  readonly receivers: Receivers;
  /** For how long what has no checkpoint will be on disk (ms). */
  readonly sparedMs: () => number;
  readonly signal: AbortSignal;
  /** Told what goes wrong; it aborts the signal. */
  readonly fail: (error: Error) => void;
}

const ASK_EVERY_MS = 10;
/** Of five attacks on an agent three are SIGKILL. */
const ON_AGENT = ['kill', 'kill', 'kill', 'terminate', 'freeze'] as const;
const WHAT = { kill: 'killed', terminate: 'terminated', freeze: 'frozen' } as const;
/** Of the time that is left: the rest is for what the machine does besides. */
const AFFORDABLE_PART = 0.8;
/** One of so many agents is killed again while it starts. */
const AGAIN_ONE_IN = 4;
const AGAIN_MS: Range = { least: 20, most: 300 };
const ON_RECEIVER = ['kill', 'kill', 'refuse', 'freeze', 'swallow'] as const;
const LONG_REFUSAL_ONE_IN = 3;

/** Goes on until the signal; at the end an agent and a receiver work. */
export async function attack(attacked: Attacked): Promise<Attacks> {
  const attacks: Attacks = {
    killed: 0,
    terminated: 0,
    frozen: 0,
    receiverKilled: 0,
    refused: 0,
    receiverFrozen: 0,
    swallowed: 0,
  };
  const attacking = [attackAgents(attacked, attacks), attackReceivers(attacked, attacks)];
  // Both have ended when it returns, whatever happens to one of them.
  const fail = (error: unknown): void => {
    attacked.fail(new Error('an attack failed', { cause: error }));
  };
  await Promise.all(attacking.map((one) => one.catch(fail)));
  return attacks;
}

/** What is done to an agent, decided before it is waited for the right moment. */
interface AgentAttack {
  readonly what: (typeof ON_AGENT)[number];
  /** Until it goes on, or the next agent is started. */
  readonly awayMs: number;
  /** How long the next agent lives; undefined: until the next attack. */
  readonly againMs: number | undefined;
}

async function attackAgents(attacked: Attacked, attacks: Attacks): Promise<void> {
  const { plan, agents, seed, signal } = attacked;
  const random = createRandom(seed);
  for (const what of dealt(ON_AGENT, random)) {
    await pause(random, plan.agentEveryMs, signal);
    const next = agentAttack(random, plan, what);
    await untilAffordable(attacked, next);
    if (signal.aborted) return;
    await attackAgent(agents, next, attacks);
  }
}

function agentAttack(random: Random, plan: Plan, what: AgentAttack['what']): AgentAttack {
  if (what === 'freeze') {
    return { what, awayMs: between(random, plan.agentFrozenMs), againMs: undefined };
  }
  const awayMs = between(random, plan.agentAwayMs);
  const isAgain = random.below(AGAIN_ONE_IN) === 0;
  return { what, awayMs, againMs: isAgain ? between(random, AGAIN_MS) : undefined };
}

async function attackAgent(agents: Agents, next: AgentAttack, attacks: Attacks): Promise<void> {
  const { what, awayMs, againMs } = next;
  attacks[WHAT[what]] += 1;
  if (what === 'freeze') agents.freeze();
  else if (what === 'kill') await agents.kill();
  else await agents.stop();
  await delay(awayMs);
  if (what === 'freeze') agents.thaw();
  else agents.start();
  if (againMs === undefined) return;
  await delay(againMs);
  attacks.killed += 1;
  await agents.kill();
  agents.start();
}

/**
 * A killed agent's descriptors are gone, and with them what was deleted. Whatever has no checkpoint must still be there
 * when the next agent comes.
 */
async function untilAffordable(attacked: Attacked, next: AgentAttack): Promise<void> {
  const { plan, agents, sparedMs, signal } = attacked;
  while (plan.isSparing && !signal.aborted) {
    if (tookMs(next, agents.startMs) <= sparedMs() * AFFORDABLE_PART) return;
    await delay(ASK_EVERY_MS);
  }
}

/** Until the agent reads for which it is over. */
function tookMs({ what, awayMs, againMs }: AgentAttack, startMs: number): number {
  if (what === 'freeze') return awayMs;
  const onceMs = (what === 'terminate' ? GRACE_MS : 0) + awayMs + startMs;
  return againMs === undefined ? onceMs : onceMs + againMs + startMs;
}

async function attackReceivers(attacked: Attacked, attacks: Attacks): Promise<void> {
  const { plan, receivers, seed, signal } = attacked;
  const random = createRandom(seed + 1);
  for (const what of dealt(ON_RECEIVER, random)) {
    await pause(random, plan.receiverEveryMs, signal);
    if (signal.aborted) return;
    if (what === 'freeze') {
      attacks.receiverFrozen += 1;
      receivers.freeze();
      await delay(between(random, plan.receiverFrozenMs));
      receivers.thaw();
      continue;
    }
    if (what === 'swallow') {
      attacks.swallowed += 1;
      receivers.swallow();
      await delay(between(random, plan.swallowMs));
    }
    attacks.receiverKilled += 1;
    await receivers.kill();
    if (what === 'refuse') {
      attacks.refused += 1;
      const isLong = random.below(LONG_REFUSAL_ONE_IN) === 0;
      await delay(between(random, isLong ? plan.longRefusalMs : plan.refusalMs));
    }
    await receivers.start();
  }
}

/** For ever, as cards are dealt: each kind as often as it stands in the list, whatever chance has in mind. */
function* dealt<T>(list: readonly T[], random: Random): Generator<T> {
  for (;;) {
    const left = [...list];
    while (left.length > 0) yield* left.splice(random.below(left.length), 1);
  }
}

function between(random: Random, { least, most }: Range): number {
  return least + random.next() * (most - least);
}

async function pause(random: Random, range: Range, signal: AbortSignal): Promise<void> {
  await delay(between(random, range), undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

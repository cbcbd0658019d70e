/**
 * Whether the agent lives, and whether it can do its work. Pure. A receiver that is down makes it neither dead nor
 * unready: to start it anew would help nobody, and a rollout must not hang on it.
 */
import type { Trouble, Vitals } from './vitals.ts';

/**
 * Something is to be delivered, and for so long no attempt has begun or ended. The longest deadline of an attempt is an
 * hour, the longest pause between two 30 s.
 */
const STUCK_SECONDS = 2 * 60 * 60;

/** Why it should be started anew; nothing when it lives. That it answers at all shows that its event loop turns. */
export function reasonsDead({ stuckSeconds }: Vitals): readonly string[] {
  if (stuckSeconds < STUCK_SECONDS) return [];
  return [
    `nothing has moved for ${Math.round(stuckSeconds)} s although something is to be delivered`,
  ];
}

/** Why it cannot do its work; nothing when it can. */
export function reasonsUnready({ troubles, checkpoint }: Vitals): readonly string[] {
  const reading = troubles.map(inWords);
  const failing = checkpoint?.failing;
  if (failing === undefined) return reading;
  return [...reading, `checkpoints cannot be saved: ${failing}`];
}

/** What does not keep it from being ready, and should be known. */
export function remarks({ upstreams, slowed }: Vitals): readonly string[] {
  const down = upstreams.filter(({ isUp }) => !isUp);
  return [...down.map(({ name }) => `receiver ${name} is down`), ...slowed.map(inWords)];
}

function inWords({ path, message, since }: Trouble): string {
  return `${path}: ${message} (since ${since})`;
}

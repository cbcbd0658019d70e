/**
 * Waits for a condition by asking again and again: what another process does has no event to wait for. Knows
 * nothing of what is waited for.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Far above what anything here takes on a busy machine: it only ends a test that would wait for ever. */
const DEADLINE_MS = 30_000;
const ASK_EVERY_MS = 5;

/**
 * Resolves with the first answer that is neither undefined nor false.
 * @param what completes the sentence "waited in vain for …".
 * @param failure asked each time as well: an error that makes further waiting useless.
 * @param deadlineMs longer, for what takes its time by design.
 */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  failure?: () => Error | undefined,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    const error = failure?.();
    if (error !== undefined) throw new Error(`waited in vain for ${what}`, { cause: error });
    if (performance.now() > deadline) {
      throw new Error(`waited in vain for ${what}: not within ${deadlineMs / 1000} s`);
    }
    await delay(ASK_EVERY_MS);
  }
}

/**
 * Whether events go out as they are: the host says so, and is not asked again about events that all go. It knows no rule.
 */
import { gather, isRemembered, remember } from './subject';

/** Answers of the host. */
const STOP: i32 = 0;
/** All events with this subject go out as they are. */
const ALL_GO: i32 = 2;

/** Asks about the event that was written last. @param bytes how many its subject has; 0 where it has none. */
declare function askAbout(bytes: usize): i32;

/** Of the event that was written last. */
export function goesAsItIs(): bool {
  const bytes = gather();
  if (isRemembered(bytes)) return true;
  const answer = askAbout(bytes);
  if (answer === ALL_GO) remember(bytes);
  return answer !== STOP;
}

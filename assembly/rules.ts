/**
 * Whether events go out as they are: the host says so, and is not asked again about events that all go. It knows no rule.
 */
import { early, gather, gatherEarly, recall, remember } from './subject';

/** Answers of the host. */
const STOP: i32 = 0;
/** All events with this subject go out as they are. */
const ALL_GO: i32 = 2;
/** Of what is asked first: the whole subject decides. */
const LOOK_ON: i32 = 3;

/** Asks about the event that was written last. @param bytes how many its subject has; 0 where it has none. */
declare function askAbout(bytes: usize): i32;
/** The same of what is asked first, which is never empty. */
declare function askEarly(bytes: usize): i32;

/** Of the event that was written last. */
export function goesAsItIs(): bool {
  if (early > 0 && goesEarly()) return true;
  const bytes = gather();
  if (recall(bytes) === ALL_GO) return true;
  const answer = askAbout(bytes);
  if (answer === ALL_GO) remember(bytes, answer);
  return answer !== STOP;
}

/** Most events are told to be harmless by little. */
function goesEarly(): bool {
  const bytes = gatherEarly();
  if (bytes === 0) return false;
  let answer = recall(bytes);
  if (answer === 0) {
    answer = askEarly(bytes);
    remember(bytes, answer);
  }
  return answer !== LOOK_ON;
}

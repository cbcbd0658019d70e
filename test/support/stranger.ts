/**
 * Does something without root's rights: root reads every file, and tests often run as root. Knows nothing of files.
 */

/** The user "nobody" of most systems; any user without rights will do. */
const NOBODY_UID = 65_534;

/** Runs a function that does not wait for anything, as a user who owns nothing when the process is root. */
export function asStranger<T>(act: () => T): T {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(NOBODY_UID);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}

/**
 * The known word nearest to a misspelt one. Pure; knows no keys.
 */

/** Longest word that is compared: the work grows with the square, and every known word is far shorter. */
const WORD_CHARS_MAX = 64;

/**
 * The candidate with the fewest typing errors, or undefined when none is near: at most one error for each
 * three characters. Case, dashes and underscores do not count (`maxEventBytes`, `max-event-bytes`).
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = squash(word);
  if (wanted.length === 0 || wanted.length > WORD_CHARS_MAX) return undefined;
  let best: string | undefined;
  let bestErrors = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const errors = typingErrors(wanted, squash(candidate));
    if (errors < bestErrors) {
      best = candidate;
      bestErrors = errors;
    }
  }
  return best;
}

/** `; did you mean "x"?`, or nothing when no candidate is near. */
export function nearestHint(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found === undefined ? '' : `; did you mean "${found}"?`;
}

function squash(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, '');
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. */
function typingErrors(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let errors = Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (i > 1 && j > 1 && swapped) errors = Math.min(errors, (beforePrevious[j - 2] ?? 0) + 1);
      row.push(errors);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

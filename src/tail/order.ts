/**
 * In which order the generations of a log are read: oldest first. Pure; it knows what their names say of their age, and
 * in which order they were found.
 */
import { compareAge, type Age } from './names.ts';

/** As much of a generation as order takes. */
interface Ordered {
  readonly age: Age;
  readonly isActive: boolean;
  readonly position: number;
  /** Where it is on disk; nowhere, once it is deleted. */
  readonly places: readonly unknown[];
  /** Its open file. */
  readonly harvester: unknown;
}

/** For a stable sort of what stands in the order of its finding. */
function oldestFirst(a: Ordered, b: Ordered): number {
  return compareAge(a.age, b.age);
}

/** A numbered backup that is deleted by now was older than what is there: its number says nothing any more. */
function hasAge({ places, age }: Ordered): boolean {
  return places.length > 0 || age.backup?.kind !== 'numbered';
}

/**
 * At the start the names decide. What is remembered and was not found has no name that says anything: it comes first,
 * apart from the others, whose order it would upset.
 */
export function inFirstOrder<G extends Ordered>(all: readonly G[]): G[] {
  const isFound = ({ places, harvester }: G): boolean =>
    places.length > 0 || harvester !== undefined;
  return sortedLast(all, (one) => isFound(one) && hasAge(one));
}

/**
 * What is fresh is younger than what was known, whatever became of the names; among what is fresh the names decide. The
 * active file comes last, also when it was known before, as long as nothing was read of it.
 */
export function inReadingOrder<G extends Ordered>(all: readonly G[], fresh: ReadonlySet<G>): G[] {
  return sortedLast(all, (one) => {
    return (fresh.has(one) && hasAge(one)) || (one.isActive && one.position === 0);
  });
}

function sortedLast<G extends Ordered>(all: readonly G[], isSorted: (one: G) => boolean): G[] {
  return [...all.filter((one) => !isSorted(one)), ...all.filter(isSorted).sort(oldestFirst)];
}

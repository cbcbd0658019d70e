/**
 * What is wanted of the places in a value, as a tree of keys: which are redacted, which are left out, which hold JSON
 * in a text. It says nothing about bytes. Pure.
 */

/** Every member of a map, and every element of a list. */
export const EACH = Symbol('each');
/** How to get to a place: a key, or EACH. */
export type Step = string | typeof EACH;

/** What a value must be for the places below it to mean anything; another one, but null, is redacted whole. */
type Shape = 'object' | 'container';

export class Place {
  readonly members = new Map<string, Place>();
  /** For keys that begin so, and are no member. */
  readonly beginnings: [beginning: string, place: Place][] = [];
  /** For all other keys. */
  others: Place | undefined;
  /** For each element, and for each member besides what its key says. */
  each: Place | undefined;
  action: 'none' | 'redact' | 'remove' = 'none';
  shape: Shape | undefined;
  /** An array here is a JSON patch: its operations are about the places below. */
  isBody = false;
  /** A string here is JSON, in which these places are; undefined where a string is a string. */
  text: Place | undefined;

  /** The place behind these steps; it is made when it is not there. */
  at(...steps: readonly Step[]): Place {
    return steps.reduce<Place>(
      (place, step) => (step === EACH ? place.#each() : place.#member(step)),
      this,
    );
  }

  redact(...steps: readonly Step[]): void {
    this.at(...steps).action = 'redact';
  }

  #each(): Place {
    this.each ??= new Place();
    return this.each;
  }

  #member(key: string): Place {
    const known = this.members.get(key);
    if (known !== undefined) return known;
    const made = new Place();
    this.members.set(key, made);
    return made;
  }

  /** What a key leads to, besides `each`. */
  named(key: string): Place | undefined {
    const known = this.members.get(key);
    if (known !== undefined) return known;
    for (const [beginning, place] of this.beginnings) {
      if (key.startsWith(beginning)) return place;
    }
    return this.others;
  }
}

/** Several places at once: trees that have nothing to do with each other, looked at on one way through a value. */
export type Places = readonly Place[];

export const NOWHERE: Places = [];

export function member(places: Places, key: string): Places {
  // For each key of a body: arrays are made for what is found only.
  const found: Place[] = [];
  for (const place of places) {
    const named = place.named(key);
    if (named !== undefined) found.push(named);
    if (place.each !== undefined) found.push(place.each);
  }
  return found.length === 0 ? NOWHERE : found;
}

export function element(places: Places): Places {
  return places.flatMap((place) => place.each ?? []);
}

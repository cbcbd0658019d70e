/**
 * The one key that is added to an event, `shipper`: the user's fields, and the event's coordinates. Pure; how it is
 * written is up to each format.
 */
import type { Block } from './block.ts';

/** The name of the key. */
export const SHIPPER_KEY = 'shipper';

export interface ShipperOptions {
  readonly fields: Readonly<Record<string, string>>;
  /** Adds `file`, `offset` and `id`. A line that is no event has them in any case. */
  readonly coordinates: boolean;
}

/** Where an event stands. `file` is the log's active path: it is the same whenever the event is shipped. */
export interface Coordinates {
  readonly file: string;
  readonly fingerprint: string;
  /** Of the event's first byte, in decompressed content. */
  readonly offset: number;
}

/** A number is never negative and has no fraction. */
export type Pair = readonly [key: string, value: string | number];

/** What `shipper` holds: first what is shared, then its own. */
export interface Pairs {
  /** The same array for all events of a file in a row: a format may write it once and copy it. */
  readonly shared: readonly Pair[];
  readonly own: readonly Pair[];
}

/** Says what `shipper` holds, for many events. */
export class Shipper {
  readonly #coordinates: boolean;
  readonly #fields: readonly Pair[];
  /** The fields and the last file. */
  #located: { readonly file: string; readonly pairs: readonly Pair[] } | undefined;

  constructor({ fields, coordinates }: ShipperOptions) {
    this.#coordinates = coordinates;
    this.#fields = Object.entries(fields);
  }

  /** Whether events are changed at all. */
  get addsToEvents(): boolean {
    return this.#coordinates || this.#fields.length > 0;
  }

  forEvent(at: Coordinates): Pairs {
    if (!this.#coordinates) return { shared: this.#fields, own: [] };
    return { shared: this.#fieldsAndFile(at.file), own: ownPairs(at) };
  }

  /** For bytes that are no event: always with coordinates and what is wrong. */
  forInvalid(at: Coordinates, extra: Readonly<Record<string, string>>): Pairs {
    const own = [...ownPairs(at), ...Object.entries(extra)];
    return { shared: this.#fieldsAndFile(at.file), own };
  }

  #fieldsAndFile(file: string): readonly Pair[] {
    if (this.#located?.file !== file) {
      this.#located = { file, pairs: [...this.#fields, ['file', file]] };
    }
    return this.#located.pairs;
  }
}

/** Where the line stands that begins at `start` in the block. */
export function coordinatesIn(block: Block, start: number): Coordinates {
  return { file: block.log, fingerprint: block.fingerprint, offset: block.start + start };
}

/** `id` is `<fingerprint>-<offset>`: the same event has the same one whenever and from wherever it is shipped. */
function ownPairs({ fingerprint, offset }: Coordinates): readonly Pair[] {
  return [
    ['offset', offset],
    ['id', `${fingerprint}-${offset}`],
  ];
}

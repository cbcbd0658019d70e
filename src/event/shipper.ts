/**
 * The one key that is added to an event, `shipper`: the user's fields, and the event's coordinates. Pure; how it is
 * written is up to each format.
 */
import type { Block } from './block.ts';

/** The name of the key. */
export const SHIPPER_KEY = 'shipper';
/** The names of what differs from event to event. */
export const OFFSET_KEY = 'offset';
export const ID_KEY = 'id';

export interface ShipperOptions {
  readonly fields: Readonly<Record<string, string>>;
  /** Adds `file`, `offset` and `id`. A line that is no event has them in any case. */
  readonly coordinates: boolean;
}

export type TextPair = readonly [key: string, value: string];
/** A number is never negative and has no fraction. */
export type Pair = TextPair | readonly [key: string, value: number];

/** Paths have at most 4,096 bytes, and in JSON a byte takes at most 6. */
const MAX_PATH_BYTES = 6 * 4096;
/** The keys, and an id without its offset. */
const KEYS_BYTES = 1024;

export interface Coordinates {
  /** Path of the active file. */
  readonly log: string;
  readonly offset: number;
  readonly id: string;
}

/** Says what `shipper` holds. */
export class Shipper {
  /** Whether events get their coordinates. */
  readonly hasCoordinates: boolean;
  readonly #fields: readonly TextPair[];

  constructor({ fields, coordinates }: ShipperOptions) {
    this.hasCoordinates = coordinates;
    this.#fields = Object.entries(fields);
  }

  /** Whether events are changed at all. */
  get addsToEvents(): boolean {
    return this.hasCoordinates || this.#fields.length > 0;
  }

  /** What all events of a file share takes no more bytes than that, in any format. */
  get maxBytes(): number {
    return Buffer.byteLength(JSON.stringify(this.#fields)) + MAX_PATH_BYTES + KEYS_BYTES;
  }

  /** What all events of a file share: the user's fields, and with coordinates the log's active path. */
  shared(file: string): readonly TextPair[] {
    return this.hasCoordinates ? [...this.#fields, ['file', file]] : this.#fields;
  }

  /** For what is no event: always with coordinates, and with what is to be said of it. */
  forRecord(place: Coordinates, extra: readonly Pair[]): readonly Pair[] {
    const { log, offset, id } = place;
    return [...this.#fields, ['file', log], [OFFSET_KEY, offset], [ID_KEY, id], ...extra];
  }
}

/** `id` is `<fingerprint>-<offset>`: the same event has the same one whenever and from wherever it is shipped. */
export function idPrefix({ fingerprint }: Pick<Block, 'fingerprint'>): string {
  return `${fingerprint}-`;
}

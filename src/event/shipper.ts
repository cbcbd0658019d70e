/**
 * The one key that is added to an event, `shipper`: the user's fields, and the event's coordinates. Pure.
 */

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

/** Builds the texts of `shipper` for many events; what is the same for all of them is encoded once. */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #fields: string;

  constructor(options: ShipperOptions) {
    this.#options = options;
    const json = JSON.stringify(options.fields);
    this.#fields = json.slice(1, -1);
  }

  /** Whether events are changed at all. */
  get addsToEvents(): boolean {
    return this.#options.coordinates || this.#fields !== '';
  }

  /** `"shipper":{…}` for an event. */
  forEvent(at: Coordinates): string {
    const coordinates = this.#options.coordinates ? coordinatesOf(at) : '';
    return `"shipper":{${join(this.#fields, coordinates)}}`;
  }

  /** `"shipper":{…}` for bytes that are no event: always with coordinates and what is wrong. */
  forInvalid(at: Coordinates, extra: Readonly<Record<string, string>>): string {
    const rest = JSON.stringify(extra).slice(1, -1);
    return `"shipper":{${join(this.#fields, coordinatesOf(at), rest)}}`;
  }
}

/** `<fingerprint>-<offset>`: the same event has the same id whenever and from wherever it is shipped. */
function eventId(at: Coordinates): string {
  return `${at.fingerprint}-${at.offset}`;
}

function coordinatesOf(at: Coordinates): string {
  return `"file":${JSON.stringify(at.file)},"offset":${at.offset},"id":"${eventId(at)}"`;
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(',');
}

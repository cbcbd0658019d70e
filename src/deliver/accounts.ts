/**
 * The accounts of a run: what became of every byte and every event. Only sums; what to do about them is for others.
 */
import type { SettledAccounts } from './chunk.ts';

export interface Totals {
  /** Bytes of whole lines that were read and handed on. */
  readonly readBytes: number;
  /** Lines, good and bad ones. */
  readonly readEvents: number;
  readonly deliveredEvents: number;
  readonly deliveredBytes: number;
  readonly filteredEvents: number;
  readonly filteredBytes: number;
  /** Events that were read, by the rule that left them out; settled, they are filteredEvents. */
  readonly filteredBy: Readonly<Record<string, number>>;
  /** Events that were read of which a secret was taken out. */
  readonly redactedEvents: number;
  /** Kept aside, because no receiver takes them. */
  readonly deadLetterEvents: number;
  readonly deadLetterBytes: number;
  /** Left out unread because of `--from`. */
  readonly skippedBytes: number;
  /** Delivered, but no events: bad lines, whole. By reason. */
  readonly invalidLines: Readonly<Record<string, number>>;
  /** Handed on without their bodies, since they are longer than max_event_bytes. */
  readonly truncatedEvents: number;
  /** Deleted or overwritten before they were read. By reason. */
  readonly lostBytes: Readonly<Record<string, number>>;
  /** How often, also where nobody knows how much. By reason. */
  readonly losses: Readonly<Record<string, number>>;
  /** Settled, and in no account or in two: 0, or a stage counts wrongly. */
  readonly unaccountedBytes: number;
  /** By kind: `renamed`, `removed`, `cut`. */
  readonly rotations: Readonly<Record<string, number>>;
}

export class Accounts {
  #readBytes = 0;
  #readEvents = 0;
  #deliveredEvents = 0;
  #deliveredBytes = 0;
  #filteredEvents = 0;
  #filteredBytes = 0;
  readonly #filteredBy: Record<string, number> = {};
  #redactedEvents = 0;
  #deadLetterEvents = 0;
  #deadLetterBytes = 0;
  #skippedBytes = 0;
  readonly #invalidLines: Record<string, number> = {};
  #truncatedEvents = 0;
  readonly #lostBytes: Record<string, number> = {};
  readonly #losses: Record<string, number> = {};
  #unaccountedBytes = 0;
  readonly #rotations: Record<string, number> = {};

  read(bytes: number, events: number): void {
    this.#readBytes += bytes;
    this.#readEvents += events;
  }

  settled({ delivered, filtered, deadLettered }: SettledAccounts): void {
    this.#deliveredEvents += delivered.events;
    this.#deliveredBytes += delivered.bytes;
    this.#filteredEvents += filtered.events;
    this.#filteredBytes += filtered.bytes;
    this.#deadLetterEvents += deadLettered.events;
    this.#deadLetterBytes += deadLettered.bytes;
  }

  /** What rules did to events that were read. @param filtered how many events were left out, by the rule. */
  changed(filtered: ReadonlyMap<string, number>, redacted: number): void {
    for (const [rule, events] of filtered) {
      this.#filteredBy[rule] = (this.#filteredBy[rule] ?? 0) + events;
    }
    this.#redactedEvents += redacted;
  }

  invalid(reason: string): void {
    this.#invalidLines[reason] = (this.#invalidLines[reason] ?? 0) + 1;
  }

  truncated(): void {
    this.#truncatedEvents += 1;
  }

  skipped(bytes: number): void {
    this.#skippedBytes += bytes;
  }

  lost(bytes: number, reason: string): void {
    this.#lostBytes[reason] = (this.#lostBytes[reason] ?? 0) + bytes;
    this.#losses[reason] = (this.#losses[reason] ?? 0) + 1;
  }

  unaccounted(bytes: number): void {
    this.#unaccountedBytes += bytes;
  }

  rotated(kind: string): void {
    this.#rotations[kind] = (this.#rotations[kind] ?? 0) + 1;
  }

  /** Read and in no account yet. */
  get inFlightBytes(): number {
    const settled = this.#deliveredBytes + this.#filteredBytes + this.#deadLetterBytes;
    return this.#readBytes - settled;
  }

  totals(): Totals {
    return {
      readBytes: this.#readBytes,
      readEvents: this.#readEvents,
      deliveredEvents: this.#deliveredEvents,
      deliveredBytes: this.#deliveredBytes,
      filteredEvents: this.#filteredEvents,
      filteredBytes: this.#filteredBytes,
      filteredBy: { ...this.#filteredBy },
      redactedEvents: this.#redactedEvents,
      deadLetterEvents: this.#deadLetterEvents,
      deadLetterBytes: this.#deadLetterBytes,
      skippedBytes: this.#skippedBytes,
      invalidLines: { ...this.#invalidLines },
      truncatedEvents: this.#truncatedEvents,
      lostBytes: { ...this.#lostBytes },
      losses: { ...this.#losses },
      unaccountedBytes: this.#unaccountedBytes,
      rotations: { ...this.#rotations },
    };
  }
}

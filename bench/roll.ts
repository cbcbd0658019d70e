/**
 * Calls the roll of the events of an input: each has a number in its auditID, and who got them says which were missing
 * and which came twice. Also how a number that is a time becomes a latency. Pure.
 */

/** The events carry numbers from 1 to this one. */
export interface RollCall {
  readonly missing: number;
  readonly repeated: number;
  /** Numbers that no event has. */
  readonly unknown: number;
}

/** An auditID has 36 characters, the number is written in the last 12, in hexadecimal. */
const ID_LENGTH = 36;
const DIGITS = 12;

/** What stands before an auditID. */
const BEFORE = {
  json: Buffer.from('"auditID":"'),
  /** The key, and the type and length of a str of 36 bytes. */
  msgpack: Buffer.from('a761756469744944d924', 'hex'),
} as const;

/** The numbers of all events in these bytes, which begin and end between two events. */
export function* numbersIn(bytes: Buffer, format: keyof typeof BEFORE): Generator<number> {
  const before = BEFORE[format];
  for (let at = bytes.indexOf(before); at !== -1; at = bytes.indexOf(before, at)) {
    at += before.length + ID_LENGTH;
    yield Number.parseInt(bytes.toString('latin1', at - DIGITS, at), 16);
  }
}

const START_OF_ID = '"auditID":"';

/** Where the digits of the number stand in a line of JSON; undefined in a line without an auditID. */
export function digitsIn(line: string): { readonly from: number; readonly to: number } | undefined {
  const at = line.indexOf(START_OF_ID);
  if (at === -1) return undefined;
  const to = at + START_OF_ID.length + ID_LENGTH;
  return { from: to - DIGITS, to };
}

export function digitsOf(number: number): string {
  return number.toString(16).padStart(DIGITS, '0');
}

/** The same line with another number. */
export function numbered(line: string, number: number): string {
  const digits = digitsIn(line);
  if (digits === undefined) throw new Error('a line without an auditID cannot be numbered');
  return line.slice(0, digits.from) + digitsOf(number) + line.slice(digits.to);
}

export class Roll {
  readonly #seen: Uint8Array;
  #repeated = 0;
  #unknown = 0;

  /** @param events how many there are. */
  constructor(events: number) {
    this.#seen = new Uint8Array(events + 1);
  }

  call(number: number): void {
    const seen = number === 0 ? undefined : this.#seen[number];
    if (seen === undefined) this.#unknown += 1;
    else if (seen === 1) this.#repeated += 1;
    else this.#seen[number] = 1;
  }

  result(): RollCall {
    const there = this.#seen.reduce((sum, seen) => sum + seen, 0);
    const missing = this.#seen.length - 1 - there;
    return { missing, repeated: this.#repeated, unknown: this.#unknown };
  }
}

/**
 * What was redacted of one event: how many values, and at which places, as text that an annotation can hold. The text
 * has bounds, whatever keys a client has chosen. Pure.
 */

/** More says nothing new: a list of a thousand Secrets has the same places again and again. */
const MAX_PATHS = 32;
/** The keys of a Secret have up to 253 characters; so many tell them apart. */
const MAX_KEY_CHARS = 64;
const MAX_PATH_CHARS = 512;
const CUT = '…';
/** A key that needs no brackets. */
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

export class Findings {
  #count = 0;
  #more = 0;
  readonly #paths = new Set<string>();
  /** Keys that lead to where we are; undefined for each element of a list. */
  readonly #steps: (string | undefined)[] = [];
  /** What they are as text, once somebody has asked. */
  #path: string | undefined;

  /** How many values. */
  get count(): number {
    return this.#count;
  }

  /** One more value. @param parameter of the URI. */
  add(parameter = ''): void {
    this.#count += 1;
    this.#path ??= this.#steps.map(stepOf).join('');
    const path = cut(this.#path + parameter, MAX_PATH_CHARS);
    if (this.#paths.has(path)) return;
    if (this.#paths.size < MAX_PATHS) this.#paths.add(path);
    else this.#more += 1;
  }

  /** What is added until `leave` is below this key; below each element of a list without one. */
  enter(key: string | undefined): void {
    this.#steps.push(key);
    this.#path = undefined;
  }

  leave(): void {
    this.#steps.pop();
    this.#path = undefined;
  }

  /** All places, for the annotation. */
  get text(): string {
    const more = this.#more === 0 ? [] : [`${CUT} and ${this.#more} more`];
    return [...this.#paths, ...more].join(', ');
  }
}

function stepOf(key: string | undefined, index: number): string {
  if (key === undefined) return '[*]';
  const short = cut(key, MAX_KEY_CHARS);
  if (!PLAIN_KEY.test(short)) return `[${JSON.stringify(short)}]`;
  return index === 0 ? short : `.${short}`;
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}${CUT}` : text;
}

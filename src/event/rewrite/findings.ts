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
  /** The path to each of the first ones of them: whoever adds a value needs all. */
  readonly #prefixes: string[] = [];
  /** The parameter that was added here last, and is told already: many URIs have the same one several times. */
  #last: string | undefined;

  /** How many values. */
  get count(): number {
    return this.#count;
  }

  /** One more value. @param parameter of the URI. */
  add(parameter = ''): void {
    this.#count += 1;
    if (parameter === this.#last) return;
    const path = cut(this.#prefix() + parameter, MAX_PATH_CHARS);
    if (this.#paths.has(path) || this.#paths.size < MAX_PATHS) {
      this.#paths.add(path);
      this.#last = parameter;
    } else {
      this.#more += 1;
    }
  }

  /** What is added until `leave` is below this key; below each element of a list without one. */
  enter(key: string | undefined): void {
    this.#steps.push(key);
    this.#last = undefined;
  }

  leave(): void {
    this.#steps.pop();
    if (this.#prefixes.length > this.#steps.length) this.#prefixes.pop();
    this.#last = undefined;
  }

  #prefix(): string {
    for (let index = this.#prefixes.length; index < this.#steps.length; index++) {
      const before = this.#prefixes[index - 1] ?? '';
      this.#prefixes.push(before + stepOf(this.#steps[index], index));
    }
    return this.#prefixes.at(-1) ?? '';
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

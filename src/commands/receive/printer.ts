/**
 * Lines to standard output, with an end to how much may wait for it, and word of when they are out. Knows nothing of
 * what a line says.
 */

/** The stream behind standard output, as far as it is needed here (process.stdout). */
export interface PrintStream {
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * Characters that may wait before nothing more is read from any sender: a reader of stdout that has stopped costs
 * this, and one message of each connection.
 */
const WAITING_CHARS_MAX = 1024 * 1024;

export class Printer {
  /** Resolves with why stdout takes nothing any more; what is printed after that goes nowhere. */
  readonly failed: Promise<Error>;
  readonly #stream: PrintStream;
  readonly #fail: (error: Error) => void;
  #hasFailed = false;
  /** Lines that no write has taken yet. */
  #lines: string[] = [];
  /** Characters of #lines and of the write under way. */
  #waitingChars = 0;
  /** The last write, which begins when those before it are over. */
  #writes: Promise<boolean> = Promise.resolve(true);

  constructor(stream: PrintStream) {
    let fail: (error: Error) => void = () => undefined;
    this.failed = new Promise((resolve) => (fail = resolve));
    this.#fail = (error) => {
      this.#hasFailed = true;
      fail(error);
    };
    this.#stream = stream;
    stream.on('error', this.#fail);
  }

  /** @param line without its newline. Lines that are printed in one go are written in one go. */
  print(line: string): void {
    this.#lines.push(line);
    this.#waitingChars += line.length + 1;
    if (this.#lines.length === 1) this.#writes = this.#writes.then(() => this.#writeLines());
  }

  /** Resolves when everything printed so far is out: true, or false when stdout has failed. */
  printed(): Promise<boolean> {
    return this.#writes;
  }

  /** Resolves when so little waits that more may be read, and when stdout has failed. */
  async room(): Promise<void> {
    while (this.#waitingChars > WAITING_CHARS_MAX && !this.#hasFailed) await this.#writes;
  }

  #writeLines(): Promise<boolean> {
    const text = `${this.#lines.join('\n')}\n`;
    this.#lines = [];
    if (this.#hasFailed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#stream.write(text, (error) => {
        this.#waitingChars -= text.length;
        if (error) this.#fail(error);
        resolve(!this.#hasFailed);
      });
    });
  }
}

/**
 * How far a command is that takes its time, on one line of a terminal that is written over and gone at the end. Knows
 * nothing of what is done.
 */
import { escapeControl } from '../../observe/terminal.ts';

/** What is quicker need not be watched. */
const PATIENCE_MS = 1000;
/** As often as a person reads a number. */
const EVERY_MS = 200;
const CLEAR_LINE = '\r\x1b[K';
const MEGABYTE = 1_000_000;
/** Of a terminal that does not say how wide it is, or says 0. */
const COLUMNS = 80;

/** Where it is shown: standard error. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Progress {
  readonly #screen: Screen;
  readonly #now: () => number;
  #nextMs: number;
  #isShown = false;

  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
    this.#nextMs = now() + PATIENCE_MS;
  }

  /** To be called often: the text is made only when it is shown. */
  say(text: () => string): void {
    if (this.#screen.isTTY !== true) return;
    const now = this.#now();
    if (now < this.#nextMs) return;
    this.#nextMs = now + EVERY_MS;
    this.#isShown = true;
    const { columns = 0 } = this.#screen;
    const room = (columns > 0 ? columns : COLUMNS) - 1;
    this.#screen.write(`${CLEAR_LINE}${cutStart(escapeControl(text()), room)}`);
  }

  /** Nothing of it is left on the screen. */
  end(): void {
    if (this.#isShown) this.#screen.write(CLEAR_LINE);
    this.#isShown = false;
  }
}

/** Of a path the end says most. */
function cutStart(text: string, columns: number): string {
  return text.length <= columns ? text : `…${text.slice(text.length - columns + 1)}`;
}

export function inMegabytes(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

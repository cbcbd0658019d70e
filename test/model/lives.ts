/**
 * The model: what was written to each generation of a log, line by line, and what the agent could know of it. It knows
 * no agent; whoever writes and whoever judges share it.
 */
import { createHash } from 'node:crypto';
import type { Inode } from '../sim/file-system.ts';

/** What must come out of it as one: an event, or what is left of one. */
export interface Unit {
  readonly start: number;
  /** Behind it, and behind the newline if it has one. */
  end: number;
  /** Of an event. */
  readonly number: number | undefined;
  /** Its end never came: it may be taken for text. */
  isTorn: boolean;
  /** It was written when a younger file was there already: order says nothing of it. */
  readonly isLate: boolean;
}

const NEWLINE = 10;
const FINGERPRINT_DIGITS = 32;

/** One generation: one life of one file, whatever its names. */
export class Life {
  /** Lives of a log are numbered in the order of their beginning. */
  readonly index: number;
  readonly log: string;
  /** All that was ever written to it, also what is cut off by now. */
  content = Buffer.alloc(0);
  readonly units: Unit[] = [];
  /** As the agent may call it: a line without its newline counts when nothing follows. */
  readonly fingerprints = new Set<string>();
  /** The files that hold it; of a gz all of it, once it is complete. */
  readonly places = new Set<Inode>();
  /** What the call under way has seen of it. */
  glimpse: { readonly bytes: number; readonly isIdentified: boolean } | undefined;
  /** As far as the agent that runs has seen it reach. */
  seenBytes = 0;
  /** Whether that agent has read its first line. */
  isIdentified = false;
  /** What was written behind it is destroyed, and nobody can have it. */
  keptBytes = Infinity;
  /** Its file was cut, and another life began in it. */
  wasCut = false;
  /** It began in a file that was cut. */
  beganInCutFile = false;
  /** Nobody can say what becomes of it: see README.md. */
  isUncertain = false;
  /** Whether it is no longer the active file. */
  hasEnded = false;
  /** The agent that held it open when its last name was taken away. */
  heldBy: number | undefined;

  constructor(index: number, log: string) {
    this.index = index;
    this.log = log;
  }

  get name(): string {
    return `${this.log}#${this.index}`;
  }

  /** Whether the bytes before this offset hold all of its first line. */
  hasFirstLine(end: number): boolean {
    return this.content.subarray(this.firstByte, end).includes(NEWLINE);
  }

  /** Whether it has begun, and its first line has not ended. */
  get hasTornFirstLine(): boolean {
    return this.units.length > 0 && !this.hasFirstLine(this.content.length);
  }

  /** Where its first line begins: behind a hole of NULs. */
  get firstByte(): number {
    return this.units[0]?.start ?? 0;
  }

  /** Where it begins to be written at: a writer that does not append leaves a hole. */
  skip(bytes: number): void {
    this.content = Buffer.alloc(bytes);
  }

  /** Begins a unit. @param number of an event; undefined for a text that is none. */
  begin(text: string, number: number | undefined): void {
    const start = this.content.length;
    this.units.push({ start, end: start, number, isTorn: false, isLate: this.hasEnded });
    this.goOn(text);
  }

  /** What follows belongs to the last unit. */
  goOn(text: string): void {
    this.content = Buffer.concat([this.content, Buffer.from(text)]);
    const last = this.units.at(-1);
    if (last !== undefined) last.end = this.content.length;
    if (this.content.at(-1) === NEWLINE) this.#learnName();
  }

  /** The rest of the last unit never comes. */
  tear(): void {
    const last = this.units.at(-1);
    if (last !== undefined && this.content.at(-1) !== NEWLINE) last.isTorn = true;
  }

  /** It is no longer the active file: what stands there is its first line, and its last. */
  end(): void {
    this.hasEnded = true;
    if (this.content.length > this.firstByte) this.#learnName();
  }

  #learnName(): void {
    const first = this.firstByte;
    const newline = this.content.indexOf(NEWLINE, first);
    const line = this.content.subarray(first, newline === -1 ? this.content.length : newline);
    const hash = createHash('sha256').update(line).digest('hex');
    this.fingerprints.add(hash.slice(0, FINGERPRINT_DIGITS));
  }

  /** Whether an offset is just behind a newline, or at the end. */
  isBoundary(offset: number): boolean {
    return (
      offset <= this.firstByte ||
      (this.hasEnded && offset === Math.min(this.content.length, this.keptBytes)) ||
      this.content[offset - 1] === NEWLINE
    );
  }

  /** Its end comes in the middle of a call of the agent: what that call has seen of it proves nothing. */
  vanish(): void {
    this.glimpse = undefined;
  }

  /** The call is over. */
  confirm(): void {
    if (this.glimpse === undefined) return;
    this.seenBytes = Math.max(this.seenBytes, this.glimpse.bytes);
    this.isIdentified ||= this.glimpse.isIdentified;
    this.glimpse = undefined;
  }

  /** A new agent knows what the checkpoints say, and nothing else. */
  forget(remembered: number | undefined): void {
    this.seenBytes = remembered ?? 0;
    this.isIdentified = remembered !== undefined;
  }
}

/** All lives of a run. */
export class Lives {
  readonly all: Life[] = [];
  readonly #byInode = new Map<Inode, Life>();

  begin(log: string, inode: Inode): Life {
    const life = new Life(this.all.length, log);
    this.all.push(life);
    this.place(life, inode);
    return life;
  }

  /** A file holds it from now on, and nothing else. */
  place(life: Life, inode: Inode): void {
    this.#byInode.get(inode)?.places.delete(inode);
    this.#byInode.set(inode, life);
    life.places.add(inode);
  }

  of(inode: Inode): Life | undefined {
    return this.#byInode.get(inode);
  }

  named(fingerprint: string): Life | undefined {
    return this.all.find(({ fingerprints }) => fingerprints.has(fingerprint));
  }
}

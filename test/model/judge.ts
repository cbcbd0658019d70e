/**
 * What must hold in every run, checked at every step and at the end (README.md has the list). It knows the model of
 * what was written, and hears what the agent reads, sends, saves and gives up.
 */
import type { Inode } from '../sim/file-system.ts';
import type { Entry } from './entries.ts';
import type { Kept } from './letters.ts';
import type { Life, Lives, Unit } from './lives.ts';

const NEWLINE = 10;

/** A property does not hold. */
export class Violation extends Error {}

export function demand(condition: boolean, property: string, what: () => string): void {
  if (!condition) throw new Violation(`${property}: ${what()}`);
}

/** What became of a unit. */
interface Fate {
  /** The agent that sent it last. */
  sentBy: number;
  /** That attempt has failed, or may have: it may come again. */
  failed: boolean;
  acked: boolean;
  lost: boolean;
  /** In which chunk it was sent last, and with how many others. */
  readonly chunk: string;
  readonly company: number;
}

/** As a checkpoint has it. */
export interface SavedPosition {
  readonly fingerprint: string;
  readonly offset: number;
  readonly size: number;
  /** By account: bytes, or events and bytes; what is zero may be missing. */
  readonly accounts?: Readonly<Record<string, number | { readonly bytes: number }>>;
}

/** Bytes that the agent gives up. */
export interface SeenLoss {
  readonly fingerprint: string;
  readonly start: number;
  readonly end: number;
  readonly reason: string;
}

export interface SeenSkip {
  readonly generation: number;
  readonly fingerprint: string;
  readonly start: number;
  readonly end: number;
}

export interface SeenBlock extends SeenSkip {
  readonly kind: string;
  readonly bytes: Uint8Array;
}

/** What may happen in a run, as far as it weakens a property. */
export interface Allowances {
  /** Files are out of sight or out of reach for a while: they are read late, or taken for deleted. */
  readonly hides: boolean;
  /** Ages that come from clocks and file times say nothing. */
  readonly reorders: boolean;
  /** Longer lines come without their bodies, or are kept as dead letters. */
  readonly maxEventBytes: number;
  /** More is sent at once only of a single line. */
  readonly chunkBytes: number;
  /** What was there before the first agent is left out. */
  readonly skips: boolean;
}

export class Judge {
  readonly #lives: Lives;
  readonly #allowances: Allowances;
  readonly #fates = new Map<Life, Map<number, Fate>>();
  /** Texts that are no events, by where they begin: how long they are. */
  readonly #texts = new Map<Life, Map<number, number>>();
  /** Up to where lives were left out. */
  readonly #skipped = new Map<Life, number>();
  /** Logs of which a checkpoint knew when the agent began, or that it has begun to read. */
  readonly #begun = new Set<string>();
  /** What dead letters keep. */
  readonly #kept = new Map<Life, Kept[]>();
  /** Of each log: how far the agent that runs has sent it. */
  readonly #sent = new Map<string, { life: number; offset: number }>();
  /** The offsets that the agent began with. */
  #remembered = new Map<string, number>();
  /** By generation, how far the agent that runs has read it. */
  readonly #read = new Map<number, number>();
  /** Bytes of each chunk that this agent sent. */
  readonly #chunks = new Map<string, Buffer>();
  readonly #glimpsed = new Set<Life>();
  /** Losses, as `<fingerprint>-<offset>`: those that the agent that runs knows of, and all that a receiver knows of. */
  readonly #lost = new Set<string>();
  readonly #told = new Set<string>();
  #hasLost = false;
  /** The agent that runs, counted from 1; 0 when none does. */
  agent = 0;
  #agents = 0;

  constructor(lives: Lives, allowances: Allowances) {
    this.#lives = lives;
    this.#allowances = allowances;
  }

  // --- agents come and go ---

  /** @param letters as they are on the disk */
  begin(saved: readonly SavedPosition[], letters: readonly Kept[]): void {
    this.#kept.clear();
    for (const letter of letters) this.kept(letter);
    this.agent = ++this.#agents;
    this.#read.clear();
    this.#chunks.clear();
    // What was not told is noticed anew.
    this.#lost.clear();
    this.#sent.clear();
    this.#begun.clear();
    this.#hasLost = false;
    this.#remembered = new Map(saved.map(({ fingerprint, offset }) => [fingerprint, offset]));
    for (const life of this.#lives.all) {
      const known = saved.find(({ fingerprint }) => life.fingerprints.has(fingerprint));
      life.forget(known?.size);
      if (known !== undefined) this.#begun.add(life.log);
    }
  }

  // --- what it looks at ---

  sawSize(inode: Inode, size: number): void {
    this.#glimpse(inode, size, 0);
  }

  sawBytes(inode: Inode, end: number): void {
    this.#glimpse(inode, 0, end);
  }

  #glimpse(inode: Inode, size: number, end: number): void {
    const life = this.#lives.of(inode);
    if (life === undefined) return;
    const { bytes = 0, isIdentified = false } = life.glimpse ?? {};
    life.glimpse = {
      bytes: Math.max(bytes, size),
      isIdentified: isIdentified || life.hasFirstLine(end),
    };
    this.#glimpsed.add(life);
  }

  /** No call is under way. */
  confirm(): void {
    for (const life of this.#glimpsed) life.confirm();
    this.#glimpsed.clear();
  }

  /** A block goes on its way. */
  took({ generation, fingerprint, start, end, kind, bytes }: SeenBlock): void {
    const life = this.#named(fingerprint);
    const read = this.#read.get(generation) ?? this.#remembered.get(fingerprint) ?? 0;
    const from = Math.max(read, life.firstByte);
    demand(start === from, 'no gap', () => `${life.name} is read from ${start}, not from ${from}`);
    const isSame =
      kind === 'reduced'
        ? this.#isReduced(life, start, end, bytes)
        : life.content.subarray(start, end).equals(bytes);
    demand(isSame, 'true bytes', () => `${life.name} ${start}-${end} was read as other bytes`);
    const isWhole = kind === 'part' || life.isBoundary(end);
    demand(isWhole, 'whole lines', () => `${life.name} is cut at ${end}`);
    this.#read.set(generation, end);
    this.#begun.add(life.log);
  }

  /** Bytes are left out: a hole, or what was there when the first agent came. */
  skipped({ generation, fingerprint, start, end }: SeenSkip): void {
    const life = this.#named(fingerprint);
    if (end <= life.firstByte) return;
    const what = (): string => `${life.name} ${start}-${end}`;
    demand(this.#allowances.skips && start === 0, 'leaves nothing out', what);
    demand(!this.#begun.has(life.log), 'leaves out only what was there before', what);
    demand(end <= life.content.length, 'true places', what);
    this.#read.set(generation, end);
    this.#skipped.set(life, Math.max(end, this.#skipped.get(life) ?? 0));
  }

  /** An event that is too long is still that event, and no longer too long. */
  #isReduced(life: Life, start: number, end: number, bytes: Uint8Array): boolean {
    const { maxEventBytes } = this.#allowances;
    const unit = life.units.find((one) => one.start === start && one.end === end);
    const { auditID } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { auditID?: string };
    const isShorter = end - start > maxEventBytes && bytes.length <= maxEventBytes;
    return isShorter && unit?.number !== undefined && auditID === String(unit.number);
  }

  /** @param underWay of the ledgers, where losses are under way, too. */
  counted(inFlightBytes: number, underWay: number): void {
    const isRight = this.#hasLost ? underWay >= inFlightBytes : underWay === inFlightBytes;
    demand(isRight, 'conservation', () => `${inFlightBytes} in flight, not ${underWay}`);
  }

  // --- what it sends ---

  /** A receiver has all of a chunk. @param id what the agent calls it @param agent who sent it, and may be gone */
  received(id: string, bytes: Buffer, entries: readonly Entry[], agent = this.agent): void {
    if (agent !== this.agent) {
      for (const entry of entries) this.#receivedLate(entry, agent);
      return;
    }
    const before = this.#chunks.get(id);
    const isSame = before === undefined || before.equals(bytes);
    demand(isSame, 'same bytes', () => `chunk ${id} is sent again with other bytes`);
    this.#chunks.set(id, bytes);
    const isFit = bytes.length <= this.#allowances.chunkBytes || !this.#hasLines(entries);
    demand(isFit, 'chunk size', () => `chunk ${id} has ${bytes.length} bytes`);
    for (const entry of entries) this.#receivedEntry(entry, id, entries.length);
  }

  /** Whether it is more than one line. */
  #hasLines([, ...further]: readonly Entry[]): boolean {
    return further.some(({ fingerprint, offset, lostBytes }) => {
      if (fingerprint === '' || lostBytes !== undefined) return false;
      return this.#named(fingerprint).isBoundary(offset);
    });
  }

  #receivedEntry(entry: Entry, chunk: string, company: number): void {
    // A file without a first line has no name.
    if (entry.fingerprint === '') return;
    if (entry.lostBytes !== undefined) {
      this.#told.add(`${entry.fingerprint}-${entry.offset}`);
      return;
    }
    const life = this.#named(entry.fingerprint);
    const { offset } = entry;
    if (entry.textBytes !== undefined) this.#textsOf(life).set(offset, entry.textBytes);
    const unit = life.units.find(({ start }) => start === offset);
    const isPart = life.units.some(({ start, end }) => start < offset && offset < end);
    if (unit === undefined) {
      const isRest = isPart && entry.textBytes !== undefined;
      demand(isRest, 'true places', () => `nothing begins at ${offset} of ${life.name}`);
      return;
    }
    const mayBeText = unit.isTorn || unit.end - unit.start > this.#allowances.maxEventBytes;
    const isIt = entry.number === unit.number || (mayBeText && entry.number === undefined);
    demand(isIt, 'true events', () => `${life.name} ${offset} is sent as event ${entry.number}`);
    this.#checkRepeat(life, unit, chunk, company);
    this.#fatesOf(life).set(offset, {
      sentBy: this.agent,
      failed: false,
      acked: false,
      lost: false,
      chunk,
      company,
    });
  }

  /** What a dead agent has sent. */
  #receivedLate({ fingerprint, offset, lostBytes }: Entry, agent: number): void {
    if (fingerprint === '' || lostBytes !== undefined) return;
    const fates = this.#fatesOf(this.#named(fingerprint));
    if (fates.has(offset)) return;
    const state = { failed: true, acked: false, lost: false, chunk: '', company: 0 };
    fates.set(offset, { sentBy: agent, ...state });
  }

  #checkRepeat(life: Life, unit: Unit, chunk: string, company: number): void {
    const fate = this.#fatesOf(life).get(unit.start);
    if (fate === undefined) {
      if (!unit.isLate) this.#checkOrder(life, unit.start);
      return;
    }
    const where = (): string => `${life.name} ${unit.start} is sent again`;
    if (fate.sentBy === this.agent) {
      demand(fate.failed, 'no needless repeats', where);
      // A chunk that no receiver takes is divided; the parts have names of their own.
      const isSame = fate.chunk === chunk || company < fate.company;
      demand(isSame, 'same ids', () => `${life.name} ${unit.start} is sent again in another chunk`);
    }
    const known = Math.max(
      0,
      ...[...life.fingerprints].map((name) => this.#remembered.get(name) ?? 0),
    );
    demand(unit.start >= known, 'no repeats before a checkpoint', where);
  }

  #checkOrder(life: Life, offset: number): void {
    const last = this.#sent.get(life.log);
    const isBehind =
      last === undefined ||
      last.life < life.index ||
      (last.life === life.index && last.offset < offset);
    const isLate = this.#allowances.reorders && last !== undefined && last.life > life.index;
    demand(
      isBehind || isLate,
      'order',
      () => `${life.name} ${offset} is sent after ${last?.life} ${last?.offset}`,
    );
    if (isBehind) this.#sent.set(life.log, { life: life.index, offset });
  }

  /** The attempt is over; the receiver may have it or not. */
  failed(entries: readonly Entry[]): void {
    for (const fate of this.#fatesOfEntries(entries)) fate.failed = true;
  }

  /** The receiver has said that it has it. */
  acknowledged(entries: readonly Entry[]): void {
    for (const fate of this.#fatesOfEntries(entries)) fate.acked = true;
  }

  #fatesOfEntries(entries: readonly Entry[]): readonly Fate[] {
    return entries.flatMap(({ fingerprint, offset }) => {
      if (fingerprint === '') return [];
      return this.#fatesOf(this.#named(fingerprint)).get(offset) ?? [];
    });
  }

  // --- what it gives up, and what it saves ---

  lost({ fingerprint, start: from, end, reason }: SeenLoss): void {
    this.#hasLost = true;
    if (fingerprint === '') return;
    const life = this.#named(fingerprint);
    this.#lost.add(`${fingerprint}-${from}`);
    const isThere = end <= life.content.length || life.wasCut || life.beganInCutFile;
    demand(
      isThere,
      'true losses',
      () => `${life.name} has no ${end} bytes, and they are counted lost`,
    );
    demand(
      life.heldBy !== this.agent || life.wasCut || life.beganInCutFile || reason === 'held_limit',
      'held until read',
      () => `${life.name} ${from}-${end} is counted lost, but was held open when it was deleted`,
    );
    const isKept = this.#isOnDisk(life, end) && !this.#allowances.hides;
    demand(!isKept, 'true losses', () => `${life.name} is counted lost from ${from}, but is there`);
    for (const unit of life.units) {
      if (unit.end <= from || unit.start >= end) continue;
      const fate = this.#fatesOf(life).get(unit.start);
      // Of a line that came in parts the last ones may be lost.
      const isMine = unit.start >= from && fate?.sentBy === this.agent && !this.#allowances.hides;
      demand(!isMine, 'one account', () => `${life.name} ${unit.start} is sent and counted lost`);
      const before = fate ?? { chunk: '', company: 0, acked: false };
      const lost = { ...before, sentBy: this.agent, failed: true, lost: true };
      this.#fatesOf(life).set(unit.start, lost);
    }
  }

  /** A dead letter is on the disk: it keeps a line, whole, that is too long. */
  kept(letter: Kept): void {
    const { fingerprint, start, end, bytes } = letter;
    const life = this.#named(fingerprint);
    const what = (): string => `${life.name} ${start}-${end}`;
    demand(life.content.subarray(start, end).equals(bytes), 'true letters', what);
    demand(
      life.units.some((unit) => unit.start === start),
      'true letters',
      what,
    );
    const newline = life.content.indexOf(NEWLINE, start);
    const lineEnd = newline === -1 ? life.content.length : newline + 1;
    demand(lineEnd - start > this.#allowances.maxEventBytes, 'letters of long lines only', what);
    getOrMake(this.#kept, life, () => []).push(letter);
  }

  /** Whether nobody else need have it: it is kept as a dead letter, or was left out. */
  #isAside(life: Life, unit: Unit): boolean {
    const letters = this.#kept.get(life) ?? [];
    const isKept = letters.some(({ start, end }) => start <= unit.start && unit.end <= end);
    return isKept || unit.end <= (this.#skipped.get(life) ?? 0);
  }

  saved(positions: readonly SavedPosition[]): void {
    for (const { fingerprint, offset, accounts } of positions) {
      const sum = Object.values(accounts ?? {}).reduce<number>(
        (total, one) => total + (typeof one === 'number' ? one : one.bytes),
        0,
      );
      demand(
        sum === offset,
        'conservation',
        () => `${sum} of ${offset} saved bytes are in accounts`,
      );
      const life = this.#named(fingerprint);
      const isWhole = life.isBoundary(offset);
      demand(isWhole, 'checkpoints behind newlines', () => `${life.name} is saved at ${offset}`);
      for (const unit of life.units) {
        if (unit.end > offset) break;
        const fate = this.#fatesOf(life).get(unit.start);
        const isSettled = fate?.acked === true || fate?.lost === true || this.#isAside(life, unit);
        demand(
          isSettled,
          'checkpoints behind settled bytes',
          () => `${life.name} is saved at ${offset}, but ${unit.start} is not settled`,
        );
      }
    }
  }

  /** A clean stop has saved all that was settled. */
  remembersAll(positions: readonly SavedPosition[]): void {
    for (const life of this.#lives.all) {
      const unit = life.units.findLast(
        ({ start }) => this.#fatesOf(life).get(start)?.acked === true,
      );
      if (unit === undefined || life.places.size === 0 || life.isUncertain) continue;
      const saved = positions.find(({ fingerprint }) => life.fingerprints.has(fingerprint));
      demand(
        (saved?.offset ?? 0) >= unit.end,
        'a stop saves',
        () => `${life.name} is saved at ${saved?.offset}, and was sent up to ${unit.end}`,
      );
    }
  }

  // --- the end ---

  /** The agent has had all the time that it needs: nothing is missing. */
  conclude(): void {
    for (const loss of this.#lost) demand(this.#told.has(loss), 'losses are told', () => loss);
    for (const life of this.#lives.all) {
      for (const unit of life.units) this.#checkArrived(life, unit);
    }
  }

  #checkArrived(life: Life, unit: Unit): void {
    const fate = this.#fatesOf(life).get(unit.start);
    if (!this.#isWhole(life, unit)) return;
    const isThere = this.#isOnDisk(life, unit.end);
    const wasSeen =
      !this.#allowances.hides &&
      life.isIdentified &&
      unit.end <= Math.min(life.seenBytes, life.keptBytes);
    if ((!isThere && !wasSeen) || life.isUncertain) return;
    const isCounted = fate?.lost === true && (!isThere || this.#allowances.hides);
    const isDelivered = fate?.acked === true && this.#isComplete(life, unit);
    const isSafe = isDelivered || this.#isAside(life, unit);
    demand(isSafe || isCounted, 'nothing lost', () => {
      const what = fate === undefined ? 'was never sent' : 'was not acknowledged';
      return `${life.name} ${unit.start}-${unit.end} ${what}, and is ${isThere ? '' : 'not '}on disk`;
    });
  }

  /** A last line without its newline waits in the active file for the rest. */
  #isWhole(life: Life, unit: Unit): boolean {
    const isLast = unit.end === life.content.length;
    return !isLast || life.hasEnded || life.isBoundary(unit.end);
  }

  /** A line that came in parts has come to its end. */
  #isComplete(life: Life, unit: Unit): boolean {
    const texts = this.#textsOf(life);
    if (!texts.has(unit.start)) return true;
    let at = unit.start;
    for (let bytes = texts.get(at); bytes !== undefined && at < unit.end; bytes = texts.get(at)) {
      if (bytes === 0) break;
      at += bytes;
    }
    return at >= unit.end - 1;
  }

  #isOnDisk(life: Life, end: number): boolean {
    return life.places.size > 0 && end <= life.keptBytes;
  }

  #named(fingerprint: string): Life {
    const life = this.#lives.named(fingerprint);
    if (life === undefined) throw new Violation(`true places: no file begins as ${fingerprint}`);
    return life;
  }

  #fatesOf(life: Life): Map<number, Fate> {
    return getOrMake(this.#fates, life, () => new Map());
  }

  #textsOf(life: Life): Map<number, number> {
    return getOrMake(this.#texts, life, () => new Map());
  }
}

function getOrMake<V>(values: Map<Life, V>, life: Life, make: () => V): V {
  const known = values.get(life);
  if (known !== undefined) return known;
  const made = make();
  values.set(life, made);
  return made;
}

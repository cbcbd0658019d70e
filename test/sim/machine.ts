/**
 * The machine that an agent runs on in a simulation: its clocks, its disk with the faults it has just now, the
 * descriptors and watches that the agent holds, and its end by a crash. It knows no logs and no receivers.
 */
import type { Random } from '../../src/commands/simulate/random.ts';
import { FileSystem, MOUNT, systemError, type Change, type Inode } from './file-system.ts';
import { Network } from './network.ts';
import { Scheduler } from './scheduler.ts';

/** How the machine behaves: all of it is decided before the run begins. */
export interface Character {
  /** Of file times. */
  readonly tickMs: number;
  /** How long a call that waits takes, at most. */
  readonly latencyMs: number;
  /** How much time passes in a call that does not wait, at most. */
  readonly callMs: number;
  /** How often a read gives less than there is. */
  readonly shortReads: number;
  /** How often a hint of a watch comes late, and how often never. */
  readonly lateHints: number;
  readonly lostHints: number;
}

/** What goes wrong until it is taken away again. */
export interface Fault {
  /** Calls that fail: `open`, `read`, `stat`, `readdir`, `watch`, `write`, `rename`, `sync` … */
  readonly calls: readonly string[];
  readonly code: string;
  /** Below this path. */
  readonly path: string;
}

/** What the agent looks at, for those who judge it. */
export interface Witness {
  /** It has learned how long a file is. */
  sawSize(inode: Inode, size: number): void;
  /** It has read bytes up to `end`. */
  sawBytes(inode: Inode, end: number): void;
  /** A file of the state directory has a new content. */
  replaced(path: string, inode: Inode): void;
}

export interface OpenFile {
  readonly inode: Inode;
  readonly path: string;
}

interface Watcher {
  readonly inode: Inode;
  readonly hear: (change: Change, name: string) => void;
  /** Hints under way: another of the same kind adds nothing. */
  readonly underWay: Set<string>;
}

/** Descriptors of the simulation are larger than real ones ever are. */
const FIRST_FD = 1_000_000;
/** When a clock starts; the time zone plays no part. */
const BOOT_EPOCH_MS = Date.UTC(2026, 2, 4, 5, 6, 7);
const HINT_MS = 3;
const LATE_HINT_MS = 700;
const LATENCIES = [0.05, 0.2, 1] as const;

export class Machine {
  readonly random: Random;
  readonly character: Character;
  readonly scheduler = new Scheduler();
  readonly files: FileSystem;
  readonly network: Network;
  readonly faults = new Set<Fault>();
  readonly opened = new Map<number, OpenFile>();
  readonly watchers = new Set<Watcher>();
  readonly #witness: Witness;
  readonly #ends: (() => void)[] = [];
  #wallOffsetMs = 0;
  #lastFd = FIRST_FD;
  #traceHash = 0x811c9dc5;
  /** Keeps the trace for a person to read. */
  readonly #lines: string[] | undefined;

  constructor(random: Random, character: Character, witness: Witness, lines?: string[]) {
    this.random = random;
    this.character = character;
    this.#witness = witness;
    this.#lines = lines;
    this.files = new FileSystem({
      random,
      wallMs: () => this.wallMs,
      tickMs: character.tickMs,
      onChange: (directory, change, name) => this.#hint(directory, change, name),
    });
    this.network = new Network(this.scheduler, random);
  }

  // --- clocks ---

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  get wallMs(): number {
    return BOOT_EPOCH_MS + this.scheduler.nowMs + this.#wallOffsetMs;
  }

  /** Somebody sets the clock. */
  jump(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  // --- the trace ---

  /** The same seed gives the same trace. */
  note(what: string): void {
    const line = `${this.nowMs.toFixed(2)} ${what}`;
    for (let index = 0; index < line.length; index++) {
      this.#traceHash = Math.imul(this.#traceHash ^ line.charCodeAt(index), 0x01000193) >>> 0;
    }
    this.#lines?.push(line);
  }

  get traceHash(): string {
    return this.#traceHash.toString(16).padStart(8, '0');
  }

  // --- calls ---

  /** A call that does not wait: the world may go on during it. @throws the fault that is there. */
  call(name: string, path: string): void {
    const { callMs } = this.character;
    if (callMs > 0) this.scheduler.pass(this.random.next() * callMs);
    this.#failIfFaulty(name, path);
  }

  /** A call that waits: it happens at its beginning or at its end, and its result comes later. */
  async later<T>(name: string, path: string, perform: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let finish: (() => void) | undefined;
      const happen = (): void => {
        this.note(`${name} ${path}`);
        try {
          this.#failIfFaulty(name, path);
          const value = perform();
          finish = () => resolve(value);
        } catch (error) {
          finish = () => reject(error);
        }
      };
      if (this.random.below(2) === 0) happen();
      this.after(this.latencyMs(), () => {
        if (finish === undefined) happen();
        finish?.();
      });
    });
  }

  /** Something of the agent's that is to happen. */
  after(ms: number, run: () => void) {
    return this.scheduler.after(ms, 'agent', run);
  }

  latencyMs(): number {
    return this.random.next() * this.random.pick(LATENCIES) * this.character.latencyMs;
  }

  #failIfFaulty(name: string, path: string): void {
    for (const fault of this.faults) {
      if (!fault.calls.includes(name) || !path.startsWith(fault.path)) continue;
      this.note(`${fault.code} ${name} ${path}`);
      throw systemError(fault.code, name, path);
    }
    if (!name.startsWith('read') || name === 'readdir') this.files.checkSearch(path, name);
  }

  // --- descriptors ---

  open(path: string, inode: Inode): number {
    const fd = ++this.#lastFd;
    inode.opens += 1;
    this.opened.set(fd, { inode, path });
    this.note(`open ${path} ${inode.ino}`);
    return fd;
  }

  file(fd: number, call: string): OpenFile {
    const file = this.opened.get(fd);
    if (file === undefined) throw systemError('EBADF', call, String(fd));
    return file;
  }

  close(fd: number): void {
    const { inode, path } = this.file(fd, 'close');
    this.note(`close ${path} ${inode.ino}`);
    this.opened.delete(fd);
    inode.opens -= 1;
    this.files.freeIfUnused(inode);
  }

  isHeld(inode: Inode): boolean {
    for (const file of this.opened.values()) if (file.inode === inode) return true;
    return false;
  }

  /** @param may whether less may come than there is. */
  read(fd: number, into: Uint8Array, position: number, may: 'be short' | 'be whole'): number {
    const { inode, path } = this.file(fd, 'read');
    const there = Math.max(0, Math.min(into.length, inode.content.length - position));
    const isShort = may === 'be short' && this.random.next() < this.character.shortReads;
    const bytes = isShort && there > 1 ? 1 + this.random.below(there) : there;
    into.set(inode.content.subarray(position, position + bytes));
    this.#witness.sawBytes(inode, position + bytes);
    this.note(`read ${path} ${inode.ino} ${position}+${bytes}`);
    return bytes;
  }

  saw(inode: Inode): void {
    this.#witness.sawSize(inode, inode.content.length);
  }

  /** The real path of one that leads through an open directory. */
  resolve(path: string): string {
    const [, fd = '', rest = ''] = /^\/proc\/self\/fd\/(\d+)(.*)$/.exec(path) ?? [];
    const directory = this.opened.get(Number(fd));
    return directory === undefined ? path : `${directory.path}${rest}`;
  }

  replaced(path: string): void {
    this.#witness.replaced(path, this.files.find(path));
  }

  // --- watches ---

  watch(path: string, hear: Watcher['hear']): Watcher {
    const watcher = { inode: this.files.find(path, 'watch'), hear, underWay: new Set<string>() };
    this.watchers.add(watcher);
    this.note(`watch ${path}`);
    return watcher;
  }

  #hint(directory: Inode, change: Change, name: string): void {
    const inode = directory.entries.get(name);
    this.note(
      `${change} ${name} ${inode === undefined ? 'gone' : `${inode.ino} ${inode.content.length}`}`,
    );
    for (const watcher of this.watchers) {
      const isOfFile = watcher.inode === directory.entries.get(name);
      if (watcher.inode !== directory && !isOfFile) continue;
      const hint = `${change} ${name}`;
      const { lostHints, lateHints } = this.character;
      if (watcher.underWay.has(hint) || this.random.next() < lostHints) continue;
      watcher.underWay.add(hint);
      const isLate = this.random.next() < lateHints;
      this.after(this.random.next() * (isLate ? LATE_HINT_MS : HINT_MS), () => {
        watcher.underWay.delete(hint);
        if (!this.watchers.has(watcher)) return;
        this.note(`hint ${hint}`);
        watcher.hear(change, name);
      });
    }
  }

  // --- the end of the agent ---

  /** What the system does for a process that ends. */
  onCrash(end: () => void): void {
    this.#ends.push(end);
  }

  /** From now on nothing that the agent has begun has any effect. */
  crash(): void {
    this.scheduler.dropAgent();
    for (const fd of this.opened.keys()) this.close(fd);
    this.watchers.clear();
    this.network.crash();
    for (const end of this.#ends.splice(0)) end();
  }

  /** What the agent has not given back: descriptors, watches, sockets. */
  leaks(): readonly string[] {
    return [
      ...Array.from(this.opened.values(), ({ path }) => `descriptor of ${path}`),
      ...Array.from(this.watchers, ({ inode }) => `watch of ${inode.ino}`),
      ...this.network.leaks(),
    ];
  }
}

export function isSimulated(path: unknown): path is string {
  return (
    typeof path === 'string' &&
    (path === MOUNT || path.startsWith(`${MOUNT}/`) || /^\/proc\/self\/fd\/\d{7,}/.test(path))
  );
}

export function isSimulatedFd(fd: number): boolean {
  return fd >= FIRST_FD;
}

/**
 * A file system in memory: inodes with names, links, times and modes, whose numbers are used again at once, as on ext4.
 * What was not synced may be lost. It knows no agent, no latency and no faults.
 */
import type { Random } from '../../src/commands/simulate/random.ts';

/** The device of everything in it. */
const DEVICE = 77;
/** Where the virtual file system is mounted: paths below it are in memory, all others are real. */
export const MOUNT = '/sim';

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFSOCK = 0o140000;
const S_IFLNK = 0o120000;
const TYPES = { file: S_IFREG, directory: S_IFDIR, socket: S_IFSOCK, link: S_IFLNK } as const;

export type Kind = keyof typeof TYPES;

/** What changed, for those who watch the directory. */
export type Change = 'rename' | 'change';

export interface Inode {
  readonly ino: number;
  readonly kind: Kind;
  content: Buffer;
  readonly entries: Map<string, Inode>;
  mode: number;
  nlink: number;
  mtimeMs: number;
  ctimeMs: number;
  /** How many descriptors are open on it. */
  opens: number;
  /** Of a symbolic link. */
  readonly target: string;
  /** Whether somebody listens at the socket. */
  listens: boolean;
  /** What a power failure leaves: of a file its content, of a directory its names. */
  synced: Buffer;
  syncedEntries: ReadonlyMap<string, Inode>;
  /** Changes of names since then, in order. */
  journal: { readonly name: string; readonly inode: Inode | undefined }[];
}

export interface FileSystemOptions {
  readonly random: Random;
  readonly wallMs: () => number;
  /** How coarse file times are. */
  readonly tickMs: number;
  readonly onChange?: (directory: Inode, change: Change, name: string) => void;
}

export function systemError(code: string, call: string, path: string): Error {
  const error = new Error(`${code}: simulated, ${call} '${path}'`);
  return Object.assign(error, { code, syscall: call, path });
}

/** How many symbolic links a path may lead through. */
const MAX_LINKS = 8;

export class FileSystem {
  readonly root: Inode;
  readonly #options: FileSystemOptions;
  readonly #freed: number[] = [];
  #lastIno = 100;

  constructor(options: FileSystemOptions) {
    this.#options = options;
    this.root = this.#make('directory', 0o755);
  }

  // --- looking ---

  /** @throws ENOENT, ENOTDIR, ELOOP */
  find(path: string, call = 'stat', follow = true): Inode {
    const inode = this.#resolve(path, call, follow, 0);
    if (inode === undefined) throw systemError('ENOENT', call, path);
    return inode;
  }

  has(path: string): boolean {
    return this.#resolve(path, 'stat', true, 0) !== undefined;
  }

  /** Modes count for the agent, who is not root. @throws EACCES when a directory on the way is closed to it */
  checkSearch(path: string, call: string): void {
    if (path === MOUNT || !path.startsWith(MOUNT)) return;
    const parent = directoryOf(path);
    this.checkSearch(parent, call);
    const directory = this.#resolve(parent, call, true, 0);
    if (directory !== undefined && (directory.mode & 0o111) === 0)
      throw systemError('EACCES', call, path);
  }

  /** The path with its symbolic links followed. */
  real(path: string): string {
    const inode = this.find(path, 'realpath', false);
    return inode.kind === 'link' ? this.real(join(directoryOf(path), inode.target)) : path;
  }

  #resolve(path: string, call: string, follow: boolean, links: number): Inode | undefined {
    if (links > MAX_LINKS) throw systemError('ELOOP', call, path);
    if (path === MOUNT) return this.root;
    const parent = this.#resolve(directoryOf(path), call, true, links);
    if (parent === undefined) return undefined;
    if (parent.kind !== 'directory') throw systemError('ENOTDIR', call, path);
    const inode = parent.entries.get(nameOf(path));
    if (inode?.kind !== 'link' || !follow) return inode;
    return this.#resolve(join(directoryOf(path), inode.target), call, true, links + 1);
  }

  // --- names ---

  /** Opens or makes a file for writing. */
  create(path: string, mode = 0o600): Inode {
    const known = this.#resolve(path, 'open', true, 0);
    if (known !== undefined) return known;
    const inode = this.#make('file', mode);
    this.#link(path, inode, 'open');
    return inode;
  }

  mkdir(path: string, mode = 0o755): Inode {
    if (this.has(path)) throw systemError('EEXIST', 'mkdir', path);
    const inode = this.#make('directory', mode);
    this.#link(path, inode, 'mkdir');
    return inode;
  }

  socket(path: string): Inode {
    if (this.has(path)) throw systemError('EADDRINUSE', 'listen', path);
    const inode = this.#make('socket', 0o755);
    inode.listens = true;
    this.#link(path, inode, 'listen');
    return inode;
  }

  symlink(target: string, path: string): void {
    this.#link(path, this.#make('link', 0o777, target), 'symlink');
  }

  link(from: string, to: string): void {
    const inode = this.find(from, 'link');
    if (this.#resolve(to, 'link', false, 0) !== undefined) throw systemError('EEXIST', 'link', to);
    this.#link(to, inode, 'link');
  }

  rename(from: string, to: string): void {
    const inode = this.find(from, 'rename', false);
    const replaced = this.#resolve(to, 'rename', false, 0);
    if (replaced === inode) return;
    if (replaced !== undefined) this.#unlink(to);
    this.#link(to, inode, 'rename');
    this.#unlink(from);
  }

  unlink(path: string): void {
    this.find(path, 'unlink', false);
    this.#unlink(path);
  }

  chmod(path: string, mode: number): void {
    const inode = this.find(path, 'chmod');
    inode.mode = mode;
    inode.ctimeMs = this.#now();
    this.#options.onChange?.(this.find(directoryOf(path)), 'change', nameOf(path));
  }

  #link(path: string, inode: Inode, call: string): void {
    const directory = this.find(directoryOf(path), call);
    if (directory.kind !== 'directory') throw systemError('ENOTDIR', call, path);
    inode.nlink += 1;
    this.#name(directory, nameOf(path), inode);
  }

  #unlink(path: string): void {
    const directory = this.find(directoryOf(path));
    const inode = directory.entries.get(nameOf(path));
    if (inode === undefined) return;
    inode.nlink -= 1;
    inode.ctimeMs = this.#now();
    this.#name(directory, nameOf(path), undefined);
    this.freeIfUnused(inode);
  }

  #name(directory: Inode, name: string, inode: Inode | undefined): void {
    if (inode === undefined) directory.entries.delete(name);
    else directory.entries.set(name, inode);
    directory.journal.push({ name, inode });
    directory.mtimeMs = this.#now();
    directory.ctimeMs = directory.mtimeMs;
    this.#options.onChange?.(directory, 'rename', name);
  }

  // --- content ---

  /** Writes at a position; a gap before it is a hole of NULs. */
  write(path: string, inode: Inode, bytes: Uint8Array, position = inode.content.length): void {
    const size = Math.max(inode.content.length, position + bytes.length);
    const content = Buffer.alloc(size);
    inode.content.copy(content);
    content.set(bytes, position);
    this.#changed(path, inode, content);
  }

  truncate(path: string, inode: Inode, size = 0): void {
    this.#changed(path, inode, Buffer.from(inode.content.subarray(0, size)));
  }

  #changed(path: string, inode: Inode, content: Buffer): void {
    inode.content = content;
    inode.mtimeMs = this.#now();
    inode.ctimeMs = inode.mtimeMs;
    const directory = this.#resolve(directoryOf(path), 'write', true, 0);
    if (directory?.entries.get(nameOf(path)) !== inode) return;
    this.#options.onChange?.(directory, 'change', nameOf(path));
  }

  // --- inodes ---

  freeIfUnused(inode: Inode): void {
    if (inode.nlink > 0 || inode.opens > 0 || inode.kind !== 'file') return;
    this.#freed.push(inode.ino);
  }

  #make(kind: Kind, mode: number, target = ''): Inode {
    const now = this.#now();
    // The one that was freed last is given out first.
    const ino = this.#options.random.below(4) > 0 ? this.#freed.pop() : undefined;
    return {
      ino: ino ?? ++this.#lastIno,
      kind,
      content: Buffer.alloc(0),
      entries: new Map(),
      mode,
      nlink: kind === 'directory' ? 2 : 0,
      mtimeMs: now,
      ctimeMs: now,
      opens: 0,
      target,
      listens: false,
      synced: Buffer.alloc(0),
      syncedEntries: new Map(),
      journal: [],
    };
  }

  #now(): number {
    const { wallMs, tickMs } = this.#options;
    return Math.floor(wallMs() / tickMs) * tickMs;
  }

  // --- what a power failure leaves ---

  sync(inode: Inode): void {
    inode.synced = inode.content;
    inode.syncedEntries = new Map(inode.entries);
    inode.journal = [];
  }

  /** Names come back as far as they were written, in order; of what was not synced anything may be left. */
  losePower(directory: Inode): void {
    const { random } = this.#options;
    const entries = new Map(directory.syncedEntries);
    for (const { name, inode } of directory.journal.slice(
      0,
      random.below(directory.journal.length + 1),
    )) {
      if (inode === undefined) entries.delete(name);
      else entries.set(name, inode);
    }
    directory.entries.clear();
    for (const [name, inode] of entries) {
      // Its number may belong to another one by now.
      const left = { ...inode, ino: ++this.#lastIno, nlink: 1, opens: 0 };
      directory.entries.set(name, left);
      if (left.kind === 'directory') this.losePower(left);
      else this.#tear(left);
    }
    this.sync(directory);
  }

  #tear(inode: Inode): void {
    const { random } = this.#options;
    const { content, synced } = inode;
    if (!content.equals(synced)) {
      const left = random.pick([
        synced,
        content.subarray(0, random.below(content.length + 1)),
        content,
      ]);
      inode.content = Buffer.from(left);
    }
    this.sync(inode);
  }
}

/** What Node calls Stats, as much of it as is used. */
export class SimStats {
  readonly dev = DEVICE;
  readonly rdev = 0;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;

  constructor(inode: Inode) {
    const { ino, kind, mode, nlink, content, mtimeMs, ctimeMs } = inode;
    this.ino = ino;
    this.mode = TYPES[kind] | mode;
    this.nlink = nlink;
    this.size = content.length;
    this.mtimeMs = mtimeMs;
    this.ctimeMs = ctimeMs;
  }

  isFile(): boolean {
    return (this.mode & 0o170000) === S_IFREG;
  }

  isDirectory(): boolean {
    return (this.mode & 0o170000) === S_IFDIR;
  }

  isSymbolicLink(): boolean {
    return (this.mode & 0o170000) === S_IFLNK;
  }

  isSocket(): boolean {
    return (this.mode & 0o170000) === S_IFSOCK;
  }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function join(directory: string, name: string): string {
  return name.startsWith('/') ? name : `${directory}/${name}`;
}

/**
 * The calls of node:fs and node:fs/promises on the simulated file system, as the agent makes them. Each may fail with
 * the fault that the machine has just now, and those that wait come later.
 */
import { SimStats, systemError, type Inode } from './file-system.ts';
import type { Machine } from './machine.ts';

type Call = (...args: never[]) => unknown;

export interface FileCalls {
  readonly byPath: Readonly<Record<string, Call>>;
  readonly byDescriptor: Readonly<Record<string, Call>>;
  readonly promises: Readonly<Record<string, Call>>;
  read(fd: number, into: Uint8Array, position: number): Promise<number>;
}

interface StatOptions {
  readonly throwIfNoEntry?: boolean;
}

const READABLE = 0o444;

/** @param machine the one of the run under way. */
export function fileCalls(machine: () => Machine): FileCalls {
  return {
    byPath: pathCalls(machine),
    byDescriptor: descriptorCalls(machine),
    promises: promiseCalls(machine),
    read: async (fd, into, position) => {
      const { path } = machine().file(fd, 'read');
      // A descriptor that is closed meanwhile is not read from.
      return machine().later('read', path, () => machine().read(fd, into, position, 'be short'));
    },
  };
}

function pathCalls(machine: () => Machine): Readonly<Record<string, Call>> {
  const stat =
    (follow: boolean) =>
    (path: string, options?: StatOptions): SimStats | undefined => {
      machine().call('stat', path);
      if (options?.throwIfNoEntry === false && !machine().files.has(path)) return undefined;
      const inode = machine().files.find(path, 'stat', follow);
      // Whether it is a link is all that lstat is asked for.
      return follow ? lookAt(machine(), inode) : new SimStats(inode);
    };
  return {
    openSync: (path: string) => {
      machine().call('open', path);
      return machine().open(path, readable(machine(), path));
    },
    statSync: stat(true),
    lstatSync: stat(false),
    readdirSync: (path: string, options?: { readonly withFileTypes?: boolean }) => {
      machine().call('readdir', path);
      const names = namesIn(machine(), path);
      if (options?.withFileTypes !== true) return names.map(([name]) => name);
      return names.map(([name, inode]) => Object.assign(new SimStats(inode), { name }));
    },
    realpathSync: (path: string) => {
      machine().call('stat', path);
      return machine().files.real(path);
    },
  };
}

function descriptorCalls(machine: () => Machine): Readonly<Record<string, Call>> {
  return {
    closeSync: (fd: number) => machine().close(fd),
    fstatSync: (fd: number) => {
      const { inode, path } = machine().file(fd, 'fstat');
      machine().call('readStat', path);
      return lookAt(machine(), inode);
    },
    readSync: (fd: number, into: Uint8Array, offset: number, length: number, position: number) => {
      machine().call('readSync', machine().file(fd, 'read').path);
      return machine().read(fd, into.subarray(offset, offset + length), position, 'be whole');
    },
  };
}

function lookAt(machine: Machine, inode: Inode): SimStats {
  machine.saw(inode);
  return new SimStats(inode);
}

/** Another user's agent: modes count. */
function readable(machine: Machine, path: string): Inode {
  const inode = machine.files.find(path, 'open');
  if ((inode.mode & READABLE) === 0) throw systemError('EACCES', 'open', path);
  return inode;
}

/** In an order that is nobody's, as on most file systems. */
function namesIn(machine: Machine, path: string): readonly [string, Inode][] {
  const directory = readable(machine, path);
  if (directory.kind !== 'directory') throw systemError('ENOTDIR', 'readdir', path);
  const names = [...directory.entries];
  return machine.random.below(2) === 0 ? names : names.toReversed();
}

function promiseCalls(machine: () => Machine): Readonly<Record<string, Call>> {
  const later = async <T>(name: string, path: string, perform: () => T): Promise<T> =>
    machine().later(name, path, perform);
  return {
    open: async (path: string, flags: string, mode?: number) =>
      later(flags === 'r' ? 'open' : 'create', path, () =>
        openHandle(machine(), path, flags, mode),
      ),
    stat: async (path: string) =>
      later('stat', path, () => new SimStats(machine().files.find(path))),
    rename: async (from: string, to: string) =>
      later('rename', to, () => {
        machine().files.rename(from, to);
        machine().replaced(to);
      }),
    link: async (from: string, to: string) =>
      later('link', to, () => machine().files.link(from, to)),
    rm: async (path: string, options?: { readonly force?: boolean }) =>
      later('rm', path, () => {
        if (options?.force !== true || machine().files.has(path)) machine().files.unlink(path);
      }),
    mkdir: async (path: string, options?: { readonly mode?: number }) =>
      later('mkdir', path, () => void machine().files.mkdir(path, options?.mode)),
    readdir: async (path: string) =>
      later('readdir', path, () => namesIn(machine(), path).map(([name]) => name)),
    readFile: async (path: string) =>
      later('read', path, () => readable(machine(), path).content.toString('utf8')),
    writeFile: async (path: string, text: string) =>
      later('write', path, () => {
        const inode = machine().files.create(path);
        machine().files.truncate(path, inode);
        machine().files.write(path, inode, Buffer.from(text));
      }),
  };
}

/** As much of FileHandle as the agent uses. */
function openHandle(machine: Machine, path: string, flags: string, mode?: number) {
  const inode = flags === 'r' ? readable(machine, path) : machine.files.create(path, mode);
  if (flags.startsWith('w')) machine.files.truncate(path, inode);
  const fd = machine.open(path, inode);
  return {
    fd,
    write: async (bytes: Uint8Array, offset: number, length: number, position: number) =>
      machine.later('write', path, () => {
        const written = Buffer.from(bytes.subarray(offset, offset + length));
        machine.files.write(path, inode, written, position);
        return { bytesWritten: written.length };
      }),
    truncate: async (size: number) =>
      machine.later('write', path, () => machine.files.truncate(path, inode, size)),
    sync: async () => machine.later('sync', path, () => machine.files.sync(inode)),
    close: async () => machine.later('close', path, () => machine.close(fd)),
  };
}

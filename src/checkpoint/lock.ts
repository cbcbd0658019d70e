/**
 * One agent per state directory. The proof that the holder lives is a socket that it listens on: the kernel closes
 * it however the process ends, and a path names it across containers, where process ids mean nothing. The file
 * `lock` beside it says who it is, for people.
 */
import {
  link,
  open,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StateError } from './store.ts';

/** Who holds a state directory. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** RFC 3339. */
  readonly since: string;
}

const LOCK_FILE = 'lock';
const SOCKET_FILE = 'lock.sock';
const FILE_MODE = 0o600;
/** Each attempt removes one socket whose holder is dead; more than a few means that several agents are at it. */
const MAX_ATTEMPTS = 5;

export class StateLock {
  readonly #directory: string;
  readonly #server: Server;
  readonly #handle: FileHandle;
  readonly #ino: number;

  private constructor(directory: string, server: Server, handle: FileHandle, ino: number) {
    this.#directory = directory;
    this.#server = server;
    this.#handle = handle;
    this.#ino = ino;
  }

  /**
   * Takes the lock of an existing directory.
   * @throws StateError when another agent holds it; the message says who.
   */
  static async acquire(directory: string): Promise<StateLock> {
    const handle = await openDirectory(directory);
    try {
      return await takeLock(directory, handle, (server, ino) => {
        return new StateLock(directory, server, handle, ino);
      });
    } catch (error) {
      await handle.close();
      throw lockError(directory, error);
    }
  }

  /** Whether the lock is still ours: nobody has put another socket in its place. */
  async isHeld(): Promise<boolean> {
    return (await inodeOf(join(this.#directory, SOCKET_FILE))) === this.#ino;
  }

  async release(): Promise<void> {
    if (await this.isHeld()) {
      await rm(join(this.#directory, SOCKET_FILE), { force: true });
      await rm(join(this.#directory, LOCK_FILE), { force: true });
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#handle.close();
  }
}

async function openDirectory(directory: string): Promise<FileHandle> {
  try {
    return await open(directory, 'r');
  } catch (error) {
    throw new StateError(`cannot open the state directory ${directory}; check who owns it`, {
      cause: error,
    });
  }
}

/** Something stands in the way that is no lock of an agent, or the directory is not ours. */
function lockError(directory: string, error: unknown): unknown {
  if (error instanceof StateError || !(error instanceof Error && 'code' in error)) return error;
  const advice = `check who owns it, and that ${LOCK_FILE} and ${SOCKET_FILE} in it are no directories`;
  const message = `cannot lock ${directory} (${String(error.code)}); ${advice}`;
  return new StateError(message, { cause: error });
}

async function takeLock(
  directory: string,
  handle: FileHandle,
  make: (server: Server, ino: number) => StateLock,
): Promise<StateLock> {
  const ownName = `${SOCKET_FILE}.${process.pid}.${Math.random().toString(36).slice(2, 10)}`;
  const own = join(directory, ownName);
  const server = await listen(directory, shortPath(handle, ownName));
  try {
    const ino = await inodeOf(own);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (ino === undefined) break;
      if (await claim(directory, handle, own)) {
        await writeHolder(directory);
        return make(server, ino);
      }
    }
    throw new StateError(`cannot lock ${directory}: several agents are starting on it at once`);
  } catch (error) {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** @returns false when a dead holder's socket was cleared away and the next attempt may win. */
async function claim(directory: string, handle: FileHandle, own: string): Promise<boolean> {
  const socket = join(directory, SOCKET_FILE);
  try {
    await link(own, socket);
    return true;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  }
  const before = await inodeOf(socket);
  if (before === undefined) return false;
  if (await answers(shortPath(handle, SOCKET_FILE))) throw await heldBy(directory);
  await clearDead(socket, own, before);
  return false;
}

/** Removes the dead holder's socket, and only that: another agent may have been quicker. */
async function clearDead(socket: string, own: string, ino: number): Promise<void> {
  // Process ids alone are not unique: two containers may share the directory.
  const aside = `${own}.dead`;
  try {
    await rename(socket, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  const moved = await inodeOf(aside);
  if (moved !== ino) await link(aside, socket);
  await rm(aside, { force: true });
}

async function heldBy(directory: string): Promise<StateError> {
  const holder = await readHolder(directory);
  const who =
    holder === undefined
      ? 'another audit-shipper'
      : `another audit-shipper: process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  return new StateError(
    `the state directory ${directory} is in use by ${who}; stop that one, or give this one another --state-dir`,
  );
}

/** Whether an agent holds the directory now, and who; undefined when nobody does. */
export async function currentHolder(directory: string): Promise<Holder | undefined> {
  const handle = await openDirectory(directory);
  try {
    if (!(await answers(shortPath(handle, SOCKET_FILE)))) return undefined;
    return (await readHolder(directory)) ?? { pid: 0, host: 'unknown', since: 'unknown' };
  } finally {
    await handle.close();
  }
}

/** A full disk is no reason not to ship: then the file stays empty, and the lock holds all the same. */
async function writeHolder(directory: string): Promise<void> {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
  };
  const text = `${JSON.stringify(holder)}\n`;
  const path = join(directory, LOCK_FILE);
  try {
    // As with every file of the state directory, a link in its place is not written through.
    await rm(path, { force: true });
    await writeFile(path, text, { mode: FILE_MODE, flag: 'wx' });
  } catch (error) {
    if (!isCode(error, 'ENOSPC') && !isCode(error, 'EDQUOT')) throw error;
  }
}

async function readHolder(directory: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, LOCK_FILE), 'utf8'));
    return isHolder(value) ? value : undefined;
  } catch (error) {
    // The socket is the lock. Who it is, is not known then.
    if (error instanceof SyntaxError || (error instanceof Error && 'code' in error)) {
      return undefined;
    }
    throw error;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, host, since } = value as Readonly<Record<string, unknown>>;
  return typeof pid === 'number' && typeof host === 'string' && typeof since === 'string';
}

/** A socket's path may have 107 bytes (unix(7)); through the open directory every state directory is short. */
function shortPath(handle: FileHandle, name: string): string {
  return `/proc/self/fd/${handle.fd}/${name}`;
}

async function listen(directory: string, path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise<Server>((resolve, reject) => {
    server.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.name;
      const advice = 'it must be writable for this user, on a local disk with room';
      reject(new StateError(`cannot lock ${directory} (${code}); ${advice}`, { cause: error }));
    });
    server.listen(path, () => {
      // The lock must not keep the process alive by itself.
      server.unref();
      resolve(server);
    });
  });
}

async function answers(path: string): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Anything else (EACCES, say) does not prove that the holder is dead.
    socket.once('error', (error) => {
      resolve(!isCode(error, 'ECONNREFUSED') && !isCode(error, 'ENOENT'));
    });
  });
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

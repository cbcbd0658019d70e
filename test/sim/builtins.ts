/**
 * Puts a simulated machine under code that imports the modules of Node: their functions are replaced before that code
 * is loaded. What concerns no simulated path, no simulated descriptor and no run goes to the real ones.
 */
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import timersPromises from 'node:timers/promises';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { systemError, type Inode } from './file-system.ts';
import { SimGunzip } from './gunzip.ts';
import { isSimulated, isSimulatedFd, type Machine } from './machine.ts';
import type { Task } from './scheduler.ts';
import { fileCalls } from './file-calls.ts';

const SIM_PID = 4711;

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  delay: timersPromises.setTimeout,
  turn: timersPromises.setImmediate,
  now: performance.now.bind(performance),
  random: Math.random,
  Date,
};

let current: Machine | undefined;

/** The machine of the run under way. */
export function useMachine(next: Machine | undefined): void {
  current = next;
}

function machine(): Machine {
  if (current === undefined) throw new Error('no simulation is running');
  return current;
}

/** One turn of the real event loop: everything that is not waiting has run then. */
export async function realTurn(): Promise<void> {
  return new Promise((resolve) => real.setImmediate(resolve));
}

export function realNow(): number {
  return real.now();
}

type AnyFunction = (...args: never[]) => unknown;

/** Replaces a function where the arguments concern the simulation, and keeps what hangs on it. */
function divert(
  target: object,
  name: string,
  isOurs: (first: unknown) => boolean,
  simulated: AnyFunction,
): void {
  const original = Reflect.get(target, name) as AnyFunction;
  const replaced = (...args: never[]): unknown =>
    current !== undefined && isOurs(args[0]) ? simulated(...args) : original(...args);
  replace(target, name, Object.assign(replaced, original));
}

/** Not all of them can simply be assigned to. */
function replace(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

const isOursFd = (fd: unknown): boolean => typeof fd === 'number' && isSimulatedFd(fd);

function divertFiles(): void {
  const calls = fileCalls(machine);
  for (const [name, call] of Object.entries(calls.byPath)) divert(fs, name, isSimulated, call);
  for (const [name, call] of Object.entries(calls.byDescriptor)) divert(fs, name, isOursFd, call);
  for (const [name, call] of Object.entries(calls.promises)) {
    divert(promises, name, isSimulated, call);
  }
  divert(fs.realpathSync, 'native', isSimulated, calls.byPath['realpathSync'] as AnyFunction);
  const readReally = promisify(fs.read);
  const read = Object.assign(fs.read, {
    [promisify.custom]: async (
      fd: number,
      into: Uint8Array,
      offset: number,
      length: number,
      at: number,
    ) =>
      isOursFd(fd)
        ? {
            bytesRead: await calls.read(fd, into.subarray(offset, offset + length), at),
            buffer: into,
          }
        : readReally(fd, into, offset, length, at),
  });
  replace(fs, 'read', read);
  divert(fs, 'watch', isSimulated, watch);
}

/** As much of fs.FSWatcher as the agent uses. */
function watch(path: string): EventEmitter {
  machine().call('watch', path);
  const emitter = new EventEmitter();
  const watcher = machine().watch(path, (change, name) => emitter.emit('change', change, name));
  const close = (): void => void machine().watchers.delete(watcher);
  return Object.assign(emitter, { close });
}

// --- sockets ---

function divertSockets(): void {
  divert(
    net,
    'connect',
    () => true,
    (options: { host: string; port: number; onread: never }) =>
      machine().network.connect(`${options.host}:${options.port}`, options.onread),
  );
  divert(
    net,
    'createServer',
    () => true,
    () => new LockServer(),
  );
  divert(net, 'createConnection', isSimulated, knock);
}

/** A server that listens at a path: as much of net.Server as the lock uses. */
class LockServer extends EventEmitter {
  #inode: Inode | undefined;

  listen(path: string, done: () => void): void {
    machine().after(machine().latencyMs(), () => {
      try {
        machine().call('listen', machine().resolve(path));
        this.#inode = machine().files.socket(machine().resolve(path));
        machine().onCrash(() => this.#end());
        done();
      } catch (error) {
        this.emit('error', error);
      }
    });
  }

  unref(): this {
    return this;
  }

  close(done: () => void): void {
    this.#end();
    machine().after(0, done);
  }

  #end(): void {
    if (this.#inode !== undefined) this.#inode.listens = false;
  }
}

/** Whether somebody answers at the path of a socket. */
function knock(path: string): EventEmitter {
  const socket = Object.assign(new EventEmitter(), { destroy: () => undefined });
  machine().after(machine().latencyMs(), () => {
    const place = machine().resolve(path);
    const { files } = machine();
    const code = files.has(place) ? 'ECONNREFUSED' : 'ENOENT';
    if (files.has(place) && files.find(place).listens) socket.emit('connect');
    else socket.emit('error', systemError(code, 'connect', place));
  });
  return socket;
}

// --- time ---

class SimTimeout {
  #task: Task;

  constructor(ms: number, run: () => void, repeats = false) {
    const begin = (): Task => machine().after(Math.max(1, ms), fire);
    const fire = (): void => {
      if (repeats) this.#task = begin();
      run();
    };
    this.#task = begin();
  }

  clear(): void {
    this.#task.run = undefined;
  }

  unref(): this {
    return this;
  }
}

function divertTimers(): void {
  const setTimer = (run: (...args: unknown[]) => void, ms = 1, ...args: unknown[]): unknown =>
    current === undefined
      ? real.setTimeout(run, ms, ...args)
      : new SimTimeout(ms, () => run(...args));
  const setTicker = (run: () => void, ms: number): unknown =>
    current === undefined ? real.setInterval(run, ms) : new SimTimeout(ms, run, true);
  const clearTimer = (timer: unknown): void => {
    if (timer instanceof SimTimeout) timer.clear();
    else real.clearTimeout(timer as NodeJS.Timeout);
  };
  const setSoon = (run: (...args: unknown[]) => void, ...args: unknown[]): unknown =>
    current === undefined
      ? real.setImmediate(run, ...args)
      : machine().after(0, () => run(...args));
  Object.assign(globalThis, {
    setTimeout: setTimer,
    clearTimeout: clearTimer,
    setInterval: setTicker,
    clearInterval: clearTimer,
    setImmediate: setSoon,
  });
  replace(timersPromises, 'setTimeout', delay);
  replace(timersPromises, 'setImmediate', turn);
}

async function turn(value?: unknown): Promise<unknown> {
  if (current === undefined) return real.turn(value);
  return new Promise((resolve) => machine().after(0, () => resolve(value)));
}

async function delay(
  ms: number,
  value: unknown,
  options?: { signal?: AbortSignal },
): Promise<unknown> {
  if (current === undefined) return real.delay(ms, value, options);
  const signal = options?.signal;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      timer.clear();
      reject(new DOMException('The operation was aborted', 'AbortError'));
    };
    const timer = new SimTimeout(ms, () => {
      signal?.removeEventListener('abort', leave);
      resolve(value);
    });
    if (signal?.aborted === true) leave();
    else signal?.addEventListener('abort', leave, { once: true });
  });
}

function divertClocksAndChance(): void {
  replace(performance, 'now', () => current?.nowMs ?? real.now());
  class SimDate extends real.Date {
    constructor(...args: [] | [number | string]) {
      super(...((args.length === 0 ? [SimDate.now()] : args) as [number]));
    }

    static override now(): number {
      return Math.floor(current?.wallMs ?? real.Date.now());
    }
  }
  Object.assign(globalThis, { Date: SimDate });
  Math.random = () => current?.random.next() ?? real.random();
}

/** To be called once, before anything of src/ is loaded. */
export function install(): void {
  // It stands in names and in the trace.
  replace(process, 'pid', SIM_PID);
  divertFiles();
  divertSockets();
  divertTimers();
  divertClocksAndChance();
  replace(zlib, 'createGunzip', () => new SimGunzip(machine));
  syncBuiltinESMExports();
}

/**
 * Builds and runs a small Go program that writes audit events through lumberjack itself, the library with which
 * kube-apiserver rotates its audit log. Needs Go and Debian's golang-gopkg-natefinch-lumberjack.v2-dev.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { projectRoot } from './project.ts';

// Not beside this file when it runs: tsc copies no Go files to dist/.
const SOURCE = join(projectRoot(), 'test', 'support', 'lumberjack', 'writer.go');
/** Where Debian installs the sources of Go packages. */
const GOPATH = '/usr/share/gocode';
/** A first build compiles Go's standard library, too. */
const BUILD_TIMEOUT_MS = 120_000;

let build: Promise<string | undefined> | undefined;

/**
 * The path of the built program; built once per process, removed when the process ends. Undefined, with a notice
 * on stderr, where Go or the package is missing; there CI (the variable `CI` is set) gets an error instead.
 */
export function buildLumberjackWriter(): Promise<string | undefined> {
  build ??= buildOnce();
  return build;
}

async function buildOnce(): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-lumberjack-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const binary = join(directory, 'lumberjack-writer');
  try {
    await promisify(execFile)('go', ['build', '-o', binary, SOURCE], {
      env: { ...process.env, GO111MODULE: 'off', GOPATH },
      timeout: BUILD_TIMEOUT_MS,
    });
    return binary;
  } catch (error) {
    const advice =
      'the writer on lumberjack cannot be built: install golang-go and golang-gopkg-natefinch-lumberjack.v2-dev';
    if (process.env['CI'] !== undefined) throw new Error(advice, { cause: error });
    process.stderr.write(`NOTICE: tests with real lumberjack are skipped; ${advice}\n`);
    return undefined;
  }
}

export interface LumberjackOptions {
  /** The active file. */
  readonly path: string;
  /** Whole megabytes: lumberjack knows no others. */
  readonly maxsizeMb?: number;
  /** 0 (default) keeps all backups. */
  readonly maxbackup?: number;
  readonly compress?: boolean;
  /** Events to write; 0 goes on until SIGTERM. */
  readonly count: number;
  /** Sequence number of the first event (default 1). */
  readonly start?: number;
  /** Events per second; 0 (default) is full speed. */
  readonly rate?: number;
  /** Padding per event; the default makes events of about 1.1 KB. */
  readonly padBytes?: number;
  /** A file that gets a line for each file that begins: see writer.go. */
  readonly ledger?: string;
}

export interface LumberjackResult {
  readonly written: number;
  readonly bytes: number;
  readonly rotations: number;
  /** The last sequence number written; `start - 1` when none was. */
  readonly last: number;
}

export interface LumberjackRun {
  readonly child: ChildProcess;
  /** Resolves at the end; undefined after SIGKILL. Rejects with what the program said when it failed. */
  readonly done: Promise<LumberjackResult | undefined>;
  /** SIGTERM: ends after the current event, waits for the mill, reports. SIGKILL: as a crash. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/**
 * Starts a writer; `binary` comes from buildLumberjackWriter(). At full speed it deletes a file some 50 ms after it
 * was written: it runs at the lowest priority, so that a busy machine slows it down and not only its reader.
 */
export function startLumberjack(binary: string, options: LumberjackOptions): LumberjackRun {
  const command = ['-n', '19', binary, ...flags(options)];
  const child = spawn('nice', command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const done = result(child, text(child.stdout), text(child.stderr));
  // Whoever awaits `done` gets the error; a test that only kills the writer must not crash over it.
  done.catch(() => undefined);
  return { child, done, kill: (signal) => void child.kill(signal) };
}

function flags(options: LumberjackOptions): string[] {
  const { path, maxsizeMb = 1, maxbackup = 0, compress = false, count } = options;
  const { start = 1, rate = 0, padBytes = 400, ledger = '' } = options;
  return [
    `-path=${path}`,
    `-maxsize=${maxsizeMb}`,
    `-maxbackup=${maxbackup}`,
    `-compress=${compress}`,
    `-count=${count}`,
    `-start=${start}`,
    `-rate=${rate}`,
    `-pad=${padBytes}`,
    `-ledger=${ledger}`,
  ];
}

async function result(
  child: ChildProcess,
  stdout: Promise<string>,
  stderr: Promise<string>,
): Promise<LumberjackResult | undefined> {
  const exit = new Promise<string>((settle, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => settle(signal ?? String(code)));
  });
  const [how, out, complaint] = await Promise.all([exit, stdout, stderr]);
  if (how === 'SIGKILL') return undefined;
  if (how !== '0') throw new Error(`the lumberjack writer ended with ${how}: ${complaint}`);
  return JSON.parse(out) as LumberjackResult;
}

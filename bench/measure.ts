/**
 * Runs a program once on an input and says what it took: the peak of its memory, its CPU time, how long it was at it. A
 * run whose events did not all arrive is an error, however fast it was.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Slowness } from './slowness.ts';
import type { Probe } from './probe.ts';
import { cpuSecondsOf, residentBytesOf, treeOf } from './processes.ts';
import { startReceiver, type Receipts, type Receiver } from './receiver.ts';
import { nowUs } from './statistics.ts';
import type { StdoutReceipts, StdoutSinkOptions } from './stdout-sink.ts';

/** The program. */
export const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const PROBE = new URL('./probe.js', import.meta.url).href;
const STDOUT_SINK = fileURLToPath(new URL('./stdout-sink.js', import.meta.url));

/** The slowest peer reads 7 MB/s, and a part of that on a busy machine; what takes longer has lost something. */
const PATIENCE_MS = 60_000;
const PATIENCE_MS_PER_MB = 500;
/** For a clean stop. */
const STOP_MS = 5000;

/** What is started: arguments for Node, or another program. */
export type Command =
  | { readonly node: readonly string[]; readonly env?: Readonly<Record<string, string>> }
  | { readonly file: string; readonly args: readonly string[] };

export interface Scenario {
  readonly name: string;
  readonly command: (receiver: Receiver | undefined) => Command;
  readonly destination: 'forward' | 'pipe' | 'nothing';
  /** What it has to deliver. */
  readonly expected: { readonly events: number; readonly bytes: number };
  /** Whether each event is looked for. That takes the receiver some time; where some are left out, it cannot. */
  readonly callsRoll?: boolean;
  readonly slow?: Slowness;
  /** Others than ours have no end: they are ended when all has arrived. */
  readonly ends?: 'itself' | 'by a signal';
  /** Ends a run of ours that follows. */
  readonly stopAfterMs?: number;
  /** From the start of the process, or from its first read, as it says itself. */
  readonly timed?: 'from start' | 'from first read';
  /** Raw bytes are no events. */
  readonly delivers?: 'events' | 'bytes' | 'nothing';
}

export interface Measurement {
  readonly name: string;
  readonly events: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** The numbers of the log line with which a sender ends. */
type Sums = Readonly<Record<string, number>>;

interface Run {
  readonly startedUs: number;
  readonly endedUs: number;
  readonly complaints: string;
  readonly probe: Probe;
  readonly stdout: StdoutReceipts | undefined;
}

/**
 * @param node path of the Node to run it with.
 * @throws when the program fails, or when what arrived is not what was expected.
 */
export async function measure(node: string, scenario: Scenario): Promise<Measurement> {
  const { name, expected, destination, callsRoll = false, slow } = scenario;
  const task = callsRoll ? 'call the roll' : 'count';
  const receiver =
    destination === 'forward'
      ? await startReceiver({ expectedEvents: expected.events, task, slow })
      : undefined;
  let receipts: Receipts | undefined;
  let run: Run;
  try {
    run = await runOnce(node, scenario, receiver);
  } finally {
    receipts = await receiver?.finish();
  }
  const sums = sumsIn(run.complaints);
  const problems = problemsOf(scenario, run, sums, receipts);
  if (problems.length > 0) {
    const told = JSON.stringify({ expected, ...sums, receipts, stdout: run.stdout });
    throw new Error(`${name}: ${problems.join(', ')}\n${told}\n${run.complaints.slice(-2000)}`);
  }
  const { peakBytes, cpuSeconds } = run.probe;
  const endUs = receipts?.lastUs ?? run.stdout?.lastUs ?? run.endedUs;
  const wholeSeconds = ((endUs === 0 ? run.endedUs : endUs) - run.startedUs) / 1e6;
  const seconds = scenario.timed === 'from first read' ? (sums['seconds'] ?? NaN) : wholeSeconds;
  return { name, ...expected, seconds, cpuSeconds, peakBytes };
}

/** What is wrong with a run; nothing, when every event arrived once. */
export function problemsOf(
  { expected, delivers = 'events', ends = 'itself' }: Scenario,
  { probe, stdout }: Pick<Run, 'probe' | 'stdout'>,
  sums: Sums,
  receipts: Receipts | undefined,
): readonly string[] {
  const problems: string[] = [];
  const compare = (what: string, found: number | undefined, wanted: number): void => {
    if (found !== undefined && found !== wanted) problems.push(`${what}: ${found} of ${wanted}`);
  };
  compare('exit code', probe.exitCode, 0);
  if (delivers === 'nothing') return problems;
  if (delivers === 'bytes') {
    compare('bytes received', receipts?.bytes, expected.bytes);
    return problems;
  }
  if (ends === 'itself') {
    compare('events delivered, as it says', sums['delivered_events'] ?? -1, expected.events);
    for (const none of ['lost_bytes', 'undelivered_bytes', 'invalid_lines']) {
      compare(none, sums[none] ?? -1, 0);
    }
  }
  compare('events received', receipts?.events, expected.events);
  compare('events received again', receipts?.repeatedEvents, 0);
  compare('entries received', receipts?.roll?.entries, expected.events);
  compare('lines received', stdout?.lines, expected.events);
  const roll = receipts?.roll ?? stdout?.roll;
  compare('missing', roll?.missing, 0);
  compare('repeated', roll?.repeated, 0);
  compare('unknown', roll?.unknown, 0);
  return problems;
}

async function runOnce(
  node: string,
  scenario: Scenario,
  receiver: Receiver | undefined,
): Promise<Run> {
  const startedUs = nowUs();
  const child = launch(node, scenario, receiver);
  const { stopAfterMs, ends = 'itself', expected } = scenario;
  const complaints = child.stderr === null ? Promise.resolve('') : text(child.stderr);
  const exited = exitOf(child);
  const patienceMs = PATIENCE_MS + (PATIENCE_MS_PER_MB * expected.bytes) / 1e6;
  const deadline = setTimeout(() => killTree(child, 'SIGKILL'), patienceMs);
  const stop = stopAfterMs === undefined ? undefined : setTimeout(() => child.kill(), stopAfterMs);
  try {
    const [probe, stdout] =
      ends === 'by a signal'
        ? [await probeUntilArrived(child, exited, receiver), undefined]
        : await Promise.all([reportOf<Probe>(child, 3), reportOf<StdoutReceipts>(child, 4)]);
    await exited;
    const endedUs = nowUs();
    const ended: Probe = probe ?? { peakBytes: NaN, cpuSeconds: NaN, exitCode: -1 };
    return { startedUs, endedUs, complaints: await complaints, probe: ended, stdout };
  } finally {
    clearTimeout(deadline);
    clearTimeout(stop);
  }
}

/** A pipe is a real one, as a shell makes it; what Node calls a pipe is a pair of sockets. */
const PIPE = 'sink=$1; options=$2; shift 2; "$@" 4>&- | "$0" "$sink" "$options" 3>&-';

function launch(node: string, scenario: Scenario, receiver: Receiver | undefined): ChildProcess {
  const command = scenario.command(receiver);
  const env = { PATH: process.env['PATH'] };
  if ('file' in command) {
    return spawn(command.file, command.args, { stdio: ['ignore', 'ignore', 'pipe'], env });
  }
  const args = ['--import', PROBE, ...command.node];
  const options = { env: { ...env, ...command.env } };
  if (scenario.destination !== 'pipe') {
    return spawn(node, args, { ...options, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  }
  const sink: StdoutSinkOptions = {
    expectedEvents: scenario.expected.events,
    callsRoll: scenario.callsRoll ?? false,
    slow: scenario.slow,
  };
  const sinkArgs = [process.execPath, STDOUT_SINK, JSON.stringify(sink)];
  return spawn('sh', ['-c', PIPE, ...sinkArgs, node, ...args], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
}

/** What a process says at its end on a descriptor; undefined when it says nothing. */
async function reportOf<T>(child: ChildProcess, fd: 3 | 4): Promise<T | undefined> {
  const stream = child.stdio[fd];
  if (stream === undefined || stream === null) return undefined;
  return json(stream as Readable).catch(() => undefined) as Promise<T | undefined>;
}

async function probeUntilArrived(
  child: ChildProcess,
  exited: Promise<unknown>,
  receiver: Receiver | undefined,
): Promise<Probe> {
  const pid = child.pid ?? 0;
  const arrived = await Promise.race([
    receiver?.arrived.then(() => true),
    exited.then(() => false),
  ]);
  const probe = {
    peakBytes: residentBytesOf(pid, 'VmHWM'),
    cpuSeconds: cpuSecondsOf(pid),
    exitCode: arrived === true ? 0 : -1,
  };
  await stopTree(child);
  return probe;
}

/** Ends a program and what it started; with force, when it does not do so soon. */
export async function stopTree(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const inTime = await Promise.race([
    exited.then(() => true),
    delay(STOP_MS, false, { ref: false }),
  ]);
  if (inTime) return;
  killTree(child, 'SIGKILL');
  await exited;
}

function killTree(child: ChildProcess, signal: NodeJS.Signals): void {
  for (const pid of treeOf(child.pid ?? 0).toReversed()) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

async function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}

/** @returns the sums of a sender's last log line. */
export function sumsIn(complaints: string): Sums {
  const line = complaints
    .split('\n')
    .findLast((candidate) => candidate.includes('"msg":"stopped"'));
  return line === undefined ? {} : (JSON.parse(line) as Sums);
}

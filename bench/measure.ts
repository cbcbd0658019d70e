/**
 * Runs a sender once on an input and says what it took: the peak of its memory, its CPU time, how long it was at it. A
 * run whose events did not all arrive is an error, however little memory it took.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Probe } from './probe.ts';
import { startReceiver, type Mood, type Receipts } from './receiver.ts';

/** The program. */
export const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const PROBE = new URL('./probe.js', import.meta.url).href;
const NEWLINE = 10;

/** The slow reader sleeps, then reads at a low rate, and then takes what it can get, so that the run ends. */
const READER_SLEEPS_MS = 3000;
const READER_IS_SLOW_MS = 5000;
const READER_PAUSE_MS = 10;

export interface Scenario {
  readonly name: string;
  /** What Node runs; none is Node alone, doing nothing. */
  readonly args: readonly string[] | undefined;
  /** Of stdout. */
  readonly reader: 'none' | 'slow';
  /** Where events go instead, given the URL of the receiver. */
  readonly forward?: { readonly mood: Mood; readonly args: (url: string) => readonly string[] };
  readonly env?: Readonly<Record<string, string>>;
  /** Ends a run that follows. */
  readonly stopAfterMs?: number;
  readonly expectedEvents: number;
}

export interface Measurement extends Probe {
  readonly name: string;
  readonly events: number;
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * @param node path of the Node to run it with.
 * @throws when the sender fails, or when what arrived is not what was expected.
 */
export async function measure(node: string, scenario: Scenario): Promise<Measurement> {
  const { name, args, forward } = scenario;
  const receiver = forward && (await startReceiver(forward.mood));
  let receipts: Receipts | undefined;
  let run: Run;
  try {
    run = await runOnce(node, scenario, receiver ? (forward?.args(receiver.url) ?? []) : args);
  } finally {
    receipts = await receiver?.finish();
  }
  const { seconds, probe, exit, lines, complaints } = run;
  if (exit !== '0') throw new Error(`${name}: ended with ${exit}\n${complaints}`);
  if (args === undefined && forward === undefined)
    return { name, events: 0, bytes: 0, seconds, ...probe };
  const sums = sumsIn(complaints);
  const events = sums['delivered_events'] ?? -1;
  const arrived = receipts === undefined ? lines : receipts.events;
  const wrong =
    events !== scenario.expectedEvents ||
    (arrived ?? events) !== events ||
    (receipts?.repeatedEvents ?? 0) !== 0 ||
    sums['lost_bytes'] !== 0 ||
    sums['undelivered_bytes'] !== 0 ||
    sums['invalid_lines'] !== 0;
  if (wrong) {
    const told = JSON.stringify({ ...sums, ...receipts });
    const expected = `${scenario.expectedEvents} events expected`;
    throw new Error(`${name}: ${expected}, ${arrived ?? 'no'} arrived, ${told}`);
  }
  return { name, events, bytes: sums['delivered_bytes'] ?? 0, seconds, ...probe };
}

interface Run {
  readonly exit: string;
  /** On stdout, where they are counted. */
  readonly lines: number | undefined;
  readonly complaints: string;
  readonly probe: Probe;
  readonly seconds: number;
}

async function runOnce(
  node: string,
  { reader, stopAfterMs, env }: Scenario,
  args: readonly string[] = ['--eval', '0'],
): Promise<Run> {
  const nothing = openSync('/dev/null', 'w');
  const startedMs = performance.now();
  const child = spawn(node, ['--import', PROBE, ...args], {
    stdio: ['ignore', reader === 'slow' ? 'pipe' : nothing, 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
  });
  closeSync(nothing);
  const stop = stopAfterMs === undefined ? undefined : setTimeout(() => child.kill(), stopAfterMs);
  const [exit, lines, complaints, probe] = await Promise.all([
    exitOf(child),
    child.stdout === null ? undefined : countSlowly(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    json(child.stdio[3] as Readable) as Promise<Probe>,
  ]);
  clearTimeout(stop);
  return { exit, lines, complaints, probe, seconds: (performance.now() - startedMs) / 1000 };
}

async function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? String(code)));
  });
}

/** Reads in three moods: not at all, slowly, as fast as it can. Resolves with the number of lines. */
async function countSlowly(stream: Readable): Promise<number> {
  let lines = 0;
  await delay(READER_SLEEPS_MS);
  const slowUntilMs = performance.now() + READER_IS_SLOW_MS;
  for await (const bytes of stream as AsyncIterable<Buffer>) {
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1))
      lines += 1;
    if (performance.now() < slowUntilMs) await delay(READER_PAUSE_MS);
  }
  return lines;
}

/** The numbers of the log line with which a sender ends. */
export function sumsIn(complaints: string): Readonly<Record<string, number>> {
  const line = complaints
    .split('\n')
    .findLast((candidate) => candidate.includes('"msg":"stopped"'));
  return line === undefined ? {} : (JSON.parse(line) as Readonly<Record<string, number>>);
}

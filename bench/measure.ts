/**
 * Runs the program once on an input and says what it took: the peak of its memory, its CPU time, how long it was at
 * it. A run whose events did not all arrive is an error, however little memory it took.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Probe } from './probe.ts';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const PROBE = new URL('./probe.js', import.meta.url).href;
const NEWLINE = 10;

/** The slow reader sleeps, then reads at a low rate, and then takes what it can get, so that the run ends. */
const READER_SLEEPS_MS = 3000;
const READER_IS_SLOW_MS = 5000;
const READER_PAUSE_MS = 10;

export interface Scenario {
  readonly name: string;
  /** Of the program; none runs Node alone, doing nothing. */
  readonly args: readonly string[] | undefined;
  readonly reader: 'none' | 'slow';
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
 * @throws when the program fails, or when what arrived is not what was expected.
 */
export async function measure(node: string, scenario: Scenario): Promise<Measurement> {
  const { name, args, reader, stopAfterMs, expectedEvents } = scenario;
  const nothing = openSync('/dev/null', 'w');
  const startedMs = performance.now();
  const program = args === undefined ? ['--eval', '0'] : [MAIN, ...args];
  const child = spawn(node, ['--import', PROBE, ...program], {
    stdio: ['ignore', reader === 'slow' ? 'pipe' : nothing, 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
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
  const seconds = (performance.now() - startedMs) / 1000;
  if (exit !== '0') throw new Error(`${name}: ended with ${exit}\n${complaints}`);
  if (args === undefined) return { name, events: 0, bytes: 0, seconds, ...probe };
  const sums = sumsIn(complaints);
  const events = sums['delivered_events'] ?? -1;
  const wrong =
    events !== expectedEvents ||
    (lines ?? events) !== events ||
    sums['lost_bytes'] !== 0 ||
    sums['undelivered_bytes'] !== 0 ||
    sums['invalid_lines'] !== 0;
  if (wrong) {
    const told = JSON.stringify(sums);
    throw new Error(`${name}: ${expectedEvents} events expected, ${lines ?? 'no'} lines, ${told}`);
  }
  return { name, events, bytes: sums['delivered_bytes'] ?? 0, seconds, ...probe };
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

/** The numbers of the log line with which the program ends. */
function sumsIn(complaints: string): Readonly<Record<string, number>> {
  const line = complaints
    .split('\n')
    .findLast((candidate) => candidate.includes('"msg":"stopped"'));
  return line === undefined ? {} : (JSON.parse(line) as Readonly<Record<string, number>>);
}

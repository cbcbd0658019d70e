/**
 * A program that follows files and ships what is appended to a receiver, for as long as it is watched: ours with a state
 * directory, as it runs on a node, or a peer. Knows nothing of what is measured.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { MAIN, stopTree } from './measure.ts';
import type { Peer } from './peers.ts';
import { residentBytesOf, threadSecondsOf } from './processes.ts';
import { startReceiver, type Receiver, type SinkOptions } from './receiver.ts';
import { nowUs } from './statistics.ts';

/** What both peers have by themselves. */
const PEER_FLUSH_SECONDS = 1;
/** For a program to start and to ship its first events, or what is left. */
const ARRIVAL_MS = 30_000;
/** How much of what it says is kept, for the case that it fails. */
const COMPLAINTS_MAX = 2000;

export interface Follower {
  readonly child: ChildProcess;
  readonly receiver: Receiver;
  readonly startedUs: number;
}

export interface Following {
  /** What is followed. */
  readonly directory: string;
  /** Ours, unless one is named. */
  readonly peer?: Peer | undefined;
  readonly sink: SinkOptions;
}

/** Runs it until `use` is done with it, and ends it. */
export async function withFollower<T>(
  bench: Bench,
  following: Following,
  use: (follower: Follower) => Promise<T>,
): Promise<T> {
  const receiver = await startReceiver(following.sink);
  const startedUs = nowUs();
  const child = start(bench, following, receiver);
  try {
    return await use({ child, receiver, startedUs });
  } finally {
    await stopTree(child);
    await receiver.finish().catch(() => undefined);
  }
}

function start(bench: Bench, { directory, peer }: Following, receiver: Receiver): ChildProcess {
  const scratch = mkdtempSync(join(bench.directory, 'follower-'));
  const { host, port, url } = receiver;
  const job = { scratch, directory, host, port, flushSeconds: PEER_FLUSH_SECONDS };
  const ours = { file: bench.node, args: [MAIN, '-f', '-s', scratch, '-o', url, directory] };
  const command = peer?.command(job) ?? ours;
  if (!('file' in command)) throw new Error('a peer is a program of its own');
  const child = spawn(command.file, command.args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  return child;
}

/** @throws when what is waited for does not come in time: then it says why. */
export async function arrival(
  { child, receiver }: Follower,
  of: 'the first' | 'all',
): Promise<void> {
  let complaints = '';
  const listen = (data: Buffer): void => {
    complaints = `${complaints}${data.toString()}`.slice(-COMPLAINTS_MAX);
  };
  child.stderr?.on('data', listen);
  const awaited = of === 'all' ? receiver.arrived : receiver.began;
  const inTime = await Promise.race([
    awaited.then(() => true),
    delay(ARRIVAL_MS, false, { ref: false }),
  ]);
  child.stderr?.off('data', listen).resume();
  if (!inTime) throw new Error(`not everything arrived in time from a follower:\n${complaints}`);
}

export interface Use {
  /** Of one core. */
  readonly cpuPercent: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
}

/** What a program takes while something else goes on. */
export async function useDuring(
  { child }: Follower,
  something: () => Promise<unknown>,
): Promise<Use> {
  const pid = child.pid ?? 0;
  const [cpuBefore, beganMs] = [threadSecondsOf(pid), performance.now()];
  await something();
  const seconds = (performance.now() - beganMs) / 1000;
  return {
    cpuPercent: (100 * (threadSecondsOf(pid) - cpuBefore)) / seconds,
    residentBytes: residentBytesOf(pid, 'VmRSS'),
    peakBytes: residentBytesOf(pid, 'VmHWM'),
  };
}

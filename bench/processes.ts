/**
 * What the kernel says of a process that lives and of all that it started: CPU time and memory (proc(5)). Knows nothing
 * of what they do.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/<pid>/stat behind the name in parentheses: utime and stime. */
const UTIME = 11;
const STIME = 12;

/** Undefined when the process or thread is gone. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`);
  } catch {
    return [];
  }
}

/** The process and all below it. */
export function treeOf(pid: number): readonly number[] {
  const children = threadsOf(pid).flatMap((thread) => {
    return (read(`${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number);
  });
  return [pid, ...children.flatMap(treeOf)];
}

/** User and system, with threads that have ended; in hundredths. */
export function cpuSecondsOf(pid: number): number {
  const ticks = treeOf(pid).map((one) => {
    const stat = read(`/proc/${one}/stat`) ?? '';
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[UTIME] ?? 0) + Number(fields[STIME] ?? 0);
  });
  return sum(ticks) / TICKS_PER_SECOND;
}

/** The same of threads that live, in nanoseconds (schedstat): for differences over a time in which none ends. */
export function threadSecondsOf(pid: number): number {
  const times = treeOf(pid).flatMap(threadsOf);
  return sum(times.map((thread) => Number(read(`${thread}/schedstat`)?.split(' ')[0] ?? 0))) / 1e9;
}

/** How long its first thread was ready to run and had no processor; 0 where the system does not tell. */
export function waitedMsOf(pid: number): number {
  // Documentation/scheduler/sched-stats.rst: time on the processor, time waiting for it (ns), number of slices.
  return Number(read(`/proc/${pid}/schedstat`)?.split(' ')[1] ?? 0) / 1e6;
}

/** VmHWM is the peak, VmRSS what is resident now. */
export function residentBytesOf(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const pattern = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm');
  const kib = treeOf(pid).map((one) => {
    return Number(pattern.exec(read(`/proc/${one}/status`) ?? '')?.[1] ?? 0);
  });
  return sum(kib) * 1024;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

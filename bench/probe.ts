/**
 * Loaded into the measured process before it begins (`node --import`): tells its peak, its CPU time and how it ended, at
 * its very end, to descriptor 3. What the parent could read from /proc would miss the last moments.
 */
import { readFileSync, writeSync } from 'node:fs';

/** What the measured process says of itself. */
export interface Probe {
  /** The largest resident set (VmHWM, proc(5)). */
  readonly peakBytes: number;
  readonly cpuSeconds: number;
  readonly exitCode: number;
}

const PROBE_FD = 3;

process.on('exit', (exitCode) => {
  const [, kib = '0'] =
    /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const { user, system } = process.cpuUsage();
  const probe: Probe = {
    peakBytes: Number(kib) * 1024,
    cpuSeconds: (user + system) / 1e6,
    exitCode,
  };
  writeSync(PROBE_FD, JSON.stringify(probe));
});

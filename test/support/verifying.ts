/**
 * `audit-shipper verify` as a process, and a log to try it on: rotated, compressed, with lines that are no events.
 * Knows nothing of what a test expects.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LogDirectory } from './log-directory.ts';
import { eventOf, eventsOf } from './numbered-events.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** Events get their `shipper.id`. */
export const COORDINATES = { AUDIT_SHIPPER_COORDINATES: 'true' } as const;

export const OLDEST = 'audit-2026-11-20T00-00-00.000.log';
export const MIDDLE = 'audit-2026-11-21T00-00-00.000.log';

/** What three files hold, oldest first, and how many ids it gets. */
export const EVENTS = 3 * 40 + 6;

export function writeLog(logs: LogDirectory): void {
  logs.write(OLDEST, eventsOf(1, 40));
  logs.gzip(OLDEST);
  const torn = `${eventOf(81).slice(0, 90)}${eventOf(82)}`;
  logs.write(MIDDLE, `${eventsOf(41, 60)}no event\n\n[1]\n${torn}\n \n${eventsOf(61, 80)}`);
  logs.write('audit.log', `${eventsOf(83, 122)}\0\0\0\n${eventOf(123)}${eventOf(124)}\n`);
}

export interface Verified {
  readonly code: number | null;
  /** The first line of what is shown. */
  readonly verdict: string;
  readonly stdout: string;
  readonly stderr: string;
}

export function verify(args: readonly string[], input?: string): Verified {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'verify', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
    ...(input === undefined ? {} : { input }),
  });
  return { code: status, verdict: stdout.slice(0, stdout.indexOf('\n')), stdout, stderr };
}

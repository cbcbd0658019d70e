/** A picture of an agent that is well, to change where a test wants something else. */
import type { LogVitals, Sums, Vitals } from '../../src/observe/vitals.ts';
import { LOG } from './blocks.ts';

export const SUMS: Sums = {
  readBytes: 300,
  readEvents: 3,
  deliveredEvents: 2,
  deliveredBytes: 200,
  filteredEvents: {},
  redactedEvents: 0,
  rulesReloads: {},
  skippedBytes: 0,
  invalidLines: {},
  truncatedEvents: 0,
  deadLetterEvents: 0,
  lostBytes: {},
  losses: {},
  unaccountedBytes: 0,
  rotations: {},
  retries: {},
};

export const LOG_VITALS: LogVitals = {
  path: LOG,
  lagBytes: 0,
  lagSeconds: 0,
  namelessBytes: 0,
  bytesPerSecond: undefined,
  secondsToLoss: undefined,
  isAtRisk: false,
  heldDeletedBytes: 0,
  files: [{ path: LOG, sizeBytes: 300, offset: 300, isDeleted: false }],
  otherFiles: 0,
};

export function vitalsOf(changes: Partial<Vitals> = {}): Vitals {
  return {
    version: '1.2.3',
    time: '2026-03-04T05:06:07.000Z',
    started: '2026-03-04T05:00:00.000Z',
    sums: SUMS,
    logs: [LOG_VITALS],
    upstreams: [],
    inFlightChunks: 0,
    stuckSeconds: 0,
    checkpoint: { saves: 4, ageSeconds: 0.5, failing: undefined },
    troubles: [],
    slowed: [],
    said: [],
    ...changes,
  };
}

/**
 * Appends events to a log at a rate, one at a time, each with the time of its write as its number: a process of its own.
 * Settles first, so that all that takes part is warm; says on stdout when the events begin that count, and how many they
 * were.
 *
 *     node writer.js <file> <options as JSON>
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { metadataEvents } from './inputs.ts';
import { countAt, type FromWriter, type WriterOptions } from './pace.ts';
import { digitsIn, digitsOf } from './roll.ts';
import { nowUs } from './statistics.ts';

/** Different events, so that nothing is learnt by heart. */
const DIFFERENT_EVENTS = 1000;

interface Line {
  readonly bytes: Buffer;
  readonly digitsAt: number;
}

function makeLines(): readonly Line[] {
  const events = metadataEvents();
  return Array.from({ length: DIFFERENT_EVENTS }, () => {
    const line = events.next().value;
    return { bytes: Buffer.from(`${line}\n`), digitsAt: digitsIn(line)?.from ?? 0 };
  });
}

const [path = '', json = ''] = process.argv.slice(2);
const { eventsPerSecond, settleMs, forMs } = JSON.parse(json) as WriterOptions;
const lines = makeLines();
const fd = openSync(path, 'a');
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let [written, lastUs] = [0, 0];

/** A time is a number of one event only. */
function write(): void {
  const line = lines[written % lines.length];
  if (line === undefined) return;
  lastUs = Math.max(nowUs(), lastUs + 1);
  line.bytes.write(digitsOf(lastUs), line.digitsAt, 'latin1');
  writeSync(fd, line.bytes);
  written += 1;
}

/** Each event at its time; those that are late at once, one write each. */
function writeFor(ms: number): void {
  const startMs = performance.now();
  const count = countAt(eventsPerSecond)(ms);
  for (let index = 0; index < count; index += 1) {
    const waitMs = startMs + (index * 1000) / eventsPerSecond - performance.now();
    if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
    write();
  }
}

function say(message: FromWriter): void {
  writeSync(1, `${JSON.stringify(message)}\n`);
}

writeFor(settleMs);
say({ began: true });
const before = written;
const fromUs = nowUs();
writeFor(forMs);
say({ events: written - before, fromUs, toUs: lastUs });
closeSync(fd);

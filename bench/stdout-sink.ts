/**
 * The reader of a pipe, in a process of its own: counts lines, and does nothing else in the way of the writer. Says at
 * the end, to descriptor 4, what it got.
 *
 *     program | node stdout-sink.js <options as JSON>
 */
import { readSync, writeSync } from 'node:fs';
import { waits, type Slowness } from './slowness.ts';
import { numbersIn, Roll, type RollCall } from './roll.ts';
import { nowUs } from './statistics.ts';

export interface StdoutSinkOptions {
  readonly expectedEvents: number;
  readonly callsRoll: boolean;
  readonly slow?: Slowness | undefined;
}

export interface StdoutReceipts {
  readonly lines: number;
  readonly bytes: number;
  readonly lastUs: number;
  readonly roll?: RollCall;
}

const REPORT_FD = 4;
/** More than a pipe holds. */
const BUFFER_BYTES = 1024 * 1024;
const NEWLINE = 10;

const options = JSON.parse(process.argv[2] ?? '') as StdoutSinkOptions;
const roll = options.callsRoll ? new Roll(options.expectedEvents) : undefined;
const waitMs = options.slow && waits(options.slow);
const buffer = Buffer.alloc(BUFFER_BYTES);
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let [lines, bytes, lastUs] = [0, 0, 0];
/** Of a line that is not complete: only where lines are looked at. */
let held: Buffer[] = [];

function look(input: Buffer): void {
  const end = input.lastIndexOf(NEWLINE) + 1;
  if (end > 0) {
    for (const number of numbersIn(Buffer.concat([...held, input.subarray(0, end)]), 'json')) {
      roll?.call(number);
    }
    held = [];
  }
  held.push(Buffer.from(input.subarray(end)));
}

for (;;) {
  const length = readSync(0, buffer);
  if (length === 0) break;
  lastUs = nowUs();
  bytes += length;
  const input = buffer.subarray(0, length);
  for (let at = input.indexOf(NEWLINE); at !== -1; at = input.indexOf(NEWLINE, at + 1)) lines += 1;
  if (roll !== undefined) look(input);
  const ms = waitMs?.() ?? 0;
  if (ms > 0) Atomics.wait(sleeper, 0, 0, ms);
}
const receipts: StdoutReceipts = { lines, bytes, lastUs, ...(roll && { roll: roll.result() }) };
writeSync(REPORT_FD, JSON.stringify(receipts));

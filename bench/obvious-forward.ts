/**
 * The other side of the comparison: the client of @fluent-org/logger, fed with the lines of a directory of audit logs.
 * It gets what serves it best: PackedForward, messages of a chosen size flushed at once, two of them on their way. Ends
 * with the line of sums that the program ends with.
 *
 *     node obvious-forward.js <url> <directory> <options as JSON>
 */
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EventTime, FluentClient, FluentSocketEvent } from '@fluent-org/logger';
import split2 from 'split2';

export interface PackageOptions {
  /** Events of a message. */
  readonly messageEvents: number;
  /** Without waiting for the message before the last one. */
  readonly unbounded?: boolean;
  /** Its eventRetry, with its defaults. */
  readonly retries: boolean;
  readonly ackMs: number;
  readonly sharedKey?: string;
}

interface AuditEvent {
  readonly stageTimestamp: string;
  readonly [key: string]: unknown;
}

interface Counted {
  events: number;
  bytes: number;
}

const [url = '', directory = '', json = ''] = process.argv.slice(2);
const { hostname: host, port } = new URL(url);
const options = JSON.parse(json) as PackageOptions;

const client = new FluentClient('kube.audit', {
  eventMode: 'PackedForward',
  ack: { ackTimeout: options.ackMs },
  // All flushes but the last ones are called for below.
  flushInterval: 100,
  socket: { host, port: Number(port) },
  ...(options.retries && { eventRetry: {} }),
  ...(options.sharedKey !== undefined && {
    security: { clientHostname: 'package', sharedKey: options.sharedKey },
  }),
});
client.socketOn(FluentSocketEvent.ERROR, (error: Error) => {
  process.stderr.write(`${error.name}: ${error.message}\n`);
});

const delivered: Counted = { events: 0, bytes: 0 };
const rejected: Counted = { events: 0, bytes: 0 };

/** The events of a message share a promise, unless each has its retries. */
type Batch = Map<Promise<void>, Counted>;

async function settle(batch: Batch): Promise<void> {
  for (const [promise, { events, bytes }] of batch) {
    const account = await promise.then(
      () => delivered,
      () => rejected,
    );
    account.events += events;
    account.bytes += bytes;
  }
}

function emit(line: string, batch: Batch): void {
  const event = JSON.parse(line) as AuditEvent;
  const promise = client.emit(event, EventTime.fromTimestamp(Date.parse(event.stageTimestamp)));
  // Heard in settle(), maybe later.
  promise.catch(() => undefined);
  const counted = batch.get(promise) ?? { events: 0, bytes: 0 };
  counted.events += 1;
  counted.bytes += Buffer.byteLength(line) + 1;
  batch.set(promise, counted);
}

async function send(): Promise<void> {
  let batch: Batch = new Map();
  let events = 0;
  let before = Promise.resolve();
  const batches: Promise<void>[] = [];
  for (const name of readdirSync(directory).sort()) {
    for await (const line of createReadStream(join(directory, name)).pipe(split2())) {
      emit(line as string, batch);
      events += 1;
      if (events % options.messageEvents !== 0) continue;
      client.syncFlush();
      if (options.unbounded !== true) await before;
      before = settle(batch);
      batches.push(before);
      batch = new Map();
    }
  }
  client.syncFlush();
  await Promise.all([...batches, settle(batch)]);
}

await send();
const sums = {
  msg: 'stopped',
  delivered_events: delivered.events,
  delivered_bytes: delivered.bytes,
  lost_bytes: 0,
  undelivered_bytes: rejected.bytes,
  undelivered_events: rejected.events,
  invalid_lines: 0,
};
process.stderr.write(`${JSON.stringify(sums)}\n`);
process.exit();

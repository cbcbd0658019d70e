/**
 * What the two senders do when a receiver does not do its part: each scenario is played with both,
 * and what the receiver saw is told in a table. It judges nothing.
 */
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { encode } from '@msgpack/msgpack';
import { eventsIn } from '../test/support/forward-chunks.ts';
import { helo } from '../test/support/forward-login.ts';
import { ForwardServer, type Received } from '../test/support/forward-server.ts';
import type { Part } from './bench.ts';
import { sendOurs, sendWithPackage, type Send, type Sender } from './fault-senders.ts';
import { FrameReader } from './frames.ts';
import { writeBacklog, type Input } from './inputs.ts';
import { markdownTable } from './table.ts';

/** 20,000 events of about 1 KB, and as many as make some 30 messages. */
const LARGE_BYTES = 20.6e6;
const SMALL_BYTES = 2e6;
/** Long enough for the senders to have read everything. */
const AWAY_MS = 4000;
/** Of the ack, where a scenario waits for it. */
const SHORT_MS = 1000;
const LONG_MS = 30_000;
/** A sender that has not ended by then will not: it has nothing to wait for that takes half as long. */
const PATIENCE_MS = 10_000;
/** The package's own ack timeout, and longer than its retries go on with it. */
const DEFAULT_ACK_MS = 500;
const NO_ACKS_MS = 5000;
/** Beyond the 3 s after which the package takes a connection for idle. */
const SILENCE_MS = 4000;

interface Inputs {
  readonly large: Input;
  readonly small: Input;
}

interface Fault {
  readonly name: string;
  readonly play: (send: Send, inputs: Inputs) => Promise<string>;
}

// --- what is told ---

/** What a receiver that stores every message, acknowledged or not, has in the end. */
function stored(messages: readonly Received[], expected: number): string {
  const keysOf = ({ entries }: Received): string[] => {
    return eventsIn(entries).map(({ auditID, ...event }) => `${auditID} ${String(event['stage'])}`);
  };
  const all = messages.flatMap(keysOf);
  const byId = new Map(messages.map((message) => [message.id, message]));
  const firsts = [...byId.values()].flatMap(keysOf);
  const distinct = new Set(all).size;
  const [lost, again, unknown] = [
    expected - distinct,
    all.length - distinct,
    firsts.length - distinct,
  ];
  const ids = again === 0 ? '' : ` (${unknown} under new ids)`;
  return `${lost} lost, ${again} sent again${ids}`;
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

async function endOf(sender: Sender, ms = PATIENCE_MS): Promise<string> {
  await Promise.race([sender.ended, delay(ms, undefined, { ref: false })]);
  const inTime = sender.hasEnded;
  await sender.kill();
  return inTime ? '' : `; not done after ${duration(ms)}`;
}

// --- the scenarios ---

async function away(send: Send, { large }: Inputs): Promise<string> {
  let firstMs: number | undefined;
  const server = await ForwardServer.absent({
    script: {
      connected: () => (firstMs ??= performance.now()),
    },
  });
  const { directory, events } = large;
  const sender = send({ port: server.port, directory, ackMs: LONG_MS, unbounded: true });
  await delay(AWAY_MS);
  const backMs = performance.now();
  await server.start();
  const end = await endOf(sender);
  await server.stop();
  const largest = Math.max(...server.chunks.map(({ entries }) => entries.length));
  const found = duration((firstMs ?? Infinity) - backMs);
  const size = `largest message ${(largest / 1e6).toFixed(2)} MB`;
  return `connects after ${found}; ${size}; ${stored(server.chunks, events)}${end}`;
}

async function reset(send: Send, { small }: Inputs): Promise<string> {
  const times: number[] = [];
  const server = await ForwardServer.start({
    script: {
      message: (peer, message) => {
        times.push(performance.now());
        if (times.length > 2) peer.ack(message);
        else if (times.length === 2) peer.reset();
      },
    },
  });
  const ackMs = 3 * SHORT_MS;
  const sender = send({ port: server.port, directory: small.directory, ackMs });
  const end = await endOf(sender);
  await server.stop();
  const again = resentAs(server.received);
  if (again === undefined) return `never sent again${end}`;
  const waited = duration((times[server.received.indexOf(again)] ?? NaN) - (times[1] ?? NaN));
  return `again after ${waited}; ${sameness(server.received[0], again)}${end}`;
}

/** The message that has the first event of the first message again. */
function resentAs([first, ...rest]: readonly Received[]): Received | undefined {
  const [event] = eventsIn(first?.entries ?? Buffer.alloc(0));
  const has = ({ auditID }: { readonly auditID: string }): boolean => auditID === event?.auditID;
  return rest.find(({ entries }) => eventsIn(entries).some(has));
}

function sameness(a: Received | undefined, b: Received): string {
  const id = a?.id === b.id ? 'same id' : 'another id';
  return `${id}, ${a?.entries.equals(b.entries) === true ? 'same bytes' : 'other bytes'}`;
}

async function oneWithoutAck(send: Send, { small }: Inputs): Promise<string> {
  let count = 0;
  const server = await ForwardServer.start({
    script: {
      message: (peer, message) => {
        count += 1;
        if (count !== 2) peer.ack(message);
      },
    },
  });
  const sender = send({ port: server.port, directory: small.directory, ackMs: SHORT_MS });
  const end = await endOf(sender);
  await server.stop();
  return `${stored(server.received, small.events)}; ${counted(server.peers.length, 'connection')}${end}`;
}

async function noAcks(send: Send, { small }: Inputs): Promise<string> {
  let fromMs: number | undefined;
  const server = await ForwardServer.start({
    script: {
      message: (peer, message) => {
        fromMs ??= performance.now() + NO_ACKS_MS;
        if (performance.now() > fromMs) peer.ack(message);
      },
    },
  });
  const { directory, events } = small;
  const sender = send({ port: server.port, directory, ackMs: DEFAULT_ACK_MS });
  const end = await endOf(sender);
  const { reported } = await sender.kill();
  await server.stop();
  return `${events - (reported ?? NaN)} given up; ${stored(server.received, events)}${end}`;
}

/** Accepts, and neither reads nor answers. */
async function blackHole(send: Send, { large }: Inputs): Promise<string> {
  const times: number[] = [];
  const server = await ForwardServer.start({
    script: {
      connected: (peer) => {
        times.push(performance.now());
        peer.pause();
      },
    },
  });
  const { directory } = large;
  const sender = send({ port: server.port, directory, ackMs: SHORT_MS, unbounded: true });
  await endOf(sender);
  await server.stop();
  const [first = NaN, second] = times;
  return second === undefined
    ? `no other connection in ${duration(PATIENCE_MS)}`
    : `another connection after ${duration(second - first)}`;
}

async function lateAck(send: Send, { small }: Inputs): Promise<string> {
  let count = 0;
  const server = await ForwardServer.start({
    script: {
      message: async (peer, message) => {
        count += 1;
        if (count === 1) await delay(2 * SHORT_MS);
        peer.ack(message);
      },
    },
  });
  const sender = send({ port: server.port, directory: small.directory, ackMs: SHORT_MS });
  const end = await endOf(sender);
  await server.stop();
  return `${stored(server.received, small.events)}; ${counted(server.peers.length, 'connection')}${end}`;
}

/** It is busy with the first message, and hears only then that the sender has ended its half of the connection. */
async function ackAfterSilence(send: Send, { small }: Inputs): Promise<string> {
  let [messages, events, connections] = [0, 0, 0];
  const serve = async (socket: Socket): Promise<void> => {
    const reader = new FrameReader();
    connections += 1;
    for await (const bytes of socket as AsyncIterable<Buffer>) {
      for (const frame of reader.feed(bytes)) {
        messages += 1;
        events += frame.events;
        if (messages === 1) await delay(SILENCE_MS);
        socket.write(encode({ ack: frame.id }));
      }
    }
  };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    serve(socket).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sender = send({ port, directory: small.directory, ackMs: LONG_MS });
  const end = await endOf(sender);
  server.close();
  return `${events} of ${small.events} events sent; ${counted(connections, 'connection')}${end}`;
}

function login(text: boolean): Fault['play'] {
  return async (send, { small }) => {
    const key = { key: 'a shared key' };
    const server = await ForwardServer.start({
      login: key,
      script: { connected: (peer) => peer.write(text ? heloWithTexts(helo(key)) : helo(key)) },
    });
    const { directory, events } = small;
    const sender = send({ port: server.port, directory, ackMs: LONG_MS, sharedKey: key.key });
    const end = await endOf(sender, PATIENCE_MS / 4);
    await server.stop();
    const entered = server.peers.some(({ loggedIn }) => loggedIn);
    if (!entered) return `login refused${end}`;
    return `logged in; ${stored(server.chunks, events)}${end}`;
  };
}

/** Fluent Bit writes the bytes of the nonce as str, though they are no text. */
function heloWithTexts(bytes: Uint8Array): Buffer {
  const [binOf16, binOf0] = ['c410', 'c400'];
  const hex = Buffer.from(bytes).toString('hex');
  return Buffer.from(hex.replace(binOf16, 'b0').replace(binOf0, 'a0'), 'hex');
}

/** Rows of scenarios, played side by side: most of their time is waiting. */
const FAULTS: readonly (readonly Fault[])[] = [
  [
    { name: '20,000 events while the receiver is away', play: away },
    { name: 'a reset with messages unacknowledged, ack timeout 3 s', play: reset },
    { name: 'one message never acknowledged, ack timeout 1 s', play: oneWithoutAck },
  ],
  [{ name: 'no ack for 5 s, ack timeout 0.5 s', play: noAcks }],
  [{ name: 'accepts, and neither reads nor answers, ack timeout 1 s', play: blackHole }],
  [
    { name: 'an ack after 2 s, ack timeout 1 s', play: lateAck },
    { name: 'an ack after 4 s of silence, ack timeout 30 s', play: ackAfterSilence },
    { name: 'shared key, nonce as bin (Fluentd)', play: login(false) },
    { name: 'shared key, nonce as str (Fluent Bit)', play: login(true) },
  ],
];

/** The one that takes the least time. */
const QUICK_FAULTS = FAULTS.slice(0, 1).map((row) => row.slice(-1));

async function playBoth(
  { name, play }: Fault,
  inputs: Inputs,
  progress: (what: string) => void,
): Promise<readonly string[]> {
  progress(name);
  return [name, ...(await Promise.all([play(sendWithPackage, inputs), play(sendOurs, inputs)]))];
}

export const faults: Part = {
  name: 'faults',
  async measure({ directory, size, progress }) {
    const inputs = {
      large: writeBacklog(join(directory, 'large'), 1, LARGE_BYTES),
      small: writeBacklog(join(directory, 'small'), 1, SMALL_BYTES),
    };
    const rows = await Promise.all(
      (size.faults === 'quick' ? QUICK_FAULTS : FAULTS).map(async (row) => {
        const played: (readonly string[])[] = [];
        for (const fault of row) played.push(await playBoth(fault, inputs, progress));
        return played;
      }),
    );
    const headings = ['scenario', 'the package', 'audit-shipper'];
    return { text: markdownTable([headings, ...rows.flat()], headings.length), facts: {} };
  },
};

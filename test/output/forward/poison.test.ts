/**
 * One event among 64 that a receiver cannot take, on the wire: the others arrive, and that one without its bodies or
 * not at all, as a dead letter.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DeadLetters } from '../../../src/deliver/dead-letter.ts';
import type { Chunk } from '../../../src/deliver/chunk.ts';
import { Health } from '../../../src/deliver/health.ts';
import { Quarantine } from '../../../src/deliver/quarantine.ts';
import { chunkOf, eventOf, numberedChunks, type TestEvent } from '../../support/forward-chunks.ts';
import { Sender } from '../../support/forward-sender.ts';
import { ForwardServer, type Script } from '../../support/forward-server.ts';
import { letterAt } from '../../support/letters.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const EVENTS = 64;
const POISONED = 23;
const MARKER = 'skull-and-bones';
const ACK_MS = 600;
/** How long the receiver is away when it fell over. */
const DOWN_MS = 50;

/** How the chunk can be taken apart: as the pipeline does it, with events in the place of lines. */
class Apart {
  readonly #events = new WeakMap<Chunk, readonly TestEvent[]>();
  readonly letters: DeadLetters;

  constructor(t: TestContext) {
    this.letters = new DeadLetters(temporaryDirectory(t));
  }

  chunk(id: string, events: readonly TestEvent[]): Chunk {
    const chunk = chunkOf(id, events);
    this.#events.set(chunk, events);
    return chunk;
  }

  quarantine(examine: ConstructorParameters<typeof Quarantine>[0]['examine']): Quarantine {
    return new Quarantine({
      examine,
      divide: (chunk) => this.#divide(chunk),
      strip: (chunk) => this.#strip(chunk),
      letter: (chunk) => {
        const line = Buffer.from(JSON.stringify(this.#of(chunk)[0]));
        const place = { log: 'audit.log', fingerprint: 'f', offset: 1, bytes: 1 };
        return { ...place, kind: 'lines', line };
      },
      deadLetters: this.letters,
      health: new Health(),
      log: new RecordingLog(),
      wait: async () => undefined,
    });
  }

  #of(chunk: Chunk): readonly TestEvent[] {
    return this.#events.get(chunk) ?? [];
  }

  #divide(chunk: Chunk): readonly Chunk[] {
    const events = this.#of(chunk);
    if (events.length < 2) return [];
    const middle = events.length >> 1;
    const halves = [events.slice(0, middle), events.slice(middle)];
    return halves.map((half, index) => this.chunk(`${chunk.id}-${index}`, half));
  }

  #strip(chunk: Chunk): Chunk | undefined {
    const [event] = this.#of(chunk);
    if (event === undefined || !('requestObject' in event)) return undefined;
    const { requestObject: _, ...rest } = event;
    return this.chunk(`${chunk.id}-truncated`, [rest]);
  }
}

/** 64 events, one of them poisoned where the caller says. */
function eventsWith(poison: (id: string) => TestEvent): readonly TestEvent[] {
  return Array.from({ length: EVENTS }, (_, index) => {
    const id = `many-${index}`;
    return index === POISONED ? poison(id) : eventOf(id);
  });
}

interface Outcome {
  readonly server: ForwardServer;
  readonly sender: Sender;
  readonly apart: Apart;
}

/** What a receiver makes of a message. */
type Behaviour = (server: ForwardServer) => NonNullable<Script['message']>;

/** Delivers the 64 events between others. */
async function deliver(
  t: TestContext,
  behaviour: Behaviour,
  poison: (id: string) => TestEvent,
): Promise<Outcome> {
  const server = await ForwardServer.start();
  server.script = { message: behaviour(server) };
  t.after(() => server.stop());
  const apart = new Apart(t);
  const sender = new Sender(t, {
    ports: [server.port],
    deadlines: { ack: ACK_MS },
    quarantine: (examine) => apart.quarantine(examine),
  });
  sender.submit(numberedChunks(2));
  sender.submit([apart.chunk('poisoned', eventsWith(poison))]);
  sender.submit(numberedChunks(12).slice(2));
  await sender.drained();
  await until('the quarantine to end', () => sender.underWay === 0);
  sender.checkSettled();
  return { server, sender, apart };
}

const closesAtMarker: Behaviour = () => (peer, message) => {
  if (message.entries.includes(MARKER)) peer.end();
  else if (!peer.over) peer.ack(message);
};

const neverAcksMarker: Behaviour = () => (peer, message) => {
  if (!message.entries.includes(MARKER)) peer.ack(message);
};

const fallsOverMarker: Behaviour = (server) => {
  let falling: Promise<void> | undefined;
  return (peer, message) => {
    if (peer.over) return;
    if (!message.entries.includes(MARKER)) peer.ack(message);
    else falling ??= restart(server).then(() => (falling = undefined));
  };
};

/** As a process that crashes, and that somebody starts again. */
async function restart(server: ForwardServer): Promise<void> {
  await server.stop();
  await delay(DOWN_MS);
  await server.start();
}

const inBody = (id: string): TestEvent => eventOf(id, { requestObject: { data: MARKER } });
const inEvent = (id: string): TestEvent => eventOf(id, { user: MARKER });

describe('an event that the receiver cannot take', () => {
  const receivers = [
    ['hangs up', closesAtMarker],
    ['never acknowledges it', neverAcksMarker],
    ['falls over it, and comes back', fallsOverMarker],
  ] as const;
  for (const [name, message] of receivers) {
    it(`is delivered without its bodies when those are why; the receiver ${name}`, async (t) => {
      const { server, sender, apart } = await deliver(t, message, inBody);
      const events = new Map(server.events.map((event) => [event.auditID, event]));
      assert.equal(events.size, EVENTS + 12);
      assert.equal(events.get(`many-${POISONED}`)?.['requestObject'], undefined);
      const accounts = sender.settled.find(({ id }) => id === 'poisoned')?.accounts;
      assert.deepEqual([accounts?.delivered.events, accounts?.deadLettered.events], [EVENTS, 0]);
      assert.deepEqual(await apart.letters.list(), []);
    });

    it(`becomes a dead letter, and its neighbours arrive; the receiver ${name}`, async (t) => {
      const { server, sender, apart } = await deliver(t, message, inEvent);
      const ids = new Set(server.events.map(({ auditID }) => auditID));
      assert.equal(ids.size, EVENTS - 1 + 12);
      assert.ok(!ids.has(`many-${POISONED}`));
      const accounts = sender.settled.find(({ id }) => id === 'poisoned')?.accounts;
      assert.deepEqual(
        [accounts?.delivered.events, accounts?.deadLettered.events],
        [EVENTS - 1, 1],
      );
      const [letter, ...others] = await apart.letters.list();
      assert.deepEqual(others, []);
      const { line } = await letterAt(apart.letters, letter ?? '');
      assert.equal((JSON.parse(line.toString()) as TestEvent).auditID, `many-${POISONED}`);
    });
  }
});

/**
 * Fuzzes `receive`: senders send garbage and nearly right messages, in any slices, and hang up when they like. It goes
 * on listening and acknowledges the next good message, prints lines of JSON only, and nothing of a sender that has
 * not logged in.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decode, encode } from '@msgpack/msgpack';
import { receive } from '../../src/commands/receive.ts';
import type { Random } from '../../src/commands/simulate/random.ts';
import type { Format } from '../../src/config/config.ts';
import { escapeControl } from '../../src/observe/terminal.ts';
import { HeldStdout, message, SETTINGS } from '../commands/receive/started.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { until } from '../support/until.ts';
import { SAID } from './forward.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, slicesOf, wordsOf, type Material } from './mutate.ts';

const RECORDS = [
  { kind: 'Event', userAgent: '\u001b[2J\u009b' },
  { shipper: { error: 'x' }, log: '\0' },
];

const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

const SENT: Material = {
  corpus: [
    message(RECORDS, 'a'),
    message(RECORDS),
    message(RECORDS, 'b', true),
    Buffer.from(encode(['kube.audit', 1_772_600_767, RECORDS[0], { chunk: 'c' }])),
    Buffer.from(encode(['kube.audit', [[1_772_600_767, RECORDS[0]]], { chunk: 'd' }])),
    Buffer.from(encode(['PING', 'client', 'salt', 'digest', 'user', 'password'])),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from('160301020001000', 'hex'),
  ],
  words: [
    ...SAID.words,
    ...wordsOf('chunk', 'compressed', 'gzip', 'size', '__proto__', 'log', 'shipper', 'kind'),
    Buffer.from('d700ffffffffffffffff', 'hex'),
    Buffer.from(encode('x'.repeat(500))),
  ],
};

export const receiver: Fuzzer = {
  name: 'receive',
  cases: 150,
  open: async () => {
    const [json, pretty, locked] = await Promise.all([
      Receiving.start('json', undefined),
      Receiving.start('pretty', undefined),
      Receiving.start('json', 'the shared key'),
    ]);
    return new ReceiveReader(json, pretty, locked);
  },
};

class ReceiveReader implements Reader {
  readonly #json: Receiving;
  readonly #pretty: Receiving;
  readonly #locked: Receiving;

  constructor(json: Receiving, pretty: Receiving, locked: Receiving) {
    this.#json = json;
    this.#pretty = pretty;
    this.#locked = locked;
  }

  async check(random: Random): Promise<void> {
    if (random.below(4) === 0) {
      await sendGarbage(random, this.#locked.port);
      assert.equal(this.#locked.stdout.text, '', 'nothing of whom nobody knows');
      return;
    }
    const shown = random.pick([this.#json, this.#pretty]);
    await sendGarbage(random, shown.port);
    await assertServed(shown.port, String(random.next()));
    for (const line of shown.taken()) {
      if (shown === this.#json) JSON.parse(line);
      const plain = shown === this.#json ? line.replace(CONTROLS, '') : escapeControl(line);
      assert.equal(line, plain, 'no control character reaches a terminal');
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#json.stop(), this.#pretty.stop(), this.#locked.stop()]);
  }
}

async function assertServed(port: number, chunk: string): Promise<void> {
  const socket = await dial(port);
  const answered = once(socket, 'data') as Promise<[Buffer]>;
  socket.write(message([{ kind: 'Event' }], chunk));
  assert.deepEqual(decode((await answered)[0]), { ack: chunk }, 'the next one is served');
  socket.destroy();
}

async function sendGarbage(random: Random, port: number): Promise<void> {
  const socket = await dial(port);
  const bytes = mutated(random, SENT);
  for (const slice of slicesOf(random, bytes)) if (socket.writable) socket.write(slice);
  const closed = once(socket, 'close');
  if (random.below(3) === 0) socket.resetAndDestroy();
  else socket.end();
  await closed;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  return socket;
}

/** A receiver in this process. */
class Receiving {
  readonly stdout = new HeldStdout();
  port = 0;
  readonly #end = new AbortController();
  readonly #ended: Promise<number>;
  readonly #log = new RecordingLog();

  static async start(format: Format, sharedKey: string | undefined): Promise<Receiving> {
    const receiving = new Receiving(format, sharedKey);
    const { fields } = await until('listening', () => {
      return receiving.#log.entries.find((entry) => entry.message === 'listening');
    });
    receiving.port = Number(String(fields?.['address']).split(':').at(-1));
    return receiving;
  }

  private constructor(format: Format, sharedKey: string | undefined) {
    const { signal } = this.#end;
    const settings = { ...SETTINGS, sharedKey, format };
    this.#ended = receive(settings, { log: this.#log, signal, stdout: this.stdout, env: {} });
  }

  /** The whole lines that were printed since the last call. */
  taken(): readonly string[] {
    const { text } = this.stdout;
    this.stdout.text = '';
    return text.split('\n').slice(0, -1);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }
}

/**
 * Conversations with real receivers, recorded once and played back: what Fluentd and Fluent Bit said goes in, and
 * what the client sent then must come out, byte by byte. Each transcript is a text file beside this test.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readAck } from '../../src/output/forward/ack-reader.ts';
import { AuthenticationError, Handshake, type Login } from '../../src/output/forward/handshake.ts';
import { packedForward, type Message } from '../../src/output/forward/message.ts';
import { MessageReader, type Value } from '../../src/output/forward/msgpack.ts';
import { chunkOf, eventOf } from '../support/forward-chunks.ts';
import { projectRoot } from '../support/project.ts';

const FOLDER = join(projectRoot(), 'test', 'conformance');
const ENDING = '.txt';

interface Line {
  readonly from: 'client' | 'receiver';
  readonly bytes: Buffer;
}

interface Transcript {
  readonly name: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly lines: readonly Line[];
}

function transcripts(): readonly Transcript[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(ENDING));
  return files.sort().map((file) => {
    const lines = readFileSync(join(FOLDER, file), 'utf8').trimEnd().split('\n');
    const settings = lines.flatMap((line) => /^(\w+): (.*)$/.exec(line)?.slice(1, 3) ?? []);
    return {
      name: file.slice(0, -ENDING.length),
      settings: new Map(
        settings.flatMap((key, at) => (at % 2 === 0 ? [[key, settings[at + 1] ?? '']] : [])),
      ),
      lines: lines.filter((line) => /^[<>] /.test(line)).map(lineOf),
    };
  });
}

function lineOf(line: string): Line {
  const from = line.startsWith('>') ? 'client' : 'receiver';
  return { from, bytes: Buffer.from(line.slice(2), 'hex') };
}

function handshakeOf(settings: ReadonlyMap<string, string>): Handshake | undefined {
  const sharedKey = settings.get('key');
  if (sharedKey === undefined) return undefined;
  const [name, password] = settings.get('user')?.split(' ') ?? [];
  const user: Login['user'] =
    name === undefined || password === undefined ? undefined : { name, password };
  const hostname = settings.get('hostname') ?? '';
  return new Handshake({ login: { sharedKey, user }, hostname, salt: settings.get('salt') ?? '' });
}

/** The one chunk that every conversation is about. */
function firstMessage(): Message {
  const chunk = chunkOf('chunk-1', [eventOf('event-1')]);
  return packedForward('kube.audit', chunk, chunk.payload);
}

interface Outcome {
  readonly sent: readonly string[];
  readonly acked: readonly string[];
  readonly refusal: Error | undefined;
}

/** The client's machines, fed with what the receiver said in pieces of `pieceBytes`. */
function playBack({ settings, lines }: Transcript, pieceBytes: number): Outcome {
  const handshake = handshakeOf(settings);
  const reader = new MessageReader();
  const sent: Buffer[] = [];
  const acked: string[] = [];
  const open = (): unknown => sent.push(Buffer.concat(firstMessage().pieces));
  if (handshake === undefined) open();
  const said = Buffer.concat(
    lines.filter(({ from }) => from === 'receiver').map(({ bytes }) => bytes),
  );
  const hear = (value: Value): void => {
    if (handshake === undefined || handshake.done) {
      acked.push(readAck(value));
      return;
    }
    const answer = handshake.next(value);
    if (answer !== undefined) sent.push(answer);
    if (handshake.done) open();
  };
  let refusal: Error | undefined;
  try {
    for (let at = 0; at < said.length; at += pieceBytes) {
      for (const value of reader.feed(said.subarray(at, at + pieceBytes))) hear(value);
    }
  } catch (error) {
    refusal = error as Error;
  }
  return { sent: sent.map(hex), acked, refusal };
}

function hex(bytes: Buffer): string {
  return bytes.toString('hex');
}

/** How the conversations end in which the client knows a wrong secret; Fluent Bit just hangs up at a wrong key. */
const REFUSALS: ReadonlyMap<string, RegExp | 'hangs up'> = new Map<string, RegExp | 'hangs up'>([
  ['fluentd-wrong-key', /shared_key mismatch/],
  ['fluentd-wrong-password', /username\/password mismatch/],
  ['fluent-bit-wrong-key', 'hangs up'],
  ['fluent-bit-wrong-password', /username\/password mismatch/],
]);

describe('the recorded conversation', () => {
  for (const transcript of transcripts()) {
    const { name, lines } = transcript;
    const refusal = REFUSALS.get(name);
    it(`${name} goes as it went`, () => {
      const expected = lines.filter(({ from }) => from === 'client').map(({ bytes }) => hex(bytes));
      for (const pieceBytes of [1, 7, 64 * 1024]) {
        const outcome = playBack(transcript, pieceBytes);
        assert.deepEqual(outcome.sent, expected);
        assert.deepEqual(outcome.acked, refusal === undefined ? [firstMessage().id] : []);
        if (refusal instanceof RegExp) {
          assert.ok(outcome.refusal instanceof AuthenticationError);
          assert.match(outcome.refusal.message, refusal);
        } else assert.equal(outcome.refusal, undefined);
      }
    });
  }

  it('is there for both receivers, with each login', () => {
    const modes = ['plain', 'key', 'user', 'wrong-key', 'wrong-password'];
    const expected = ['fluent-bit', 'fluentd'].flatMap((peer) =>
      modes.map((mode) => `${peer}-${mode}`),
    );
    assert.deepEqual(
      transcripts().map(({ name }) => name),
      expected.sort(),
    );
  });
});

/**
 * Sending dead letters again: each is removed when it is acknowledged and not before, whatever the receiver does.
 * The receiver is the independent FluentServer.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FluentServer } from '@fluent-org/logger';
import { replay } from '../../src/commands/replay.ts';
import { DeadLetters, type Letter } from '../../src/deliver/dead-letter.ts';
import { loadFrom } from '../support/load-config.ts';
import type { RuleSet } from '../../src/event/rules.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const patient = new AbortController().signal;

function letter(offset: number, event: object): Letter {
  const line = Buffer.from(JSON.stringify(event));
  return {
    log: '/var/log/audit.log',
    fingerprint: 'ab12',
    offset,
    bytes: line.length + 1,
    kind: 'lines',
    line,
    reason: 'a test',
  };
}

async function run(stateDir: string, port: number, ruleSet?: RuleSet) {
  const yaml = `{state_dir: ${stateDir}, coordinates: true, output: "forward://127.0.0.1:${port}", timeouts: {ack: 300ms}}`;
  const readFile = (): Buffer => Buffer.from(yaml);
  const loaded = loadFrom({ flags: { config: 'c.yaml' }, env: {}, nowMs: 0, readFile });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const log = new RecordingLog();
  const exitCode = await replay(loaded.config, stateDir, { log, signal: patient, ruleSet });
  return { exitCode, log };
}

interface Received {
  readonly tag: string;
  readonly record: Readonly<Record<string, unknown>>;
}

async function receiver(t: TestContext) {
  const server = new FluentServer({ listenOptions: { port: 0, host: '127.0.0.1' } });
  const received: Received[] = [];
  server.on('entry', (tag: string, _time: unknown, record: Received['record']) => {
    received.push({ tag, record });
  });
  await server.listen();
  t.after(() => server.close());
  return { port: server.port ?? 0, received };
}

test('letters are sent in order, as the agent would have sent them, and removed', async (t) => {
  const stateDir = temporaryDirectory(t);
  const letters = new DeadLetters(stateDir);
  await letters.keep(letter(1000, { auditID: 'second' }));
  await letters.keep(letter(20, { auditID: 'first' }));
  const { port, received } = await receiver(t);
  const { exitCode } = await run(stateDir, port);
  assert.equal(exitCode, 0);
  assert.deepEqual(
    received.map(({ tag, record }) => [tag, record]),
    [
      ['kube.audit', { auditID: 'first', shipper: shipperAt(20) }],
      ['kube.audit', { auditID: 'second', shipper: shipperAt(1000) }],
    ],
  );
  assert.deepEqual(await letters.list(), []);
});

function shipperAt(offset: number): object {
  return { file: '/var/log/audit.log', offset, id: `ab12-${offset}` };
}

test('a letter that is still refused, or damaged, is kept, and the others are sent', async (t) => {
  const stateDir = temporaryDirectory(t);
  const letters = new DeadLetters(stateDir);
  // FluentServer takes no record with this key, and closes the connection.
  const refused = Buffer.from('{"__proto__":{"a":1}}');
  const refusedPath = await letters.keep({ ...letter(1, {}), line: refused });
  await letters.keep(letter(50, { auditID: 'good' }));
  const damaged = join(stateDir, 'dead-letter', 'zz-1.jsonl');
  writeFileSync(damaged, '{"version":1}\n');
  const { port, received } = await receiver(t);
  const { exitCode, log } = await run(stateDir, port);
  assert.equal(exitCode, 1);
  assert.deepEqual(
    received.map(({ record }) => record['auditID']),
    ['good'],
  );
  assert.deepEqual(await letters.list(), [refusedPath, damaged]);
  assert.ok(log.entries.some(({ message }) => message.includes('still refused')));
  assert.ok(log.entries.some(({ message }) => message.includes('no dead letter')));
});

/** A letter in parts: the last one may be refused. */
async function keepInParts(letters: DeadLetters, texts: readonly string[]): Promise<string> {
  const parts = texts.map((text, index): Letter => {
    const kind = index === texts.length - 1 ? 'last-part' : 'part';
    const line = Buffer.from(text);
    return { ...letter(10 * index, {}), kind, line, bytes: 10 };
  });
  const file = await letters.begin(letter(0, {}));
  for (const part of parts) await file.add(part);
  await file.complete();
  return file.path;
}

test('the parts of a line are sent in order, and removed when all of them are acknowledged', async (t) => {
  const stateDir = temporaryDirectory(t);
  const letters = new DeadLetters(stateDir);
  await keepInParts(letters, ['one ', 'two ', 'three']);
  const { port, received } = await receiver(t);
  const { exitCode } = await run(stateDir, port);
  assert.equal(exitCode, 0);
  const parts = received.map(({ record }) => {
    const { offset, part } = record['shipper'] as { offset: number; part: string };
    return [offset, part, record['log']];
  });
  assert.deepEqual(parts, [
    [0, 'more', 'one '],
    [10, 'more', 'two '],
    [20, 'last', 'three'],
  ]);
  assert.deepEqual(await letters.list(), []);
});

test('a letter in parts of which one was changed is kept, whatever was sent of it', async (t) => {
  const stateDir = temporaryDirectory(t);
  const letters = new DeadLetters(stateDir);
  const path = await keepInParts(letters, ['one ', 'two ', 'three']);
  writeFileSync(path, `${readFileSync(path, 'utf8').split('\n')[0]}\nchanged\n`);
  const { port, received } = await receiver(t);
  const { exitCode, log } = await run(stateDir, port);
  assert.equal(exitCode, 1);
  assert.equal(received.length, 1);
  assert.deepEqual(await letters.list(), [path]);
  assert.ok(log.entries.some(({ message }) => message.includes('no dead letter')));
});

test('without a receiver everything is kept', async (t) => {
  const stateDir = temporaryDirectory(t);
  const letters = new DeadLetters(stateDir);
  await letters.keep(letter(1, { auditID: 'a' }));
  const closed = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => closed.once('listening', resolve));
  const { port } = closed.address() as net.AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const { exitCode, log } = await run(stateDir, port);
  assert.equal(exitCode, 1);
  assert.equal((await letters.list()).length, 1);
  assert.ok(log.entries.some(({ message }) => message.includes('takes nothing')));
});

test('nothing to send is no failure', async (t) => {
  const { exitCode } = await run(temporaryDirectory(t), 1);
  assert.equal(exitCode, 0);
});

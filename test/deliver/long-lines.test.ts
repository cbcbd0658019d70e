/** Lines put aside part by part: in order and whole, one letter each, and nothing of what is not complete. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SettledAccounts } from '../../src/deliver/chunk.ts';
import { DeadLetters, type Letter } from '../../src/deliver/dead-letter.ts';
import { LongLines } from '../../src/deliver/long-lines.ts';
import { FINGERPRINT, LOG } from '../support/blocks.ts';
import { partsOf } from '../support/letters.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const patient = new AbortController().signal;

function setUp(t: TestContext) {
  const stateDir = temporaryDirectory(t);
  const directory = join(stateDir, 'dead-letter');
  const deadLetters = new DeadLetters(stateDir);
  const log = new RecordingLog();
  /** Called when it would wait after a failure. */
  let onWait = (): void => undefined;
  const wait = (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      onWait = resolve;
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  const lines = new LongLines({ deadLetters, log, wait });
  const kept: SettledAccounts[] = [];
  const submit = (text: string, more: Partial<Letter> = {}): void => {
    lines.submit(partOf(text, more), (accounts) => kept.push(accounts));
  };
  const letters = async (): Promise<readonly (readonly Letter[])[]> =>
    Promise.all((await deadLetters.list()).map(async (path) => partsOf(deadLetters, path)));
  const goOn = (): void => onWait();
  return { directory, deadLetters, log, lines, kept, submit, letters, goOn };
}

function partOf(text: string, more: Partial<Letter>): Letter {
  const line = Buffer.from(text);
  const where = { log: LOG, fingerprint: FINGERPRINT, offset: 100, bytes: line.length };
  return { ...where, kind: 'part', line, reason: 'too long', ...more };
}

const deadLettered = (bytes: number) => ({
  delivered: { events: 0, bytes: 0 },
  filtered: { events: 0, bytes: 0 },
  deadLettered: { events: 1, bytes },
});

describe('a long line', () => {
  it('is one letter with its parts in order, there when the last one is', async (t) => {
    const { directory, log, lines, kept, submit, letters } = setUp(t);
    submit('abc');
    submit('de', { offset: 103 });
    assert.equal(await lines.drained(patient), false, 'the line goes on');
    const name = `${FINGERPRINT}-100.jsonl`;
    assert.deepEqual([readdirSync(directory), kept], [[`${name}.new`], []]);
    submit('f\n', { offset: 105, kind: 'last-part' });
    assert.equal(await lines.drained(patient), true);
    assert.deepEqual(readdirSync(directory), [name]);
    assert.deepEqual(kept, [deadLettered(7)]);
    const [parts] = await letters();
    assert.deepEqual(
      parts?.map(({ line, offset, kind }) => [line.toString(), offset, kind]),
      [
        ['abc', 100, 'part'],
        ['de', 103, 'part'],
        ['f\n', 105, 'last-part'],
      ],
    );
    const file = join(directory, name);
    assert.deepEqual(log.entries, [
      {
        level: 'error',
        message: 'a line was put aside; see audit-shipper replay',
        fields: { path: LOG, offset: 100, bytes: 7, reason: 'too long', file },
      },
    ]);
  });

  it('may come while others of other files do', async (t) => {
    const { lines, kept, submit, letters } = setUp(t);
    submit('a1');
    submit('b1', { fingerprint: 'f1' });
    submit('c1', { log: '/other.log', fingerprint: 'f2' });
    submit('b2', { fingerprint: 'f1', offset: 102, kind: 'last-part' });
    submit('a2', { offset: 102, kind: 'last-part' });
    submit('c2', { log: '/other.log', fingerprint: 'f2', offset: 102, kind: 'last-part' });
    assert.equal(await lines.drained(patient), true);
    const texts = (await letters()).map((parts) => parts.map(({ line }) => line.toString()).join());
    assert.deepEqual(texts.toSorted(), ['a1,a2', 'b1,b2', 'c1,c2']);
    assert.equal(kept.length, 3);
  });

  it('whose rest is lost ends with what has come', async (t) => {
    const { lines, kept, submit, letters } = setUp(t);
    submit('abc');
    lines.cut(LOG, 'another', () => assert.fail('no such line'));
    lines.cut(LOG, FINGERPRINT, (accounts) => kept.push(accounts));
    lines.cut(LOG, FINGERPRINT, () => assert.fail('it has ended'));
    assert.equal(await lines.drained(patient), true);
    assert.deepEqual(kept, [deadLettered(3)]);
    const [parts] = await letters();
    assert.deepEqual(
      parts?.map(({ line, kind }) => [line.toString(), kind]),
      [
        ['abc', 'part'],
        ['', 'last-part'],
      ],
    );
  });
});

describe('a letter that cannot be written', () => {
  it('is tried again, said once, and holds back its own log only', async (t) => {
    const { directory, deadLetters, log, lines, kept, submit, goOn } = setUp(t);
    mkdirSync(directory);
    for (let index = 0; index < 1000; index++) {
      writeFileSync(join(directory, `f-${index}.jsonl`), '');
    }
    submit('abc', { kind: 'last-part' });
    const stuck = (): readonly string[] => log.messages('error');
    await until('a word about it', () => stuck().length === 1);
    goOn();
    await until('another attempt', () => lines.isBusy);
    assert.match(stuck()[0] ?? '', /cannot be put aside, and its log waits; trying again/);
    assert.match(String(log.entries[0]?.fields?.['reason']), /dead-letter is full \(1000 letters/);
    await lines.ready('/another.log', patient);
    const impatient = AbortSignal.timeout(20);
    await assert.rejects(lines.ready(LOG, impatient), { name: 'TimeoutError' });
    assert.equal(await lines.drained(AbortSignal.abort()), false);
    assert.deepEqual(kept, []);
    rmSync(join(directory, 'f-7.jsonl'));
    const ready = lines.ready(LOG, patient);
    const timer = setInterval(goOn, 1);
    await ready;
    clearInterval(timer);
    assert.deepEqual(kept, [deadLettered(3)]);
    assert.equal((await deadLetters.list()).length, 1000);
    assert.equal(stuck().length, 2, 'said once, and that it is kept');
  });

  it('leaves nothing when it is stopped', async (t) => {
    const { directory, lines, kept, submit } = setUp(t);
    submit('abc');
    assert.equal(await lines.drained(patient), false);
    submit('def', { offset: 103 });
    await lines.close();
    assert.deepEqual([readdirSync(directory), kept], [[], []]);
  });
});

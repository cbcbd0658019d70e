/** Dead letters on disk: kept whole, for their owner, once each, and never beyond their limits. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { DeadLetterError, DeadLetters, type Letter } from '../../src/deliver/dead-letter.ts';
import { letterAt, partsOf } from '../support/letters.ts';
import { fillDisk, smallFileSystem, temporaryDirectory } from '../support/temporary.ts';

const LETTERS_MAX = 1000;
const GIB = 1024 ** 3;

function letterOf(line: Buffer | string, more: Partial<Letter> = {}): Letter {
  const bytes = Buffer.from(line);
  return {
    log: '/var/log/kubernetes/audit.log',
    fingerprint: 'f0',
    offset: 4096,
    bytes: bytes.length,
    kind: 'lines',
    line: bytes,
    reason: 'no receiver takes it',
    ...more,
  };
}

/** A state directory whose folder of letters holds these files. */
function withFiles(state: string, files: Readonly<Record<string, string>>): string {
  const directory = join(state, 'dead-letter');
  mkdirSync(directory);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(directory, name), content);
  return directory;
}

const deadLetterError = (pattern: RegExp) => (error: unknown) =>
  error instanceof DeadLetterError && pattern.test(error.message);

describe('a dead letter', () => {
  const lines = [
    ['an event', '{"kind":"Event","n":9007199254740993,"s":"\\u0000 é 🚀"}\n'],
    ['a last line without its newline', '{"a":1}'],
    ['text with a byte order mark, and characters of JSON', '\ufeff"\\\b\u2028\u007f\t\r\n'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xc3, 0x28, 0x00, 0x0a])],
    ['nothing', ''],
  ] as const;
  for (const [name, line] of lines) {
    it(`is read as it was kept: ${name}`, async (t) => {
      const letters = new DeadLetters(temporaryDirectory(t));
      const letter = letterOf(Buffer.from(line));
      assert.deepEqual(await letterAt(letters, await letters.keep(letter)), letter);
    });
  }

  it('is read as it was kept, whatever it holds', async (t) => {
    const letters = new DeadLetters(temporaryDirectory(t));
    const text = fc.string({ unit: 'binary' });
    const line = fc.oneof(
      text.map((one) => Buffer.from(one)),
      fc.uint8Array().map((one) => Buffer.from(one)),
    );
    const kind = fc.constantFrom('lines', 'part', 'last-part');
    await fc.assert(
      fc.asyncProperty(line, kind, fc.nat(), text, async (...[bytes, part, offset, reason]) => {
        const letter = letterOf(bytes, { kind: part, offset, reason });
        assert.deepEqual(await letterAt(letters, await letters.keep(letter)), letter);
      }),
      { numRuns: 50 },
    );
  });

  it('larger than one write is kept whole', async (t) => {
    const letters = new DeadLetters(temporaryDirectory(t));
    const line = Buffer.from(`${'é'.repeat(300_000)}\n`);
    const { line: read } = await letterAt(letters, await letters.keep(letterOf(line)));
    assert.ok(read.equals(line));
  });

  it('is one line of JSON, named after the event and for the eyes of its owner only', async (t) => {
    const state = temporaryDirectory(t);
    const path = await new DeadLetters(state).keep(letterOf('{"a":1}\n'));
    assert.equal(path, join(state, 'dead-letter', 'f0-4096.jsonl'));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(state, 'dead-letter')).mode & 0o777, 0o700);
    const [text = '', ...rest] = readFileSync(path, 'utf8').split('\n');
    assert.deepEqual(rest, ['']);
    const { time, ...content } = JSON.parse(text) as Record<string, unknown>;
    assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.deepEqual(content, {
      version: 1,
      id: 'f0-4096',
      log: '/var/log/kubernetes/audit.log',
      fingerprint: 'f0',
      offset: 4096,
      bytes: 8,
      kind: 'lines',
      reason: 'no receiver takes it',
      line: '{"a":1}\n',
    });
  });
});

describe('a letter in parts', () => {
  const PARTS = [
    letterOf('one ', { kind: 'part', offset: 10 }),
    letterOf(Buffer.from([0xff, 0x00]), { kind: 'part', offset: 14 }),
    letterOf('three\n', { kind: 'last-part', offset: 16 }),
  ] as const;

  async function keep(letters: DeadLetters, parts: readonly Letter[]): Promise<string> {
    const [first = letterOf('')] = parts;
    const file = await letters.begin(first);
    for (const part of parts) await file.add(part);
    await file.complete();
    return file.path;
  }

  it('is read as it was kept, and is not there before it is complete', async (t) => {
    const letters = new DeadLetters(temporaryDirectory(t));
    const file = await letters.begin(PARTS[0]);
    for (const part of PARTS) await file.add(part);
    assert.deepEqual(await letters.list(), []);
    await file.complete();
    assert.deepEqual(await letters.list(), [file.path]);
    assert.equal(basename(file.path), 'f0-10.jsonl');
    assert.deepEqual(await partsOf(letters, file.path), PARTS);
  });

  it('is read one part at a time, also where its lines are longer than what is read at once', async (t) => {
    const letters = new DeadLetters(temporaryDirectory(t));
    const parts = Array.from({ length: 4 }, (_, index) => {
      const kind = index === 3 ? 'last-part' : 'part';
      return letterOf('é'.repeat(100_000), { kind, offset: index * 200_000 });
    });
    assert.deepEqual(await partsOf(letters, await keep(letters, parts)), parts);
  });

  it('leaves nothing when it is given up, and what a crash has left can be removed', async (t) => {
    const state = temporaryDirectory(t);
    const letters = new DeadLetters(state);
    await letters.clean();
    const path = await keep(letters, PARTS);
    const file = await letters.begin(letterOf('x', { kind: 'part' }));
    await file.add(letterOf('x', { kind: 'part' }));
    await file.discard();
    assert.deepEqual(readdirSync(join(state, 'dead-letter')), [basename(path)]);
    await (await letters.begin(letterOf('x', { kind: 'part' }))).add(letterOf('x'));
    assert.equal(readdirSync(join(state, 'dead-letter')).length, 2);
    await letters.clean();
    assert.deepEqual(readdirSync(join(state, 'dead-letter')), [basename(path)]);
  });

  it('counts as it grows', async (t) => {
    const state = temporaryDirectory(t);
    const directory = withFiles(state, { 'f-1.jsonl': '' });
    const letters = new DeadLetters(state);
    const file = await letters.begin(PARTS[0]);
    await file.add(PARTS[0]);
    // A hole takes no room on the disk.
    truncateSync(join(directory, 'f-1.jsonl'), GIB - 2 * 1024 ** 2);
    const large = letterOf('x'.repeat(1024 ** 2), { kind: 'last-part', offset: 14 });
    await assert.rejects(file.add(large), deadLetterError(/is full \(1 letters/));
    await assert.rejects(letters.keep(letterOf('x'.repeat(2 * 1024 ** 2))), /is full \(2 letters/);
    await letters.remove(join(directory, 'f-1.jsonl'));
    await file.add(large);
    await file.complete();
    assert.deepEqual(await partsOf(letters, file.path), [PARTS[0], large]);
  });

  it('that could never have room is not begun', (t) => {
    const letters = new DeadLetters(temporaryDirectory(t));
    assert.equal(letters.fits(200 * 1024 ** 2), true);
    assert.equal(letters.fits(GIB), false);
  });

  it('goes on behind a part that a full disk did not take', async (t) => {
    const state = smallFileSystem(t, 1024 * 1024);
    if (state === undefined) return;
    const letters = new DeadLetters(state);
    const file = await letters.begin(PARTS[0]);
    await file.add(PARTS[0]);
    const large = letterOf('y'.repeat(300_000), { kind: 'last-part', offset: 14 });
    const ballast = join(state, 'ballast');
    fillDisk(ballast);
    truncateSync(ballast, 900 * 1024);
    await assert.rejects(file.add(large), { code: 'ENOSPC' });
    truncateSync(ballast, 0);
    const small = letterOf('z', { kind: 'last-part', offset: 14 });
    await file.add(small);
    await file.complete();
    assert.deepEqual(await partsOf(letters, file.path), [PARTS[0], small]);
  });

  const damaged: readonly (readonly [string, readonly number[]])[] = [
    ['without its end', [0, 1]],
    ['without its middle', [0, 2]],
    ['in another order', [1, 0, 2]],
    ['with more behind its end', [0, 1, 2, 2]],
  ];
  for (const [name, order] of damaged) {
    it(`is refused ${name}`, async (t) => {
      const state = temporaryDirectory(t);
      const letters = new DeadLetters(state);
      const lines = readFileSync(await keep(letters, PARTS), 'utf8').split(/(?<=\n)/);
      const path = join(state, 'dead-letter', 'a.jsonl');
      writeFileSync(path, order.map((index) => lines[index]).join(''));
      await assert.rejects(partsOf(letters, path), deadLetterError(/was changed; move it away/));
    });
  }
});

describe('dead letters', () => {
  it('are none where none was kept', async (t) => {
    assert.deepEqual(await new DeadLetters(temporaryDirectory(t)).list(), []);
  });

  it('are listed by generation and offset, and can be removed', async (t) => {
    const letters = new DeadLetters(temporaryDirectory(t));
    for (const [fingerprint, offset] of [
      ['b', 5],
      ['a', 1000],
      ['a', 20],
      ['a', 3],
    ] as const) {
      await letters.keep(letterOf('x', { fingerprint, offset }));
    }
    const names = async (): Promise<string[]> =>
      (await letters.list()).map((path) => basename(path));
    assert.deepEqual(await names(), ['a-3.jsonl', 'a-20.jsonl', 'a-1000.jsonl', 'b-5.jsonl']);
    const [first = ''] = await letters.list();
    await letters.remove(first);
    assert.deepEqual(await names(), ['a-20.jsonl', 'a-1000.jsonl', 'b-5.jsonl']);
  });

  it('are kept once for each event', async (t) => {
    const letters = new DeadLetters(temporaryDirectory(t));
    await letters.keep(letterOf('old'));
    const path = await letters.keep(letterOf('new'));
    assert.deepEqual(await letters.list(), [path]);
    assert.equal((await letterAt(letters, path)).line.toString(), 'new');
  });

  it('leave other files alone, and what a crash left of one', async (t) => {
    const state = temporaryDirectory(t);
    withFiles(state, { README: 'x', 'f0-4096.jsonl.new': '{"cut of' });
    const letters = new DeadLetters(state);
    assert.deepEqual(await letters.list(), []);
    const letter = letterOf('{}\n');
    assert.deepEqual(await letterAt(letters, await letters.keep(letter)), letter);
  });
});

describe('a limit of dead letters', () => {
  const full = (counts: string) =>
    deadLetterError(
      new RegExp(
        `dead-letter is full \\(${counts}\\): send them again with audit-shipper replay, or move`,
      ),
    );

  it('is their number: what is there stays, and the next one is not taken', async (t) => {
    const state = temporaryDirectory(t);
    const names = Array.from(
      { length: LETTERS_MAX },
      (_, index) => [`f-${index}.jsonl`, 'x'] as const,
    );
    const directory = withFiles(state, Object.fromEntries(names));
    const letters = new DeadLetters(state);
    await assert.rejects(
      letters.keep(letterOf('x')),
      full(`${LETTERS_MAX} letters, ${LETTERS_MAX} bytes`),
    );
    assert.equal(readdirSync(directory).length, LETTERS_MAX);
    const known = letterOf('again', { fingerprint: 'f', offset: 7 });
    assert.deepEqual(
      await letterAt(letters, await letters.keep(known)),
      known,
      'one that is there fits',
    );
    await letters.remove(join(directory, 'f-0.jsonl'));
    await letters.keep(letterOf('x'));
  });

  it('is their size', async (t) => {
    const state = temporaryDirectory(t);
    const directory = withFiles(state, { 'f-1.jsonl': '', 'f-2.jsonl': '' });
    // Holes: they take no room on the disk.
    truncateSync(join(directory, 'f-1.jsonl'), GIB - 2000);
    const letters = new DeadLetters(state);
    await assert.rejects(
      letters.keep(letterOf('é'.repeat(1000))),
      full(`2 letters, ${GIB - 2000} bytes`),
    );
    await letters.keep(letterOf('e'.repeat(1000)));
  });
});

describe('a dead letter that cannot be kept', () => {
  it('leaves nothing of it on a full disk, and is kept when there is room', async (t) => {
    const state = smallFileSystem(t, 256 * 1024);
    if (state === undefined) return;
    const letters = new DeadLetters(state);
    await letters.keep(letterOf('x', { offset: 1 }));
    const ballast = join(state, 'ballast');
    fillDisk(ballast);
    truncateSync(ballast, 64 * 1024);
    await assert.rejects(letters.keep(letterOf('y'.repeat(300_000))), { code: 'ENOSPC' });
    assert.deepEqual(readdirSync(join(state, 'dead-letter')), ['f0-1.jsonl']);
    const letter = letterOf('y'.repeat(50_000));
    assert.deepEqual(await letterAt(letters, await letters.keep(letter)), letter);
  });
});

describe('a file that is no dead letter', () => {
  const whole = {
    version: 1,
    log: 'l',
    fingerprint: 'f',
    offset: 0,
    bytes: 1,
    kind: 'lines',
    reason: 'r',
    line: 'x',
  };
  const { line: _line, ...withoutLine } = whole;
  const damaged: readonly (readonly [string, string])[] = [
    ['empty', ''],
    ['cut in half', JSON.stringify(whole).slice(0, 40)],
    ['not an object', '[1]'],
    ['without a version', '{}'],
    ['null', 'null'],
    ['without its line', JSON.stringify(withoutLine)],
    ['without its place', JSON.stringify({ ...whole, offset: '0' })],
    ['with a place that is no number of bytes', JSON.stringify({ ...whole, offset: -0.5 })],
    ['of more than every number', JSON.stringify(whole).replace('"bytes":1', '"bytes":1e999')],
    ['with a fingerprint that is none', JSON.stringify({ ...whole, fingerprint: '0","x":"' })],
    ['with an endless fingerprint', JSON.stringify({ ...whole, fingerprint: 'f'.repeat(2000) })],
    ['of a log with an endless path', JSON.stringify({ ...whole, log: 'l'.repeat(50_000) })],
    ['of an unknown kind', JSON.stringify({ ...whole, kind: 'block' })],
    ['without a reason', JSON.stringify({ ...whole, reason: undefined })],
  ];
  for (const [name, content] of damaged) {
    it(`is refused, and says what to do: ${name}`, async (t) => {
      const state = temporaryDirectory(t);
      const path = join(withFiles(state, { 'a.jsonl': content }), 'a.jsonl');
      const message = new RegExp(`^${path} is no dead letter, or was changed; move it away$`);
      await assert.rejects(letterAt(new DeadLetters(state), path), deadLetterError(message));
      assert.equal(readFileSync(path, 'utf8'), content);
    });
  }

  it('and no file at all is told of', async (t) => {
    const state = temporaryDirectory(t);
    mkdirSync(join(withFiles(state, {}), 'a.jsonl'));
    const [path = ''] = await new DeadLetters(state).list();
    await assert.rejects(
      letterAt(new DeadLetters(state), path),
      deadLetterError(/EISDIR.*move it away/),
    );
  });

  it('is not read when it is of another version', async (t) => {
    const state = temporaryDirectory(t);
    const content = JSON.stringify({ ...whole, version: 2 });
    const path = join(withFiles(state, { 'a.jsonl': content }), 'a.jsonl');
    await assert.rejects(
      letterAt(new DeadLetters(state), path),
      deadLetterError(/another version of audit-shipper/),
    );
  });

  it('that is whole is read, also written by hand', async (t) => {
    const state = temporaryDirectory(t);
    const path = join(withFiles(state, { 'a.jsonl': JSON.stringify(whole) }), 'a.jsonl');
    assert.equal((await letterAt(new DeadLetters(state), path)).line.toString(), 'x');
  });
});

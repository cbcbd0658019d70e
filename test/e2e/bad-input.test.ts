/**
 * What must not stop the program, and what it says about it: lines that are no events, disks that are full, files and
 * directories that cannot be read, and state that cannot be understood. Nothing is lost, nothing crashes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import split from 'split2';
import { CHECKPOINT_FILE } from '../../src/checkpoint/store.ts';
import { MEMORY_LIMIT_KB, Workplace, type Agent } from '../support/agent.ts';
import { eventOf, eventsOf, numbersOf } from '../support/numbered-events.ts';
import { fillDisk, smallFileSystem, temporaryDirectory } from '../support/temporary.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

interface Output {
  readonly shipper?: {
    readonly offset?: number;
    readonly error?: string;
    readonly part?: string;
  };
  readonly log?: string;
  readonly log_base64?: string;
}

const parsed = (line: Buffer | string): Output => JSON.parse(line.toString()) as Output;

function bytesOf({ log, log_base64 }: Output): Buffer {
  return log === undefined ? Buffer.from(log_base64 ?? '', 'base64') : Buffer.from(log);
}

/** The messages of one level. */
function said(agent: Agent, level: 'error' | 'warn'): readonly string[] {
  return agent.log.filter((line) => line.level === level).map(({ msg }) => msg);
}

describe('a log with lines that are no events', () => {
  it('of binary garbage comes out whole, and its events untouched', async (t) => {
    const workplace = new Workplace(t);
    const garbage = randomBytes(1024 * 1024);
    const content = Buffer.concat([
      Buffer.from(eventsOf(1, 2)),
      garbage,
      Buffer.from(`\n${eventsOf(3, 4)}`),
    ]);
    workplace.logs.write('audit.log', content);
    const agent = await workplace.ship();
    const lines = workplace.lines();
    assert.deepEqual(lines.slice(0, 2).map(String), [eventOf(1), eventOf(2)]);
    assert.deepEqual(lines.slice(-2).map(String), [eventOf(3), eventOf(4)]);
    const rest = Buffer.from(content);
    for (const output of lines.slice(2, -2).map(parsed)) {
      const bytes = bytesOf(output);
      const at = output.shipper?.offset ?? NaN;
      assert.ok(content.subarray(at, at + bytes.length).equals(bytes));
      rest.fill(0, at, at + bytes.length);
    }
    for (const number of [1, 2, 3, 4])
      rest.fill(
        0,
        rest.indexOf(eventOf(number)),
        rest.indexOf(eventOf(number)) + eventOf(number).length,
      );
    assert.match(rest.toString('latin1'), /^[\0\t\r\n ]*$/, 'only blanks are left out');
    const { invalid_lines, delivered_events, delivered_bytes, undelivered_bytes } = agent.summary();
    assert.deepEqual(
      [invalid_lines, delivered_events, delivered_bytes, undelivered_bytes],
      [lines.length - 4, lines.length, content.length, 0],
    );
    assert.deepEqual(agent.stderr, []);
  });

  it('of another encoding comes out in base64, and its neighbours untouched', async (t) => {
    const workplace = new Workplace(t);
    const latin1 = Buffer.from('{"user":"größe"}', 'latin1');
    const parts = [Buffer.from(eventsOf(1, 1)), latin1, Buffer.from(`\n${eventsOf(2, 2)}`)];
    workplace.logs.write('audit.log', Buffer.concat(parts));
    await workplace.ship();
    const [first, bad = '', second] = workplace.lines();
    assert.deepEqual([String(first), String(second)], [eventOf(1), eventOf(2)]);
    const output = parsed(bad);
    assert.equal(output.log_base64, latin1.toString('base64'));
    assert.equal(output.shipper?.error, 'the line is not UTF-8');
    assert.equal(output.shipper.offset, eventsOf(1, 1).length);
  });

  it('torn by a crash gives back the event that was glued to it', async (t) => {
    const workplace = new Workplace(t);
    const torn = eventOf(2).slice(0, 200);
    workplace.logs.write(
      'audit.log',
      `${eventsOf(1, 1)}${torn}${eventsOf(3, 3)}${'\0'.repeat(5000)}${eventsOf(4, 4)}`,
    );
    await workplace.ship();
    const [first, second = '', ...rest] = workplace.lines().map(String);
    assert.deepEqual([first, ...rest], [eventOf(1), eventOf(3), eventOf(4)]);
    assert.equal(parsed(second).log, torn);
  });
});

describe('a line of 200 MB', () => {
  const PIECE = Buffer.from('überlang, ohne Zeilenende – 长 🚀 '.repeat(20_000));
  const PIECES = Math.ceil((200 * 1024 * 1024) / PIECE.length);

  it('costs little memory, comes out whole in parts, and the next event follows it', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 1));
    // With a state directory it would be put aside (oversize.test.ts).
    const agent = await workplace.follow({ stdout: 'pipe', remembers: false });
    const expected = createHash('sha256');
    const fd = openSync(workplace.path, 'a');
    t.after(() => closeSync(fd));
    for (let piece = 0; piece < PIECES; piece++) {
      writeSync(fd, PIECE);
      expected.update(PIECE);
      await delay(0);
    }
    writeSync(fd, `\n${eventsOf(2, 2)}`);

    const actual = createHash('sha256');
    const events: number[] = [];
    const parts: (string | undefined)[] = [];
    let at = eventsOf(1, 1).length;
    for await (const line of agent.child.stdout?.pipe(split()) ?? []) {
      const output = parsed(line as string);
      if (output.shipper === undefined) {
        events.push(...numbersOf([line as string]));
        if (events.includes(2)) break;
        continue;
      }
      assert.equal(output.shipper.offset, at);
      const bytes = bytesOf(output);
      actual.update(bytes);
      at += bytes.length;
      parts.push(output.shipper.part);
    }
    assert.equal(actual.digest('hex'), expected.digest('hex'));
    assert.deepEqual(events, [1, 2]);
    assert.ok(parts.slice(0, -1).every((part) => part === 'more') && parts.at(-1) === 'last');
    const peak = agent.memoryKb('VmHWM');
    assert.ok(peak < MEMORY_LIMIT_KB, `${peak} kB of memory`);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    const { delivered_events, invalid_lines } = agent.summary();
    assert.deepEqual([delivered_events, invalid_lines], [3, 1]);
  });
});

describe('a reader that takes nothing', () => {
  it('slows the reading: memory does not grow with the backlog', async (t) => {
    const workplace = new Workplace(t);
    const events = eventsOf(1, 1000);
    const copies = Math.ceil((64 * 1024 * 1024) / events.length);
    workplace.logs.write('audit.log', events.repeat(copies));
    const agent = await workplace.follow({ stdout: 'pipe', flags: ['--grace', '0s'] });
    // It has stopped reading when it read nothing for a while.
    let last = -1;
    let quiet = 0;
    await agent.until('the end of reading', () => {
      const io = readFileSync(`/proc/${agent.child.pid}/io`, 'latin1');
      const read = Number(/^rchar: (\d+)$/m.exec(io)?.[1]);
      quiet = read === last ? quiet + 1 : 0;
      last = read;
      return quiet === 100;
    });
    assert.ok(last < 24 * 1024 * 1024, `${last} bytes were read`);
    assert.ok(agent.memoryKb('VmHWM') < MEMORY_LIMIT_KB);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  });
});

describe('a full disk', () => {
  it('under the state directory is said, shipping goes on, and checkpoints are saved when there is room', async (t) => {
    const state = smallFileSystem(t, 64 * 1024);
    if (state === undefined) return;
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    const options = { remembers: false, flags: ['--state-dir', state] };
    const agent = await workplace.follow(options);
    await workplace.delivered(agent, 10);
    const checkpoints = join(state, CHECKPOINT_FILE);
    await agent.until('a checkpoint', () => existsSync(checkpoints));
    fillDisk(join(state, 'ballast'));
    workplace.logs.append('audit.log', eventsOf(11, 20));
    await workplace.delivered(agent, 20);
    const line = await agent.says('checkpoints cannot be saved');
    assert.equal(line.level, 'error');
    assert.match(line.msg, /no space left on the device, make room; shipping goes on/);
    workplace.logs.append('audit.log', eventsOf(21, 30));
    await workplace.delivered(agent, 30);
    rmSync(join(state, 'ballast'));
    await agent.says('checkpoints are saved again');
    assert.equal(said(agent, 'error').length, 1, 'it is said once');
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    await workplace.ship(options);
    assert.equal(workplace.shipped(), '1-30');
  });

  it('at the stop is an error, and the next start repeats what was not saved', async (t) => {
    const state = smallFileSystem(t, 64 * 1024);
    if (state === undefined) return;
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    const options = { remembers: false, flags: ['--state-dir', state] };
    await workplace.ship(options);
    fillDisk(join(state, 'ballast'));
    workplace.logs.append('audit.log', eventsOf(11, 20));
    // It starts on a full disk, too.
    const agent = workplace.start({ ...options, follow: false });
    assert.deepEqual(await agent.exited, { code: 1, signal: null });
    assert.match(said(agent, 'error').at(-1) ?? '', /could not be saved: the next start repeats/);
    rmSync(join(state, 'ballast'));
    await workplace.ship(options);
    assert.equal(workplace.shipped(), '1-20 11-20');
  });

  it('under standard output is said, and nothing is torn, lost or repeated when there is room', async (t) => {
    const directory = smallFileSystem(t, 256 * 1024);
    if (directory === undefined) return;
    const workplace = new Workplace(t);
    const out = join(directory, 'out');
    writeFileSync(join(directory, 'room'), Buffer.alloc(50_000));
    fillDisk(join(directory, 'ballast'));
    rmSync(join(directory, 'room'));
    // More than the room, less than the whole disk.
    workplace.logs.write('audit.log', eventsOf(1, 300));
    const agent = await workplace.follow({ stdout: { path: out } });
    const line = await agent.says('the output does not take events');
    assert.match(line.msg, /no space left on the device, make room; trying again until it does/);
    rmSync(join(directory, 'ballast'));
    await agent.says('the output takes events again');
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.equal(readFileSync(out, 'latin1'), eventsOf(1, 300));
  });

  it('under standard output does not keep it from stopping', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    const agent = await workplace.follow({
      stdout: { path: '/dev/full' },
      flags: ['--grace', '0s'],
    });
    await agent.says('the output does not take events');
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.equal(agent.summary()['undelivered_bytes'], eventsOf(1, 10).length);
    await workplace.ship();
    assert.equal(workplace.shipped(), '1-10');
  });
});

describe('what may not be read', () => {
  it('as a directory is said once, and read when it may be', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('inner/audit.log', eventsOf(1, 10));
    const inner = workplace.logs.file('inner');
    chmodSync(inner, 0o000);
    const agent = workplace.start({ paths: [inner], rights: 'few' });
    const denied = await agent.says('the directory cannot be read: permission denied');
    assert.equal(denied['path'], inner);
    assert.match(denied.msg, /run as a user that may read it/);
    // It may be listed, and no more.
    chmodSync(inner, 0o600);
    const file = await agent.says('the file cannot be looked at: permission denied');
    assert.equal(file['path'], join(inner, 'audit.log'));
    chmodSync(inner, 0o700);
    await workplace.delivered(agent, 10);
    await agent.says('problem is over');
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    const complaints = said(agent, 'warn').filter((msg) => msg.includes('permission denied'));
    assert.equal(complaints.length, 2, 'each is said once');
    assert.equal(workplace.shipped(), '1-10');
  });

  it('is told by status, too', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    chmodSync(workplace.path, 0o000);
    const agent = await workplace.follow({ rights: 'few' });
    await agent.says('permission denied');
    const saved = join(workplace.state, CHECKPOINT_FILE);
    await agent.until('a checkpoint', () => existsSync(saved));
    const { stdout } = spawnSync(process.execPath, [MAIN, 'status', '-s', workplace.state]);
    assert.match(stdout.toString(), /audit\.log.*permission denied/);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  });

  it('as a file costs its neighbours nothing', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    workplace.logs.write('audit-other.log', eventsOf(11, 20));
    workplace.logs.hide('audit.log');
    const agent = workplace.start({ rights: 'few' });
    await workplace.delivered(agent, 20);
    const line = await agent.says('permission denied');
    assert.equal(line['path'], workplace.path);
    workplace.logs.show('audit.log');
    await workplace.delivered(agent, 10);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.equal(workplace.shipped(), '11-20 1-10');
  });
});

describe('a state directory', () => {
  const GOOD = '{"version":1,"checkpoints":[{"path":"/var/log/audit.log","fingerprint":"f","dev":1';
  const unusable: readonly (readonly [string, string, RegExp])[] = [
    [
      'that was cut in half',
      GOOD,
      /it may have been cut off; put back a copy of it, or move it away/,
    ],
    ['of a newer version', '{"version":2,"checkpoints":[]}\n', /newer version.*run that version/],
  ];
  for (const [name, content, pattern] of unusable) {
    it(`with a checkpoint file ${name} is refused and left alone`, async (t) => {
      const workplace = new Workplace(t);
      workplace.logs.write('audit.log', eventsOf(1, 10));
      mkdirSync(workplace.state);
      const path = join(workplace.state, CHECKPOINT_FILE);
      writeFileSync(path, content);
      const agent = workplace.start();
      assert.deepEqual(await agent.exited, { code: 1, signal: null });
      const [message = '', ...rest] = said(agent, 'error');
      assert.ok(message.startsWith(`cannot use ${path}: `) && pattern.test(message), message);
      assert.deepEqual([rest, agent.stderr, workplace.lines()], [[], [], []]);
      assert.equal(readFileSync(path, 'utf8'), content);
      assert.deepEqual(readdirSync(workplace.state), [CHECKPOINT_FILE]);
    });
  }

  it('that another agent uses is refused, and that one is named', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    const first = await workplace.follow();
    await workplace.delivered(first, 10);
    const second = workplace.start();
    assert.deepEqual(await second.exited, { code: 1, signal: null });
    const [message = ''] = said(second, 'error');
    assert.match(
      message,
      new RegExp(`in use by another audit-shipper: process ${first.child.pid} on`),
    );
    assert.match(message, /stop that one, or give this one another --state-dir$/);
    workplace.logs.append('audit.log', eventsOf(11, 20));
    await workplace.delivered(first, 20);
    assert.deepEqual(await first.stop(), { code: 0, signal: null });
    assert.equal(workplace.shipped(), '1-20');
  });

  it('is made with its parents', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    const state = join(workplace.state, 'a', 'b');
    await workplace.ship({ remembers: false, flags: ['--state-dir', state] });
    assert.deepEqual(readdirSync(state), [CHECKPOINT_FILE]);
  });

  it('that cannot be made is refused at once', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    const file = join(temporaryDirectory(t), 'file');
    writeFileSync(file, '');
    for (const state of ['/proc/audit-shipper/state', join(file, 'state'), file]) {
      const agent = workplace.start({ remembers: false, flags: ['--state-dir', state] });
      assert.deepEqual(await agent.exited, { code: 1, signal: null });
      assert.match(
        said(agent, 'error')[0] ?? '',
        /^cannot make the state directory .*make it, writ/,
      );
      assert.deepEqual(workplace.lines(), []);
    }
  });

  it('that is read-only is refused at once', async (t) => {
    const directory = smallFileSystem(t, 64 * 1024, 'ro');
    if (directory === undefined) return;
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    for (const state of [directory, join(directory, 'state')]) {
      const agent = workplace.start({ remembers: false, flags: ['--state-dir', state] });
      assert.deepEqual(await agent.exited, { code: 1, signal: null });
      assert.match(said(agent, 'error')[0] ?? '', /^cannot (?:lock|make) .*\(EROFS\).*writable/);
    }
  });

  it('that may not be written is refused at once', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    mkdirSync(workplace.state, { mode: 0o500 });
    const agent = workplace.start({ rights: 'few' });
    assert.deepEqual(await agent.exited, { code: 1, signal: null });
    assert.match(said(agent, 'error')[0] ?? '', /^cannot lock .*\(EACCES\); it must be writable/);
  });
});

describe('where to begin', () => {
  const at = (epochMs: number, number: number): string => {
    const time = new Date(epochMs).toISOString().replace('Z', '000Z');
    return `${eventOf(number).replace('2026-03-04T05:06:07.000000Z', time)}\n`;
  };
  const MINUTE_MS = 60_000;
  /** Events 1 to 60, one a minute, the last one now. */
  const lastHour = (): readonly string[] =>
    Array.from({ length: 60 }, (_, index) => at(Date.now() - (59 - index) * MINUTE_MS, index + 1));

  function writeLastHour(workplace: Workplace): void {
    const events = lastHour();
    workplace.logs.write('audit-2026-03-04T05-06-07.001.log', events.slice(0, 20).join(''));
    workplace.logs.gzip('audit-2026-03-04T05-06-07.001.log');
    workplace.logs.write('audit-2026-03-04T05-06-07.002.log', events.slice(20, 50).join(''));
    workplace.logs.write('audit.log', events.slice(50).join(''));
  }

  it('is the beginning, unless something else is asked for', async (t) => {
    const workplace = new Workplace(t);
    writeLastHour(workplace);
    await workplace.ship();
    assert.equal(workplace.shipped(), '1-60');
  });

  const AGO_MS = 25.5 * MINUTE_MS;
  for (const [name, from] of [
    ['a duration', () => `${AGO_MS / 1000}s`],
    ['a time', () => new Date(Date.now() - AGO_MS).toISOString()],
  ] as const) {
    it(`may be ${name}, and lies across backups then`, async (t) => {
      const workplace = new Workplace(t);
      writeLastHour(workplace);
      const agent = await workplace.ship({ flags: ['--from', from()] });
      assert.equal(workplace.shipped(), '35-60');
      assert.ok(Number(agent.summary()['skipped_bytes']) > 0);
    });
  }

  it('may be the end: then only what comes next is shipped', async (t) => {
    const workplace = new Workplace(t);
    writeLastHour(workplace);
    const agent = await workplace.follow({ flags: ['--from', 'end'] });
    // When it has said so on disk, it knows where the end was.
    const saved = join(workplace.state, CHECKPOINT_FILE);
    await agent.until('a checkpoint', () => existsSync(saved));
    workplace.logs.append('audit.log', eventsOf(61, 61));
    await workplace.delivered(agent, 61);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.equal(workplace.shipped(), '61-61');
  });

  it('is where the last one ended, whatever is asked for', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 5));
    await workplace.ship();
    workplace.logs.append('audit.log', eventsOf(6, 9));
    await workplace.ship({ flags: ['--from', 'end'] });
    assert.equal(workplace.shipped(), '1-9');
  });
});

/**
 * Every other kind of rotation, done step by step on real files while the program follows, or is away: each event
 * arrives once, and in order where one writer writes.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { Workplace, type Agent } from '../support/agent.ts';
import type { LogDirectory } from '../support/log-directory.ts';
import { lossIn } from '../support/loss-records.ts';
import { eventsOf, numbersOf, runsOf } from '../support/numbered-events.ts';

/** As logrotate shifts: `.2.gz` to `.3.gz`, `.1` to `.2.gz` (delaycompress), the active file to `.1`. */
function logrotate(logs: LogDirectory, compress: boolean): void {
  const zip = compress ? '.gz' : '';
  let oldest = 1;
  while (existsSync(logs.file(`audit.log.${oldest + 1}${zip}`))) oldest += 1;
  for (let number = oldest; number >= 2; number--) {
    logs.rename(`audit.log.${number}${zip}`, `audit.log.${number + 1}${zip}`);
  }
  if (existsSync(logs.file('audit.log.1'))) {
    logs.rename('audit.log.1', 'audit.log.2');
    if (compress) logs.gzip('audit.log.2');
  }
  logs.rename('audit.log', 'audit.log.1');
  logs.write('audit.log', '');
}

/** A writer that keeps its place in the file whatever becomes of its content, as lumberjack does. */
class KeepingWriter {
  readonly #fd: number;
  #position = 0;

  constructor(t: TestContext, path: string) {
    this.#fd = openSync(path, 'w');
    t.after(() => closeSync(this.#fd));
  }

  write(text: string): void {
    this.#position += writeSync(this.#fd, text, this.#position);
  }
}

const PER_FILE = 20;
const ROUNDS = 20;

/** Writes a file and rotates it, and waits until the agent has seen that: two rotations in one look have no order. */
async function rotateFollowed(
  workplace: Workplace,
  agent: Agent,
  round: number,
  compress: boolean,
) {
  const last = (round + 1) * PER_FILE;
  workplace.logs.append('audit.log', eventsOf(round * PER_FILE + 1, last));
  logrotate(workplace.logs, compress);
  await workplace.delivered(agent, last);
}

describe('logrotate in create mode', () => {
  for (const compress of [false, true]) {
    const how = compress ? 'and compresses' : 'and does not compress';

    it(`shifts all backups ${how}, while following`, async (t) => {
      const workplace = new Workplace(t);
      const { logs } = workplace;
      // These were shipped by an agent before: nobody holds them, and only their content tells who they are.
      for (let round = 0; round < ROUNDS; round++) {
        logs.write('audit.log', eventsOf(round * PER_FILE + 1, (round + 1) * PER_FILE));
        logrotate(logs, compress);
      }
      await workplace.ship();
      const agent = await workplace.follow();
      for (let round = ROUNDS; round < 2 * ROUNDS; round++) {
        await rotateFollowed(workplace, agent, round, compress);
      }
      await workplace.finish(agent, 2 * ROUNDS * PER_FILE);
      assert.equal(workplace.shipped(), `1-${2 * ROUNDS * PER_FILE}`);
      assert.equal(agent.summary()['lost_bytes'], 0);
    });

    it(`shifts all backups ${how}, while the agent is down`, async (t) => {
      const workplace = new Workplace(t);
      const { logs } = workplace;
      let last = 0;
      for (let round = 0; round < 4; round++) {
        logs.write('audit.log', eventsOf(last + 1, last + 10));
        await workplace.ship();
        logs.append('audit.log', eventsOf(last + 11, last + 20));
        logrotate(logs, compress);
        last += 20;
      }
      await workplace.ship();
      assert.equal(workplace.shipped(), `1-${last}`);
    });
  }
});

describe('logrotate with dateext', () => {
  for (const stamps of [
    ['20260301', '20260302', '20260303'],
    ['2026030108', '2026030109', '2026030110'],
  ]) {
    it(`names backups -${stamps[0]}, while following and while the agent is down`, async (t) => {
      const workplace = new Workplace(t);
      const { logs } = workplace;
      logs.write('audit.log', '');
      const agent = await workplace.follow();
      for (const [index, stamp] of stamps.entries()) {
        const last = (index + 1) * PER_FILE;
        logs.append('audit.log', eventsOf(last - PER_FILE + 1, last));
        logs.rename('audit.log', `audit.log-${stamp}`);
        logs.write('audit.log', '');
        await workplace.delivered(agent, last);
        if (index > 0) logs.gzip(`audit.log-${stamps[index - 1]}`);
      }
      await agent.stop();
      const last = stamps.length * PER_FILE;
      logs.append('audit.log', eventsOf(last + 1, last + PER_FILE));
      logs.rename('audit.log', 'audit.log-20260401');
      logs.gzip('audit.log-20260401');
      await workplace.ship();
      assert.equal(workplace.shipped(), `1-${last + PER_FILE}`);
    });
  }
});

describe('copytruncate', () => {
  it('leaves a hole of NULs before what the writer writes next', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const writer = new KeepingWriter(t, workplace.path);
    const agent = await workplace.follow();
    for (const round of [1, 2, 3]) {
      const last = round * 100;
      writer.write(eventsOf(last - 99, last));
      await workplace.delivered(agent, last);
      if (round > 1) logs.rename('audit.log.1', `audit.log.${round}`);
      logs.copyTruncate('audit.log', 'audit.log.1');
    }
    writer.write(eventsOf(301, 310));
    await workplace.finish(agent, 310);
    assert.ok(statSync(workplace.path).size > 3 * eventsOf(1, 100).length, 'there is no hole');
    assert.equal(workplace.shipped(), '1-310');
    assert.equal(agent.summary()['lost_bytes'], 0);
    assert.equal(agent.summary()['invalid_lines'], 0);
  });

  it('loses no line that was complete before the copy, however late the agent is', async (t) => {
    const workplace = new Workplace(t);
    const writer = new KeepingWriter(t, workplace.path);
    const agent = await workplace.follow();
    writer.write(eventsOf(1, 100));
    await workplace.delivered(agent, 100);
    await agent.whileFrozen(() => {
      writer.write(eventsOf(101, 200));
      workplace.logs.copyTruncate('audit.log', 'audit.log.1');
      writer.write(eventsOf(201, 300));
    });
    await workplace.finish(agent, 300);
    assert.equal(workplace.shipped(), '1-300');
    assert.equal(agent.summary()['lost_bytes'], 0);
  });

  it('is found by an agent that was down', async (t) => {
    const workplace = new Workplace(t);
    const writer = new KeepingWriter(t, workplace.path);
    writer.write(eventsOf(1, 100));
    await workplace.ship();
    writer.write(eventsOf(101, 200));
    workplace.logs.copyTruncate('audit.log', 'audit.log.1');
    writer.write(eventsOf(201, 300));
    await workplace.ship();
    assert.equal(workplace.shipped(), '1-300');
  });
});

describe('an active file', () => {
  it('that is deleted and made anew is drained first', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 10));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 10);
    await agent.whileFrozen(() => {
      logs.append('audit.log', eventsOf(11, 20));
      logs.remove('audit.log');
      logs.write('audit.log', eventsOf(21, 30));
    });
    await workplace.finish(agent, 30);
    assert.equal(workplace.shipped(), '1-30');
    assert.equal(agent.summary()['lost_bytes'], 0);
  });

  for (const [how, last] of [
    ['shorter', 105],
    ['longer', 300],
  ] as const) {
    it(`that is truncated in place and becomes ${how} than it was is read anew`, async (t) => {
      const workplace = new Workplace(t);
      workplace.logs.write('audit.log', eventsOf(1, 100));
      const agent = await workplace.follow();
      await workplace.delivered(agent, 100);
      await agent.whileFrozen(() => {
        truncateSync(workplace.path);
        workplace.logs.append('audit.log', eventsOf(101, last));
      });
      await workplace.finish(agent, last);
      assert.equal(workplace.shipped(), `1-${last}`);
    });
  }

  it('that is truncated before all of it was read: what was seen of it counts as lost', async (t) => {
    const workplace = new Workplace(t);
    const seen = Buffer.from(eventsOf(1, 20_000));
    workplace.logs.write('audit.log', seen);
    const agent = workplace.start({ stdout: 'pipe' });
    const { stdout } = agent.child;
    assert.ok(stdout !== null);
    // Nobody reads on: the window is full long before the end of the file.
    const [first] = (await once(stdout.pause(), 'readable').then(() => [stdout.read()])) as [
      Buffer,
    ];
    truncateSync(workplace.path);
    const fresh = Buffer.from(eventsOf(30_001, 30_010));
    workplace.logs.append('audit.log', fresh.toString());
    const rest: Buffer[] = [first];
    stdout.on('data', (bytes: Buffer) => rest.push(bytes));
    await agent.says('lost');
    await agent.until('the new events', () => Buffer.concat(rest).includes(fresh));
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    const lines = Buffer.concat(rest).toString().split('\n').slice(0, -1);
    const { lost_bytes, delivered_bytes, undelivered_bytes } = agent.summary();
    const events = lines.filter((line) => lossIn(line) === undefined);
    assert.match(runsOf(numbersOf(events)), /^1-\d+ 30001-30010$/);
    const records = lines.map(lossIn).filter((record) => record !== undefined);
    assert.deepEqual(
      records.map(({ lost, reason }) => [lost, reason]),
      [[lost_bytes, 'cut']],
    );
    assert.ok(Number(lost_bytes) > 0);
    assert.equal(Number(lost_bytes) + Number(delivered_bytes), seen.length + fresh.length);
    assert.equal(undelivered_bytes, 0);
  });

  it('that gets another inode each time is read each time, also when inodes are reused', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 10));
    const agent = await workplace.follow();
    for (let last = 20; last <= 200; last += 10) {
      await workplace.delivered(agent, last - 10);
      logs.remove('audit.log');
      logs.write('audit.log', eventsOf(last - 9, last));
    }
    await workplace.finish(agent, 200);
    assert.equal(workplace.shipped(), '1-200');
    assert.equal(agent.summary()['lost_bytes'], 0);
  });

  it('that has the inode of the one before, while the agent was down, is another one', async (t) => {
    const workplace = new Workplace(t);
    const { logs, path } = workplace;
    logs.write('audit.log', eventsOf(1, 10));
    await workplace.ship();
    const { ino } = statSync(path);
    logs.remove('audit.log');
    logs.write('audit.log', eventsOf(11, 30));
    if (statSync(path).ino !== ino) return t.skip('this file system does not reuse inodes at once');
    await workplace.ship();
    assert.equal(workplace.shipped(), '1-30');
    return undefined;
  });

  it('that was emptied while the agent was down, and has the inode it remembers, is another one', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 10));
    await workplace.ship();
    truncateSync(workplace.path);
    const agent = await workplace.follow();
    workplace.logs.append('audit.log', eventsOf(11, 12));
    await workplace.finish(agent, 12);
    assert.equal(workplace.shipped(), '1-12');
  });

  it('that an older writer keeps writing to after its renaming is read on', async (t) => {
    const workplace = new Workplace(t);
    const { logs, path } = workplace;
    logs.write('audit.log', eventsOf(1, 10));
    const older = openSync(path, 'a');
    t.after(() => closeSync(older));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 10);
    logs.rename('audit.log', 'audit-2026-03-04T05-06-07.089.log');
    logs.write('audit.log', eventsOf(1001, 1010));
    await workplace.delivered(agent, 1010);
    writeSync(older, eventsOf(11, 20));
    await workplace.delivered(agent, 20);
    logs.append('audit.log', eventsOf(1011, 1020));
    writeSync(older, eventsOf(21, 30));
    await workplace.delivered(agent, 30);
    await workplace.finish(agent, 1020);
    const numbers = numbersOf(workplace.lines());
    assert.equal(runsOf(numbers.filter((number) => number < 1000)), '1-30');
    assert.equal(runsOf(numbers.filter((number) => number > 1000)), '1001-1020');
  });
});

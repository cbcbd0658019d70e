/**
 * An outage by script: the receiver is down, lumberjack goes on, the oldest backup is deleted. What /metrics says is
 * compared with what the files and the receiver show, to the byte; page and `status` say the same. Then the receiver is
 * back: everything comes once, and in the place of what is lost a record.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Workplace, type Agent } from '../support/agent.ts';
import { ForwardServer } from '../support/forward-server.ts';
import { lossIn, type LossRecord } from '../support/loss-records.ts';
import { buildLumberjackWriter } from '../support/lumberjack.ts';
import { numbersOf, runsOf } from '../support/numbered-events.ts';
import { RotatedLog } from '../support/rotated-log.ts';
import { addressOf, LISTEN, samplesOf } from '../support/scrape.ts';
import { until } from '../support/until.ts';

const binary = await buildLumberjackWriter();
const skip = binary === undefined && 'Go or lumberjack is not installed';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** They wait most of the time, for the agent looks ahead every ten seconds. */
const AT_ONCE = 7;
const MAXBACKUP = 2;
/** A file takes 5.5 s then, and is deleted 11 to 16.5 s after its last event: two looks ahead fall into that. */
const EVENTS_PER_SECOND = 19;
/** The metrics are asked for some time after a look, and a file is deleted by the event that follows its last. */
const FILE_SHARE = 0.25;
/** How far a rate may be from the average since the start, on a machine with other work. */
const RATE_SHARE = 0.3;
/** Milliseconds of a clock, and of a rotation behind the event that made it: more than enough. */
const SECONDS_APART = 1;
const MS_PER_SECOND = 1000;
/** Looking takes time, and the writer needs it, too. */
const LOOK_EVERY_MS = 100;
/** The agent tries again after 30 s at the latest. */
const BACK_MS = 60_000;
interface Status {
  readonly lag: number;
  readonly losses: readonly { readonly path: string; readonly bytes: number }[];
}

/** A log, its receiver, and the agent between them. */
class Scene {
  readonly workplace: Workplace;
  readonly log: RotatedLog;
  readonly receiver: ForwardServer;
  #address = '';

  private constructor(workplace: Workplace, log: RotatedLog, receiver: ForwardServer) {
    this.workplace = workplace;
    this.log = log;
    this.receiver = receiver;
  }

  static async set(
    t: TestContext,
    how: { readonly compress: boolean; readonly maxbackup: number },
  ): Promise<Scene> {
    const workplace = new Workplace(t);
    const receiver = await ForwardServer.start();
    t.after(async () => receiver.stop());
    const log = new RotatedLog(t, { binary: binary ?? '', logs: workplace.logs, ...how });
    return new Scene(workplace, log, receiver);
  }

  async follow(): Promise<Agent> {
    const { port } = this.receiver;
    const flags = [...LISTEN, '--output', `forward://127.0.0.1:${port}`, '--grace', '100ms'];
    const env = { AUDIT_SHIPPER_COORDINATES: 'true' };
    const agent = await this.workplace.follow({ flags, env });
    this.#address = await addressOf(agent);
    return agent;
  }

  /** Of the metrics that concern the log, or nobody in particular. */
  async metric(name: string): Promise<number | undefined> {
    const samples = await samplesOf(this.#address);
    return samples.get(name) ?? samples.get(`${name}{log="${this.workplace.path}"}`);
  }

  /** The receiver goes away, and no ack with it. @returns the number of the last event that it has. */
  async cutOff(): Promise<number> {
    this.receiver.script = { message: () => undefined };
    const last = this.receiver.events.length;
    await this.settles('delivered_events_total', last);
    await this.receiver.stop();
    this.receiver.script = {};
    return last;
  }

  async page(): Promise<string> {
    return (await fetch(this.#address)).text();
  }

  /** The bytes that the page says are not delivered. */
  async pageLag(): Promise<number> {
    const page = await this.page();
    return Number(/<dt>Not delivered<\/dt><dd>(?:<data value="(\d+)")?/.exec(page)?.[1] ?? 0);
  }

  status(): Status {
    const args = [MAIN, 'status', '--json', '--state-dir', this.workplace.state];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Status;
  }

  /** Waits until a metric has the value, and fails with the one that it has. */
  async settles(name: string, value: number): Promise<void> {
    let seen: number | undefined;
    try {
      await until(`${name} ${value}`, async () => (seen = await this.metric(name)) === value);
    } catch (error) {
      throw new Error(`${name} is ${seen}, not ${value}`, { cause: error });
    }
  }

  /** All that was acknowledged, in its order. */
  #texts(): readonly string[] {
    return this.receiver.events.map((event) => JSON.stringify(event));
  }

  /** The numbers of the events that were acknowledged, as runs. */
  arrived(): string {
    return runsOf(numbersOf(this.#texts().filter((text) => lossIn(text) === undefined)));
  }

  lossRecords(): readonly LossRecord[] {
    return this.#texts()
      .map(lossIn)
      .filter((loss) => loss !== undefined);
  }

  timeOf(number: number): number {
    const text = this.#texts().find((one) => numbersOf([one])[0] === number) ?? '{}';
    return Date.parse((JSON.parse(text) as { stageTimestamp: string }).stageTimestamp);
  }

  async untilArrived(runs: string): Promise<void> {
    const isThere = async (): Promise<boolean> => {
      await delay(LOOK_EVERY_MS);
      return this.arrived() === runs;
    };
    await until(`events ${runs}`, isThere, undefined, BACK_MS);
  }

  /** The lag is that of the last delivered event, to the byte and to the second. */
  async assertLag(delivered: number, lagEvents: number): Promise<void> {
    await this.settles('lag_bytes', lagEvents * this.log.lineBytes);
    const since = (): number => (Date.now() - this.timeOf(delivered)) / MS_PER_SECOND;
    const atLeast = since() - SECONDS_APART;
    const seconds = (await this.metric('lag_seconds')) ?? NaN;
    const atMost = since() + SECONDS_APART;
    assert.ok(atLeast < seconds && seconds < atMost, `${seconds} s, not ${atMost} s at most`);
    assert.equal(await this.pageLag(), lagEvents * this.log.lineBytes);
  }
}

/** How the time to loss looks at one moment, in events: those that are written until it has come. */
interface Forecast {
  readonly seconds: number;
  readonly written: number;
  readonly events: number;
}

/** Waits for another time to loss than the last one. */
async function nextForecast(scene: Scene, last?: Forecast): Promise<Forecast> {
  const { log } = scene;
  const seconds = await until('a time to loss', async () => {
    await delay(LOOK_EVERY_MS);
    const found = await scene.metric('time_to_loss_seconds');
    return found !== last?.seconds && found;
  });
  const rate = (await scene.metric('write_bytes_per_second')) ?? NaN;
  return { seconds, written: log.last, events: (seconds * rate) / log.lineBytes };
}

/** Which event's rotation makes one backup too many: the file with this event goes. */
function doomOf({ eventsPerFile }: RotatedLog, number: number): number {
  const before = Math.floor((number - 1) / eventsPerFile);
  return (before + 1 + MAXBACKUP) * eventsPerFile + 1;
}

function assertNear({ written, events }: Forecast, dooms: readonly number[], slack: number): void {
  const isNear = dooms.some((doom) => Math.abs(written + events - doom) < slack);
  assert.ok(isNear, `${events} events from ${written} on, not to ${dooms.join(' or ')}`);
}

/** Waits until the file with this event is gone. @returns the last event on the disk by then. */
async function untilDeleted({ log }: Scene, number: number): Promise<number> {
  return until(`the end of event ${number}`, async () => {
    await delay(LOOK_EVERY_MS);
    const files = log.files();
    const isThere = files.some(({ first, last }) => first <= number && number <= last);
    return !isThere && files.at(-1)?.last;
  });
}

/** What was deleted of the files that were not delivered, in events. */
interface Deleted {
  /** Of whole files, which are held until they are read to their ends. */
  readonly held: number;
  /** Of files that were read to their ends, and are closed some time later. */
  readonly inMemory: number;
}

async function deletedOf(scene: Scene, delivered: number): Promise<Deleted> {
  const { log } = scene;
  const { lineBytes, eventsPerFile } = log;
  const readBytes = (await scene.metric('read_bytes_total')) ?? NaN;
  const gone = (log.files()[0]?.first ?? NaN) - 1;
  const read = Math.floor(readBytes / lineBytes / eventsPerFile) * eventsPerFile;
  const closed = Math.min(gone, read);
  return { held: gone - closed, inMemory: Math.max(0, closed - delivered) };
}

/**
 * While the log is written at a steady pace: how long a receiver may be away, and, when it is away, when rotation deletes
 * what it has not got. That is what happens.
 */
async function foresee(scene: Scene, agent: Agent) {
  const { log } = scene;
  const [began, first] = [performance.now(), log.last];
  const headroom = await nextForecast(scene);
  const rate = (await scene.metric('write_bytes_per_second')) ?? NaN;
  const seconds = (performance.now() - began) / MS_PER_SECOND;
  const average = ((headroom.written - first) * log.lineBytes) / seconds;
  assert.ok(Math.abs(rate / average - 1) < RATE_SHARE, `${rate} B/s, not ${average} B/s`);

  const delivered = await scene.cutOff();
  await agent.says('does not take events');
  assert.equal(scene.arrived(), `1-${delivered}`);
  const later = await nextForecast(scene, headroom);
  assert.ok(later.seconds < headroom.seconds, `${later.seconds} s after ${headroom.seconds} s`);

  const slack = FILE_SHARE * log.eventsPerFile;
  const doom = doomOf(log, delivered + 1);
  assertNear(later, [doom], slack);
  // Of the event that came next at that look: the log may have been rotated since.
  const next = headroom.written + 1;
  assertNear(headroom, [doomOf(log, next), doomOf(log, next - slack)], slack);
  assert.ok((await untilDeleted(scene, delivered + 1)) >= doom);
  return { headroom, later, delivered };
}

/** Metrics, page and status tell the same of what is held. @returns the numbers. */
async function assertHeld(scene: Scene, delivered: number): Promise<string> {
  const { log } = scene;
  const events = log.last - delivered;
  const lag = events * log.lineBytes;
  await scene.assertLag(delivered, events);
  const { held, inMemory } = await deletedOf(scene, delivered);
  assert.ok(held > 0);
  await scene.settles('held_deleted_bytes', held * log.lineBytes);
  await scene.settles('lag_bytes', lag);
  const page = await scene.page();
  assert.match(page, /Events are at risk\..*not delivered: only this process still has them/s);
  assert.equal(page.split('deleted, held').length - 1, held / log.eventsPerFile);
  const onFile = lag - inMemory * log.lineBytes;
  await until('the same of status', () => scene.status().lag === onFile);
  const seconds = await scene.metric('lag_seconds');
  return `lag ${lag} bytes, ${seconds} s; held ${held * log.lineBytes} bytes`;
}

/** The receiver was told of the rest of the first file, from event 31 on. */
function assertRecord(scene: Scene, lost: number): void {
  const { log, workplace } = scene;
  const [record, ...others] = scene.lossRecords();
  assert.ok(record !== undefined && others.length === 0);
  const { file, offset, reason, more, since = '', until: end } = record;
  assert.deepEqual(
    { file, offset, lost: record.lost, reason, more },
    {
      file: workplace.path,
      offset: 30 * log.lineBytes,
      lost: lost * log.lineBytes,
      reason: 'deleted',
      more: undefined,
    },
  );
  assert.equal(Date.parse(since), scene.timeOf(30), 'after the last event that came');
  // By then the file was renamed: the next event was on its way.
  const next = scene.timeOf(log.eventsPerFile + 1) + SECONDS_APART * MS_PER_SECOND;
  const isBetween = Date.parse(end) > scene.timeOf(30) && Date.parse(end) <= next;
  assert.ok(isBetween, `${end}, not ${next}`);
}

describe('an outage', { skip, concurrency: AT_ONCE }, () => {
  for (const compress of [false, true]) {
    const zip = compress ? ' with compression' : '';

    it(`in which rotation${zip} deletes what is held shows in the numbers, and costs nothing`, async (t) => {
      const scene = await Scene.set(t, { compress, maxbackup: MAXBACKUP });
      const { log, receiver, workplace } = scene;
      await log.write(250);
      const stopWriting = log.keepWriting(EVENTS_PER_SECOND);
      const agent = await scene.follow();
      assert.equal(await scene.metric('time_to_loss_seconds'), undefined, 'nobody knows yet');
      const { headroom, later, delivered } = await foresee(scene, agent);
      await stopWriting();
      // The next file goes, too.
      await log.write(log.eventsPerFile);
      const { last } = log;
      const told = await assertHeld(scene, delivered);
      t.diagnostic(`time to loss ${headroom.seconds} s, then ${later.seconds} s; ${told}`);

      await receiver.start();
      await scene.untilArrived(`1-${last}`);
      await scene.settles('lag_bytes', 0);
      assert.equal(await scene.metric('lag_seconds'), 0);
      await scene.settles('held_deleted_bytes', 0);
      await agent.until('time enough again', async () => {
        return ((await scene.metric('time_to_loss_seconds')) ?? 0) > later.seconds;
      });
      assert.match(await scene.page(), /All is well\..*Everything on disk is delivered\./s);
      assert.equal(await scene.metric('delivered_bytes_total'), last * log.lineBytes);
      assert.equal(await scene.metric('losses_total{reason="deleted"}'), undefined);
      assert.deepEqual([scene.lossRecords(), receiver.needless], [[], []]);
      await agent.until('the same of status', () => scene.status().lag === 0);
      assert.deepEqual(await agent.stop(), { code: 0, signal: null });
      assert.deepEqual(workplace.remembered().losses, []);
    });
  }

  for (const compress of [false, true]) {
    const zip = compress ? ' with compression' : '';

    it(`in which rotation${zip} deletes a backup while no agent is there costs what it says`, async (t) => {
      const scene = await Scene.set(t, { compress, maxbackup: 1 });
      const { log, receiver } = scene;
      await log.write(30);
      const first = await scene.follow();
      await scene.untilArrived('1-30');
      await receiver.stop();
      // The rest of the file, and the next one.
      const lost = log.eventsPerFile - 30;
      await log.write(lost + 60);
      await scene.assertLag(30, lost + 60);
      assert.equal(scene.status().losses.length, 0);
      await until('the same of status', () => scene.status().lag === (lost + 60) * log.lineBytes);
      assert.deepEqual(await first.stop(), { code: 0, signal: null });
      await log.write(log.eventsPerFile - 50);
      const kept = log.last - log.eventsPerFile;
      assert.equal(log.files()[0]?.first, log.eventsPerFile + 1, 'the backup is deleted');

      const second = await scene.follow();
      await scene.settles('lost_bytes_total{reason="deleted"}', lost * log.lineBytes);
      assert.equal(await scene.metric('losses_total{reason="deleted"}'), 1);
      await second.says('does not take events');
      await scene.assertLag(30, kept);
      assert.match(
        await scene.page(),
        /Events were lost\..*were lost since the start, in one place\./s,
      );
      t.diagnostic(
        `lag ${await scene.metric('lag_bytes')} bytes, ${await scene.metric('lag_seconds')} s; lost ${await scene.metric('lost_bytes_total{reason="deleted"}')}`,
      );

      await receiver.start();
      await scene.untilArrived(`1-30 ${log.eventsPerFile + 1}-${log.last}`);
      await scene.settles('lag_bytes', 0);
      assertRecord(scene, lost);
      assert.deepEqual(receiver.needless, []);
      assert.equal(await scene.metric('delivered_bytes_total'), kept * log.lineBytes);
      assert.equal(30 + lost + kept, log.last, 'delivered and lost is what was written');
      await second.until('the same of status', () => {
        const { lag, losses } = scene.status();
        return lag === 0 && losses[0]?.bytes === lost * log.lineBytes;
      });
      assert.deepEqual(await second.stop(), { code: 0, signal: null });
    });
  }

  it('in which rotation deletes what is read into memory shows in the numbers, and costs nothing', async (t) => {
    const scene = await Scene.set(t, { compress: false, maxbackup: 1 });
    const { log, receiver } = scene;
    await log.write(30);
    const first = await scene.follow();
    await scene.untilArrived('1-30');
    assert.deepEqual(await first.stop(), { code: 0, signal: null });
    await receiver.stop();
    // What is there when an agent comes is read in large pieces: all of it has room.
    await log.write(2 * log.eventsPerFile - 40);
    const agent = await scene.follow();
    await scene.settles('read_bytes_total', (log.last - 30) * log.lineBytes);
    // What is written in small pieces would take all the room before the two files are read to their ends.
    await agent.whileFrozen(async () => log.write(log.eventsPerFile));
    const twoFiles = (2 * log.eventsPerFile - 30) * log.lineBytes;
    await until(
      'two files that are read',
      async () => ((await scene.metric('read_bytes_total')) ?? 0) >= twoFiles,
    );
    await agent.whileFrozen(async () => log.write(log.eventsPerFile));
    const { last } = log;
    assert.ok((log.files()[0]?.first ?? 0) > 2 * log.eventsPerFile, 'two files are deleted');
    await scene.assertLag(30, last - 30);
    // Nothing is to be read of them any more, and after a while they are closed.
    const isHeld = async (): Promise<boolean> => (await scene.page()).includes('deleted, held');
    await agent.until('files that are held', isHeld);
    await agent.until('none that is held', async () => !(await isHeld()));
    await scene.settles('held_deleted_bytes', 0);
    await scene.assertLag(30, last - 30);
    assert.match(await scene.page(), /only this process still has them\./);
    await receiver.start();
    await scene.untilArrived(`1-${last}`);
    await scene.settles('lag_bytes', 0);
    assert.deepEqual(scene.lossRecords(), []);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  });

  it('in which the active file is deleted while no agent is there says that nobody knows how much', async (t) => {
    const scene = await Scene.set(t, { compress: false, maxbackup: 1 });
    const { log, receiver } = scene;
    await log.write(30);
    const first = await scene.follow();
    await scene.untilArrived('1-30');
    await receiver.stop();
    await log.write(20);
    await scene.assertLag(30, 20);
    await until('the same of status', () => scene.status().lag === 20 * log.lineBytes);
    assert.deepEqual(await first.stop(), { code: 0, signal: null });
    await log.write(2 * log.eventsPerFile);
    const kept = log.last - log.eventsPerFile;

    const second = await scene.follow();
    await scene.settles('losses_total{reason="deleted"}', 1);
    assert.equal(await scene.metric('lost_bytes_total{reason="deleted"}'), 20 * log.lineBytes);
    await scene.assertLag(30, kept);
    await receiver.start();
    await scene.untilArrived(`1-30 ${log.eventsPerFile + 1}-${log.last}`);
    const [record, ...others] = scene.lossRecords();
    assert.deepEqual(
      [record?.offset, record?.lost, record?.more, others],
      [30 * log.lineBytes, 20 * log.lineBytes, 'unknown', []],
    );
    await scene.settles('lag_bytes', 0);
    assert.deepEqual(await second.stop(), { code: 0, signal: null });
  });
});

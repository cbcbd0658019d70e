/**
 * Real rotation: lumberjack itself writes and rotates at full speed while the program follows. Every number that was
 * written arrives once and in order, and the program's own counts agree with the writer's.
 */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { waitedMsOf } from '../../bench/processes.ts';
import { Workplace, type Agent } from '../support/agent.ts';
import { buildLumberjackWriter, startLumberjack } from '../support/lumberjack.ts';
import { numbersOf } from '../support/numbered-events.ts';

const binary = await buildLumberjackWriter();
const skip = binary === undefined && 'Go or lumberjack is not installed';

const ROTATIONS = 50;
/** Events of the writer that fit into a file of one megabyte, rounded up. */
const EVENTS_PER_FILE = 1000;
/** At full speed a file is written in 15 to 20 ms and deleted after three others. */
const FILE_LIFE_MS = 50;
/** How often a machine may be too busy to tell anything. */
const ATTEMPTS = 5;

/** Stops the agent, and compares what it delivered and what it says of it with what was written. */
async function assertShipped(workplace: Workplace, agent: Agent, written: number): Promise<void> {
  await workplace.delivered(agent, written);
  assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  assert.equal(workplace.shipped(), `1-${written}`);
  const { delivered_events, delivered_bytes, undelivered_bytes, lost_bytes, invalid_lines } =
    agent.summary();
  assert.deepEqual(
    { delivered_events, delivered_bytes, undelivered_bytes, lost_bytes, invalid_lines },
    {
      delivered_events: written,
      delivered_bytes: statSync(workplace.stdoutFile).size,
      undelivered_bytes: 0,
      lost_bytes: 0,
      invalid_lines: 0,
    },
  );
  assert.deepEqual(agent.stderr, []);
  // Whatever is left on disk was shipped before.
  await workplace.ship();
  assert.equal(workplace.lines().length, written);
}

/**
 * Whole files may be missing because the agent got no processor for as long as they lived: that tells nothing of the
 * program. Anything else does.
 */
function tellsNothing(workplace: Workplace, waitedMs: number): boolean {
  const numbers = numbersOf(workplace.lines());
  const inOrder = numbers.every((number, index) => number > (numbers[index - 1] ?? 0));
  return inOrder && numbers.length < (numbers.at(-1) ?? 0) && waitedMs >= FILE_LIFE_MS;
}

/** Follows 50 rotations at full speed. False when the machine was too busy to tell anything. */
async function followAtFullSpeed(t: TestContext, compress: boolean): Promise<boolean> {
  const workplace = new Workplace(t);
  const path = workplace.logs.write('audit.log', '');
  const agent = await workplace.follow();
  const waitedBefore = waitedMsOf(agent.child.pid ?? 0);
  const count = ROTATIONS * EVENTS_PER_FILE;
  const options = { path, maxbackup: 3, compress, count };
  const result = await startLumberjack(binary ?? '', options).done;
  assert.ok(result !== undefined && result.rotations >= ROTATIONS);
  await workplace.delivered(agent, count);
  const waitedMs = waitedMsOf(agent.child.pid ?? 0) - waitedBefore;
  if (tellsNothing(workplace, waitedMs)) {
    t.diagnostic(`not in time after ${Math.round(waitedMs)} ms without a processor`);
    await agent.kill();
    return false;
  }
  await assertShipped(workplace, agent, count);
  assert.equal(agent.summary()['rotations'], result.rotations);
  return true;
}

describe('rotation by lumberjack', { skip }, () => {
  for (const compress of [false, true]) {
    const how = compress ? 'with compression' : 'without compression';

    it(`at full speed ${how} loses nothing, repeats nothing and keeps the order`, async (t) => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        if (await followAtFullSpeed(t, compress)) return;
      }
      assert.fail(`the machine was too busy, ${ATTEMPTS} times`);
    });

    it(`of a log that appears while following, ${how}, loses nothing`, async (t) => {
      const workplace = new Workplace(t);
      const { path } = workplace;
      const agent = workplace.start();
      await agent.says('no audit log there');
      const count = 6 * EVENTS_PER_FILE;
      const options = { path, maxbackup: 10, compress, count, rate: 3000 };
      await startLumberjack(binary ?? '', options).done;
      await assertShipped(workplace, agent, count);
    });
  }

  it('of a log without an extension loses nothing', async (t) => {
    const workplace = new Workplace(t);
    const path = workplace.logs.write('kubernetes-audit', '');
    const agent = await workplace.follow();
    const count = 5 * EVENTS_PER_FILE;
    const options = { path, maxbackup: 10, compress: true, count };
    await startLumberjack(binary ?? '', options).done;
    await assertShipped(workplace, agent, count);
  });
});

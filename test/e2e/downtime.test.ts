/**
 * The program is away while lumberjack rotates, once to three times, and comes back: it goes on where it was, in
 * whatever file that is now. Every number arrives once, in order.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Workplace } from '../support/agent.ts';
import { shipBeginning } from '../support/interrupted.ts';
import { buildLumberjackWriter, startLumberjack } from '../support/lumberjack.ts';
import { eventsOf } from '../support/numbered-events.ts';

const binary = await buildLumberjackWriter();
const skip = binary === undefined && 'Go or lumberjack is not installed';

/** A good half of a file of one megabyte, so that the agent leaves in the middle of one. */
const BEFORE = 600;
const EVENTS_PER_FILE = 1000;
/** As many events again that do not rotate the log once more. */
const AFTER = 100;

async function writeMore(
  workplace: Workplace,
  events: { readonly start: number; readonly count: number; readonly compress: boolean },
): Promise<number> {
  const { path } = workplace;
  const result = await startLumberjack(binary ?? '', { path, maxbackup: 3, ...events }).done;
  assert.ok(result !== undefined);
  return result.rotations;
}

describe('an agent that is down', { skip }, () => {
  for (const compress of [false, true]) {
    for (const rotations of [1, 2, 3]) {
      const how = `${rotations} rotations ${compress ? 'with' : 'without'} compression`;

      it(`across ${how} goes on where it was`, async (t) => {
        const workplace = new Workplace(t);
        const { path } = workplace;
        workplace.logs.write('audit.log', '');
        const first = await workplace.follow();
        const options = { path, maxbackup: 3, count: BEFORE };
        await startLumberjack(binary ?? '', options).done;
        await workplace.delivered(first, BEFORE);
        assert.deepEqual(await first.stop(), { code: 0, signal: null });

        const count = rotations * EVENTS_PER_FILE;
        assert.equal(await writeMore(workplace, { start: BEFORE + 1, count, compress }), rotations);
        const second = await workplace.follow();
        const start = BEFORE + count + 1;
        await writeMore(workplace, { start, count: AFTER, compress });
        const last = start + AFTER - 1;
        await workplace.delivered(second, last);
        assert.deepEqual(await second.stop(), { code: 0, signal: null });

        assert.equal(workplace.shipped(), `1-${last}`);
        assert.equal(second.summary()['lost_bytes'], 0);
        const zipped = readdirSync(workplace.logs.path).filter((name) => name.endsWith('.gz'));
        assert.equal(zipped.length, compress ? rotations : 0);
        // Once more from what is remembered: nothing is new.
        await workplace.ship();
        assert.equal(workplace.lines().length, last);
      });
    }
  }
});

describe('a file that is deleted while the agent is down', () => {
  it('counts as lost from where it was left, as far as it was seen', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 20_000));
    const { checkpoint } = await shipBeginning(workplace);
    logs.remove('audit.log');
    logs.write('audit.log', eventsOf(20_001, 20_010));
    const agent = await workplace.follow();
    const loss = await agent.says('lost');
    await workplace.finish(agent, 20_010);
    assert.equal(workplace.shipped(), '20001-20010');
    assert.deepEqual(
      { path: loss['path'], from_offset: loss['from_offset'], bytes: loss['bytes'] },
      {
        path: workplace.path,
        from_offset: checkpoint.offset,
        bytes: eventsOf(1, 20_000).length - checkpoint.offset,
      },
    );
    assert.equal(agent.summary()['lost_bytes'], loss['bytes']);
    const [record, ...others] = workplace.lossRecords();
    assert.deepEqual(others, []);
    assert.deepEqual(
      [record?.file, record?.offset, record?.lost, record?.reason],
      [workplace.path, checkpoint.offset, loss['bytes'], 'deleted'],
    );
    // Between the last event that was shipped and the first of the next file.
    assert.deepEqual(
      [record?.since, record?.until],
      ['2026-03-04T05:06:07.000Z', '2026-03-04T05:06:07.000Z'],
    );
    // It is told once, and stays in the state directory.
    await workplace.ship();
    assert.equal(workplace.lossRecords().length, 1);
    assert.equal(workplace.remembered().losses.length, 1);
  });

  it('is not told of when the agent was there, and has read it to its end', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 10));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 10);
    logs.remove('audit.log');
    logs.write('audit.log', eventsOf(11, 20));
    await workplace.delivered(agent, 20);
    await agent.until('that it is gone', () => {
      return workplace.remembered().checkpoints.some(({ gone }) => gone !== undefined);
    });
    await workplace.finish(agent, 20);
    assert.deepEqual(workplace.lossRecords(), []);
    assert.equal(workplace.shipped(), '1-20');
  });

  it('is told of also when all that was seen of it was delivered', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 10));
    await workplace.ship();
    logs.remove('audit.log');
    logs.write('audit.log', eventsOf(20, 30));
    const agent = await workplace.ship();
    const [record, ...others] = workplace.lossRecords();
    assert.deepEqual([record?.lost, record?.more, others.length], [0, 'unknown', 0]);
    assert.match((await agent.says('lost')).msg, /^lost: an unknown number of bytes/);
    await workplace.ship();
    assert.equal(workplace.lossRecords().length, 1, 'once');
    assert.equal(workplace.shipped(), '1-10 20-30');
  });
});

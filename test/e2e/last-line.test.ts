/**
 * The last line of a file that has no newline yet: kept while the file may grow, delivered as it is when it cannot
 * any more. Knows nothing of what lumberjack does; the steps are done by hand.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Workplace, type Agent } from '../support/agent.ts';
import { eventOf, eventsOf } from '../support/numbered-events.ts';

const BACKUP = 'audit-2026-03-04T05-06-07.089.log';

/** Waits until the agent has looked at this many bytes and settled that many: the checkpoint says both. */
async function checkpointed(
  workplace: Workplace,
  agent: Agent,
  expected: { readonly size: number; readonly offset: number },
): Promise<void> {
  await agent.until(`a checkpoint ${JSON.stringify(expected)}`, () => {
    const { checkpoints } = workplace.remembered();
    return checkpoints.some(
      ({ size, offset }) => size === expected.size && offset === expected.offset,
    );
  });
}

describe('a last line without a newline', () => {
  it('is kept until its newline comes', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const [begun, ended] = [eventOf(2).slice(0, 200), `${eventOf(2).slice(200)}\n`];
    logs.write('audit.log', eventsOf(1, 1));
    const agent = await workplace.follow();
    logs.append('audit.log', begun);
    const offset = eventsOf(1, 1).length;
    await checkpointed(workplace, agent, { size: offset + begun.length, offset });
    logs.append('audit.log', ended);
    await workplace.finish(agent, 2);
    assert.equal(workplace.shipped(), '1-2');
  });

  it('is kept by an agent that stops, for the next one', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 1) + eventOf(2).slice(0, 200));
    await workplace.ship();
    assert.equal(workplace.shipped(), '1-1');
    logs.append('audit.log', `${eventOf(2).slice(200)}\n`);
    await workplace.ship();
    assert.equal(workplace.shipped(), '1-2');
  });

  it('is delivered at once when nothing is remembered', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 1) + eventOf(2));
    await workplace.ship({ remembers: false });
    assert.equal(workplace.shipped(), '1-2');
  });

  it('is delivered when its file was rotated', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 1));
    const agent = await workplace.follow();
    logs.append('audit.log', eventOf(2));
    logs.rename('audit.log', BACKUP);
    logs.write('audit.log', eventsOf(3, 3));
    await workplace.finish(agent, 3);
    assert.equal(workplace.shipped(), '1-3');
  });

  it('that is no event is delivered wrapped when its file was rotated', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const torn = eventOf(2).slice(0, 200);
    logs.write('audit.log', eventsOf(1, 1));
    const agent = await workplace.follow();
    logs.append('audit.log', torn);
    logs.rename('audit.log', BACKUP);
    logs.write('audit.log', eventsOf(3, 3));
    await workplace.finish(agent, 3);
    const [first, wrapped = '', last, ...more] = workplace.lines().map(String);
    assert.deepEqual([first, last, more], [eventOf(1), eventOf(3), []]);
    assert.equal((JSON.parse(wrapped) as { readonly log: string }).log, torn);
    assert.equal(agent.summary()['invalid_lines'], 1);
  });

  it('is delivered when its file was deleted', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 1));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 1);
    await agent.whileFrozen(() => {
      logs.append('audit.log', eventOf(2));
      logs.remove('audit.log');
    });
    await workplace.delivered(agent, 2);
    logs.write('audit.log', eventsOf(3, 3));
    await workplace.finish(agent, 3);
    assert.equal(workplace.shipped(), '1-3');
    assert.equal(agent.summary()['lost_bytes'], 0);
  });

  it('goes on after a crash of its writer with a whole event, which is not lost', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const torn = eventOf(2).slice(0, 50);
    logs.write('audit.log', eventsOf(1, 1));
    const agent = await workplace.follow();
    logs.append('audit.log', torn);
    const offset = eventsOf(1, 1).length;
    await checkpointed(workplace, agent, { size: offset + torn.length, offset });
    logs.append('audit.log', eventsOf(3, 3));
    await workplace.finish(agent, 3);
    const [first, wrapped = '', last, ...more] = workplace.lines().map(String);
    assert.deepEqual([first, last, more], [eventOf(1), eventOf(3), []]);
    assert.equal((JSON.parse(wrapped) as { readonly log: string }).log, torn);
  });
});

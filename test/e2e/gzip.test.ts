/**
 * Compressed backups: read from where the plain file was left, while they are being made, and as far as they go when
 * they are damaged. Every event arrives once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Workplace } from '../support/agent.ts';
import { shipBeginning } from '../support/interrupted.ts';
import { eventsOf, numbersOf, runsOf } from '../support/numbered-events.ts';

const BACKUP = 'audit-2026-03-04T05-06-07.089.log';
/** Some ten megabytes: far more than the window and all buffers hold. */
const MANY = 20_000;

describe('a large backup', () => {
  for (const [was, becomes] of [
    ['gzip', 'stays as it is'],
    ['plain', 'is compressed while the agent is down'],
  ] as const) {
    it(`that is ${was} and ${becomes} is read on where the checkpoint stands`, async (t) => {
      const workplace = new Workplace(t);
      const { logs } = workplace;
      logs.write(BACKUP, eventsOf(1, MANY));
      if (was === 'gzip') logs.gzip(BACKUP);
      const { taken, checkpoint } = await shipBeginning(workplace);
      assert.equal(runsOf(numbersOf(taken)), `1-${taken.length}`);
      if (was === 'plain') logs.gzip(BACKUP);
      await workplace.ship({ env: { AUDIT_SHIPPER_COORDINATES: 'true' } });
      const numbers = numbersOf(workplace.lines());
      const [first = NaN] = numbers;
      assert.ok(first > 1 && first <= taken.length + 1, `goes on with ${first}`);
      assert.equal(runsOf(numbers), `${first}-${MANY}`);
      assert.equal(checkpoint.offset, eventsOf(1, first - 1).length);
    });
  }
});

describe('a gzip file that is being made', () => {
  it('beside its plain file is not looked at until the plain one is gone', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const gz = gzipSync(eventsOf(1, 1000));
    logs.write(BACKUP, eventsOf(1, 1000));
    logs.write(`${BACKUP}.gz`, gz.subarray(0, gz.length / 2));
    logs.write('audit.log', eventsOf(1001, 1010));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 1010);
    logs.write(`${BACKUP}.gz`, gz);
    logs.remove(BACKUP);
    logs.append('audit.log', eventsOf(1011, 1020));
    await workplace.finish(agent, 1020);
    assert.equal(workplace.shipped(), '1-1020');
    assert.equal(agent.summary()['lost_bytes'], 0);
  });

  it('while the agent has no time is the file that it has begun', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 10));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 10);
    await agent.whileFrozen(() => {
      logs.append('audit.log', eventsOf(11, 20));
      logs.rename('audit.log', BACKUP);
      logs.write('audit.log', eventsOf(21, 30));
      logs.gzip(BACKUP);
    });
    await workplace.finish(agent, 30);
    assert.equal(workplace.shipped(), '1-30');
    assert.equal(agent.summary()['lost_bytes'], 0);
  });

  it('of a file that was empty when the agent looked last is shipped once', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', '');
    logs.write('other-audit.log', eventsOf(1001, 1001));
    const agent = await workplace.follow();
    // Both logs are looked at before anything is read of one.
    await workplace.delivered(agent, 1001);
    await agent.whileFrozen(() => {
      logs.append('audit.log', eventsOf(1, 20));
      logs.rename('audit.log', BACKUP);
      logs.write('audit.log', eventsOf(21, 30));
      logs.gzip(BACKUP);
    });
    await workplace.finish(agent, 30);
    assert.equal(workplace.shipped(), '1001-1001 1-30');
  });
});

describe('a gzip file that is damaged', () => {
  /** What a test wants to know of the events of the damaged file: that they are its first ones. */
  async function shipDamaged(workplace: Workplace, gz: Buffer): Promise<number> {
    const { logs } = workplace;
    logs.write(`${BACKUP}.gz`, gz);
    logs.write('audit.log', eventsOf(MANY + 1, MANY + 10));
    const agent = await workplace.follow();
    await workplace.finish(agent, MANY + 10);
    const numbers = numbersOf(workplace.lines()).filter((number) => !Number.isNaN(number));
    const readable = numbers.length - 10;
    const rest = `${MANY + 1}-${MANY + 10}`;
    assert.equal(runsOf(numbers), readable === 0 ? rest : `1-${readable} ${rest}`);
    assert.match(JSON.stringify(agent.log), /cut short|damaged|corrupt|not a gzip/);
    return readable;
  }

  const whole = gzipSync(eventsOf(1, MANY));

  it('at its end gives all that is before, and does not hold up the younger files', async (t) => {
    const readable = await shipDamaged(new Workplace(t), whole.subarray(0, whole.length - 1000));
    assert.ok(readable > MANY / 2, `${readable} events`);
  });

  it('in its middle gives what is before', async (t) => {
    const flipped = Buffer.from(whole);
    const middle = Math.floor(whole.length / 2);
    flipped.fill(0xff, middle, middle + 64);
    const readable = await shipDamaged(new Workplace(t), flipped);
    assert.ok(readable > MANY / 4 && readable < MANY, `${readable} events`);
  });

  it('in its checksum gives all but what zlib holds back at the end', async (t) => {
    const flipped = Buffer.from(whole);
    flipped.fill(0xff, whole.length - 8, whole.length - 4);
    const readable = await shipDamaged(new Workplace(t), flipped);
    assert.ok(readable > MANY * 0.95, `${readable} events`);
  });

  it('from its first byte gives nothing', async (t) => {
    assert.equal(await shipDamaged(new Workplace(t), Buffer.alloc(5000, 'garbage')), 0);
  });
});

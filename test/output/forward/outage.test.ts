/**
 * A receiver that is away for an hour: attempts follow the capped backoff, the log tells of the change and not of
 * each attempt, and then everything arrives. The hour passes in the waits between attempts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { numberedChunks } from '../../support/forward-chunks.ts';
import { FIRST_SUCCESS, Sender } from '../../support/forward-sender.ts';
import { ForwardServer } from '../../support/forward-server.ts';

const HOUR_MS = 3_600_000;
const CAP_MS = 30_000;
const FIRST_MS = 100;
const CHUNKS = 12;

describe('a receiver that disappears for an hour', () => {
  it('is tried ever more rarely, logged once, and gets everything when it is back', async (t) => {
    const server = await ForwardServer.start();
    t.after(() => server.stop());
    const waits: number[] = [];
    let clock = 0;
    const wait = async (ms: number): Promise<void> => {
      waits.push(ms);
      if (clock < HOUR_MS && clock + ms >= HOUR_MS) await server.start();
      clock += ms;
      await turn();
    };
    const sender = new Sender(t, { ports: [server.port], wait });
    await sender.deliver(numberedChunks(3));
    await server.stop();
    const before = sender.attempts.length;
    sender.submit(numberedChunks(3 + CHUNKS).slice(3));
    await sender.drained();
    sender.check(server);
    for (const [index, ms] of waits.entries()) {
      const full = Math.min(CAP_MS, FIRST_MS * 2 ** index);
      assert.ok(ms >= full / 2 && ms <= full, `wait ${index + 1} of ${ms} ms follows the backoff`);
    }
    const rounds = waits.length;
    assert.ok(rounds >= HOUR_MS / CAP_MS && rounds <= HOUR_MS / (CAP_MS / 2) + 10, `${rounds}`);
    // In each round as many chunks are tried as may be under way; one round more before the first wait.
    const { concurrency } = sender.output;
    assert.ok(sender.attempts.length - before <= (rounds + 2) * concurrency + CHUNKS);
    assert.deepEqual(sender.log.messages('error'), [
      'the output does not take events; trying again until it does',
    ]);
    assert.deepEqual(sender.log.messages('info'), FIRST_SUCCESS);
    assert.deepEqual(sender.log.messages('warn'), []);
  });
});

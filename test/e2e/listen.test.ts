/** What can be seen of the running program: metrics that add up, health, and a page; and an outage as it shows there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Workplace } from '../support/agent.ts';
import { eventsOf } from '../support/numbered-events.ts';
import { addressOf, LISTEN, samplesOf } from '../support/scrape.ts';

describe('a running agent', () => {
  it('shows what became of everything, and that it is well', async (t) => {
    const workplace = new Workplace(t);
    const content = `${eventsOf(1, 20)}not json\n`;
    workplace.logs.write('audit.log', content);
    const agent = await workplace.follow({ flags: LISTEN });
    const address = await addressOf(agent);
    const log = `{log="${workplace.path}"}`;
    await agent.until('everything in the metrics', () => workplace.lines().length === 21);
    const samples = await agent.until('no lag', async () => {
      const found = await samplesOf(address);
      return found.get(`lag_bytes${log}`) === 0 && found;
    });
    assert.equal(samples.get('read_bytes_total'), content.length);
    assert.equal(samples.get('read_events_total'), 21);
    assert.equal(samples.get('delivered_events_total'), 21);
    assert.equal(samples.get('delivered_bytes_total'), content.length);
    assert.equal(samples.get('invalid_lines_total{reason="not-json"}'), 1);
    assert.equal(samples.get(`lag_seconds${log}`), 0);
    assert.equal(samples.get('unaccounted_bytes'), 0);
    assert.equal(samples.get('in_flight_chunks'), 0);
    for (const path of ['/healthz', '/readyz']) {
      const response = await fetch(`${address}${path}`);
      assert.deepEqual([response.status, await response.text()], [200, 'ok\n']);
    }
    const page = await (await fetch(address)).text();
    assert.ok(page.includes('Everything on disk is delivered.'));
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  });

  it('tells of a receiver that is down and of what rotation deletes meanwhile', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 20_000));
    const flags = [...LISTEN, '--output', 'forward://127.0.0.1:1'];
    const env = { AUDIT_SHIPPER_MAX_HELD_DELETED_BYTES: '0' };
    const agent = await workplace.follow({ flags, env });
    const address = await addressOf(agent);
    const log = `{log="${workplace.path}"}`;
    const size = eventsOf(1, 20_000).length;
    await agent.until('the lag', async () => {
      const samples = await samplesOf(address);
      const isDown = samples.get('upstream_up{upstream="127.0.0.1:1"}') === 0;
      return samples.get(`lag_bytes${log}`) === size && isDown;
    });
    const ready = await fetch(`${address}/readyz`);
    assert.deepEqual(
      [ready.status, await ready.text()],
      [200, 'ok\nreceiver 127.0.0.1:1 is down\n'],
    );
    logs.rename('audit.log', 'audit-2026-03-04T05-06-07.001.log');
    logs.write('audit.log', eventsOf(20_001, 20_010));
    await agent.until('the rotation', async () => {
      return (await samplesOf(address)).get('rotations_total{kind="renamed"}') === 1;
    });
    logs.remove('audit-2026-03-04T05-06-07.001.log');
    const samples = await agent.until('the loss', async () => {
      const found = await samplesOf(address);
      return (found.get('lost_bytes_total{reason="held_limit"}') ?? 0) > 0 && found;
    });
    assert.ok((samples.get('retries_total{reason="ECONNREFUSED"}') ?? 0) > 0);
    const page = await (await fetch(address)).text();
    assert.match(page, /class="text">lost: /);
    await agent.kill();
  });

  it('is not ready while its files cannot be read', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 3));
    workplace.logs.hide('audit.log');
    const agent = workplace.start({ flags: LISTEN, rights: 'few' });
    const address = await addressOf(agent);
    await agent.says('permission denied');
    const unready = await fetch(`${address}/readyz`);
    assert.equal(unready.status, 503);
    assert.match(await unready.text(), /audit\.log: .*permission denied.*\(since /);
    assert.equal((await fetch(`${address}/healthz`)).status, 200, 'a new start would not help');
    workplace.logs.show('audit.log');
    await workplace.delivered(agent, 3);
    await agent.until('ready', async () => (await fetch(`${address}/readyz`)).status === 200);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  });

  it('does not start where it cannot listen, and says what to do', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 3));
    const first = await workplace.follow({ flags: LISTEN, remembers: false });
    const { host } = new URL(await addressOf(first));
    const second = workplace.start({ flags: ['--listen', host], remembers: false });
    assert.deepEqual(await second.exited, { code: 1, signal: null });
    assert.match(second.log.at(-1)?.msg ?? '', /^cannot listen on .* is in use; end the program/);
    await first.kill();
  });
});

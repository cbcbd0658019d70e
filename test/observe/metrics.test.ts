/** The metrics are a contract: names, labels and values, in the text format of Prometheus. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Metrics } from '../../src/observe/metrics.ts';
import type { Vitals } from '../../src/observe/vitals.ts';
import { LOG } from '../support/blocks.ts';
import { projectRoot } from '../support/project.ts';
import { LOG_VITALS, SUMS, vitalsOf } from '../support/vitals.ts';

/** The samples: `name{labels}` to value. */
async function samplesOf(vitals: Vitals, metrics = new Metrics()): Promise<Map<string, number>> {
  const text = await metrics.expose(vitals);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1).replace('+Inf', 'Infinity'))];
    }),
  );
}

const named = (name: string, label?: string, value?: string): string =>
  `audit_shipper_${name}${label === undefined ? '' : `{${label}="${value}"}`}`;

test('every sum has its counter', async () => {
  const samples = await samplesOf(
    vitalsOf({
      sums: {
        ...SUMS,
        truncatedEvents: 5,
        deadLetterEvents: 6,
        skippedBytes: 7,
        filteredEvents: { 'rule 8': 8 },
        redactedEvents: 15,
        rulesReloads: { ok: 16, refused: 17 },
        invalidLines: { torn: 9, 'not-json': 10 },
        lostBytes: { deleted: 11 },
        losses: { deleted: 14 },
        rotations: { renamed: 12 },
        retries: { ECONNREFUSED: 13 },
      },
    }),
  );
  const expected: readonly (readonly [string, number])[] = [
    [named('read_bytes_total'), 300],
    [named('read_events_total'), 3],
    [named('delivered_events_total'), 2],
    [named('delivered_bytes_total'), 200],
    [named('truncated_events_total'), 5],
    [named('dead_letter_events_total'), 6],
    [named('skipped_bytes_total'), 7],
    [named('filtered_events_total', 'reason', 'rule 8'), 8],
    [named('redacted_events_total'), 15],
    [named('rules_reloads_total', 'result', 'ok'), 16],
    [named('rules_reloads_total', 'result', 'refused'), 17],
    [named('invalid_lines_total', 'reason', 'torn'), 9],
    [named('invalid_lines_total', 'reason', 'not-json'), 10],
    [named('lost_bytes_total', 'reason', 'deleted'), 11],
    [named('losses_total', 'reason', 'deleted'), 14],
    [named('rotations_total', 'kind', 'renamed'), 12],
    [named('retries_total', 'reason', 'ECONNREFUSED'), 13],
    [named('unaccounted_bytes'), 0],
    [named('checkpoint_saves_total'), 4],
    [named('checkpoint_age_seconds'), 0.5],
    [named('start_time_seconds'), Date.parse('2026-03-04T05:00:00Z') / 1000],
    [named('build_info', 'version', '1.2.3'), 1],
  ];
  for (const [name, value] of expected) assert.equal(samples.get(name), value, name);
});

test('a log is known by its active path, and what is not known has no sample', async () => {
  const log = { ...LOG_VITALS, lagBytes: 5, lagSeconds: 2.5, secondsToLoss: Infinity };
  const samples = await samplesOf(vitalsOf({ logs: [log] }));
  assert.equal(samples.get(named('lag_bytes', 'log', LOG)), 5);
  assert.equal(samples.get(named('lag_seconds', 'log', LOG)), 2.5);
  assert.equal(samples.get(named('time_to_loss_seconds', 'log', LOG)), Infinity);
  assert.equal(samples.get(named('held_deleted_bytes', 'log', LOG)), 0);
  assert.equal(samples.has(named('write_bytes_per_second', 'log', LOG)), false);
});

test('each receiver is up or down', async () => {
  const upstreams = [
    { name: 'a:1', isUp: true },
    { name: '[::1]:2', isUp: false },
  ];
  const samples = await samplesOf(vitalsOf({ upstreams, inFlightChunks: 3 }));
  assert.equal(samples.get(named('upstream_up', 'upstream', 'a:1')), 1);
  assert.equal(samples.get(named('upstream_up', 'upstream', '[::1]:2')), 0);
  assert.equal(samples.get(named('in_flight_chunks')), 3);
});

test('what cannot be read is counted', async () => {
  const trouble = { path: LOG, message: 'permission denied', since: 'today' };
  const of = async (vitals: Vitals) => (await samplesOf(vitals)).get(named('problems'));
  assert.equal(await of(vitalsOf({ slowed: [trouble] })), 0);
  assert.equal(await of(vitalsOf({ troubles: [trouble, { ...trouble, path: '/x' }] })), 2);
});

test('a scrape shows the moment, whatever the one before has shown', async () => {
  const metrics = new Metrics();
  const before = await samplesOf(vitalsOf(), metrics);
  assert.deepEqual(await samplesOf(vitalsOf(), metrics), before);
  const without = await samplesOf(vitalsOf({ logs: [], checkpoint: undefined }), metrics);
  assert.equal(without.has(named('lag_bytes', 'log', LOG)), false);
  assert.equal(without.has(named('checkpoint_saves_total')), false);
  assert.deepEqual(await samplesOf(vitalsOf(), metrics), before);
});

test('what others chose does not break the format', async () => {
  const path = '/var/log/"\\\n.log';
  const text = await new Metrics().expose(vitalsOf({ logs: [{ ...LOG_VITALS, path }] }));
  assert.ok(text.includes('audit_shipper_lag_bytes{log="/var/log/\\"\\\\\\n.log"} 0\n'));
});

test('each is described in docs/metrics.md, and nothing else is', async () => {
  const text = await new Metrics().expose(vitalsOf());
  const served = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const document = readFileSync(join(projectRoot(), 'docs/metrics.md'), 'utf8');
  const described = [...document.matchAll(/^\| `(audit_shipper_\w+)`/gm)].map(([, name]) => name);
  assert.deepEqual(described, served);
});

/**
 * A real Prometheus, with the configuration of docs/metrics.md and with our alerts, asks two running agents: one that is
 * well, and one without a receiver that has lost something. What it knows is what was shipped; an alert that must fire does.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Workplace, type Agent } from '../support/agent.ts';
import { ALERTS_FILE, allAlerts } from '../support/alerts.ts';
import { queriesOf, readDashboard, withVariables, type Target } from '../support/dashboard.ts';
import { ForwardServer } from '../support/forward-server.ts';
import { eventsOf } from '../support/numbered-events.ts';
import { projectRoot } from '../support/project.ts';
import { PrometheusServer } from '../support/prometheus-server.ts';
import { hasPrometheus, promtool } from '../support/prometheus.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const LISTEN = ['--listen', '127.0.0.1:0'];
/** A client of kube-apiserver may write this into its requests. */
const CHOSEN = 'chosen-by-a-client';
const HOSTILE_LINES = `${JSON.stringify({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Metadata',
  auditID: CHOSEN,
  verb: CHOSEN,
  requestURI: `/${CHOSEN}"}\n# TYPE ${CHOSEN} counter`,
  user: { username: CHOSEN },
  userAgent: CHOSEN,
})}\n${CHOSEN}\n`;

/** Each is a whole prometheus.yml. */
function configurationsInDocuments(): string[] {
  const document = readFileSync(join(projectRoot(), 'docs', 'metrics.md'), 'utf8');
  const blocks = document.matchAll(/^```text\n(# prometheus\.yml\n[\s\S]*?)^```$/gm);
  return Array.from(blocks, ([, block = '']) => block);
}

async function addressOf(agent: Agent): Promise<string> {
  return String((await agent.says('listening'))['address']);
}

async function metricsOf(address: string): Promise<string> {
  return (await fetch(`http://${address}/metrics`)).text();
}

/** An agent that has delivered what `simulate` wrote and rotated, and lines of a client that means no good. */
async function startWell(t: TestContext) {
  const workplace = new Workplace(t);
  const { logs } = workplace;
  const main = join(projectRoot(), 'dist', 'src', 'main.js');
  const simulate = [main, 'simulate', logs.path, '--rate=0', '--count=3000', '--maxsize=1'];
  execFileSync(process.execPath, simulate, { stdio: 'ignore' });
  logs.append('audit.log', HOSTILE_LINES);
  const server = await ForwardServer.start();
  t.after(() => server.stop());
  const flags = [...LISTEN, '--output', `forward://127.0.0.1:${server.port}`];
  const agent = await workplace.follow({ flags });
  const files = readdirSync(logs.path).map((name) => readFileSync(logs.file(name)));
  const bytes = files.reduce((sum, { length }) => sum + length, 0);
  const lines = files.reduce(
    (sum, file) => sum + file.toString('latin1').split('\n').length - 1,
    0,
  );
  return { agent, address: await addressOf(agent), path: workplace.path, bytes, lines };
}

/** An agent without a receiver, from which rotation has taken a file. */
async function startUnwell(t: TestContext) {
  const workplace = new Workplace(t);
  const { logs } = workplace;
  const events = eventsOf(1, 20_000);
  logs.write('audit.log', events);
  const flags = [...LISTEN, '--output', 'forward://127.0.0.1:1'];
  const env = { AUDIT_SHIPPER_MAX_HELD_DELETED_BYTES: '0' };
  const agent = await workplace.follow({ flags, env });
  const address = await addressOf(agent);
  const serves = (sample: string) =>
    agent.until(sample, async () => (await metricsOf(address)).includes(`\n${sample}\n`));
  await serves(`audit_shipper_lag_bytes{log="${workplace.path}"} ${events.length}`);
  const backup = 'audit-2026-03-04T05-06-07.001.log';
  logs.rename('audit.log', backup);
  logs.write('audit.log', eventsOf(20_001, 20_010));
  await serves('audit_shipper_rotations_total{kind="renamed"} 1');
  logs.remove(backup);
  await agent.says('lost: ');
  return { agent, address };
}

interface Rule {
  readonly name: string;
  readonly health: 'ok' | 'unknown' | 'err';
  readonly lastError?: string;
}

interface Active {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

async function startPrometheus(t: TestContext, well: string, unwell: string) {
  const text = configurationsInDocuments().find((one) => one.includes('static_configs')) ?? '';
  const config = text
    .replace('master-1:9464', well)
    .replace('master-2:9464', unwell)
    .replace('alerts.yaml', ALERTS_FILE)
    .replaceAll('30s', '1s');
  const file = join(temporaryDirectory(t), 'prometheus.yml');
  writeFileSync(file, config);
  return PrometheusServer.start(t, file);
}

async function activeAlerts(prometheus: PrometheusServer): Promise<readonly Active[]> {
  return (await prometheus.ask<{ readonly alerts: readonly Active[] }>('alerts')).alerts;
}

async function untilActive(prometheus: PrometheusServer, alert: Partial<Record<string, string>>) {
  return until(`the alert ${JSON.stringify(alert)}`, async () =>
    (await activeAlerts(prometheus)).find(({ labels, state }) =>
      Object.entries(alert).every(([name, value]) => ({ ...labels, state })[name] === value),
    ),
  );
}

describe('Prometheus', () => {
  it('takes the configurations of the documents', async (t) => {
    if (!hasPrometheus(t)) return;
    const configurations = configurationsInDocuments();
    assert.equal(configurations.length, 2);
    for (const config of configurations) {
      const file = join(temporaryDirectory(t), 'prometheus.yml');
      // Debian's knows no Kubernetes.
      writeFileSync(file, config.replace(/^ +kubernetes_sd_configs:\n.*\n/m, ''));
      const { isGood, text } = await promtool(['check', 'config', '--syntax-only', file]);
      assert.ok(isGood, text);
    }
  });

  it('knows of two agents what became of their events, and alerts about the one', async (t) => {
    if (!hasPrometheus(t)) return;
    const [well, unwell] = await Promise.all([startWell(t), startUnwell(t)]);
    const prometheus = await startPrometheus(t, well.address, unwell.address);
    const valueOf = async (metric: string): Promise<number | undefined> => {
      const found = await prometheus.query(`${metric} and on (node) up{node="master-1"} == 1`);
      assert.ok(found.length <= 1, metric);
      return found[0]?.value;
    };
    await until(
      'all events to be delivered',
      async () => (await valueOf('audit_shipper_delivered_events_total')) === well.lines,
    );
    const expected = {
      read_events_total: well.lines,
      read_bytes_total: well.bytes,
      delivered_bytes_total: well.bytes,
      'invalid_lines_total{reason="not-json"}': 1,
      dead_letter_events_total: 0,
      unaccounted_bytes: 0,
      problems: 0,
      [`lag_bytes{log="${well.path}"}`]: 0,
      [`upstream_up`]: 1,
    };
    for (const [metric, value] of Object.entries(expected)) {
      assert.equal(await valueOf(`audit_shipper_${metric}`), value, metric);
    }

    const lost = await untilActive(prometheus, { alertname: 'AuditShipperEventsLost' });
    assert.equal(lost.state, 'firing');
    assert.equal(lost.labels['node'], 'master-2');
    assert.match(
      lost.annotations['description'] ?? '',
      / by reason: [\d.]+[kM]iB \(held_limit\); /,
    );
    await untilActive(prometheus, { alertname: 'AuditShipperNoReceiver', node: 'master-2' });
    // Before its first scrape, Prometheus thought that there was no agent.
    const active = await until('alerts about nothing but the other', async () => {
      const found = await activeAlerts(prometheus);
      return found.every(({ labels }) => labels['node'] === 'master-2') && found;
    });
    await assertRulesWork(prometheus);
    await assertDashboardWorks(prometheus);
    for (const { address } of [well, unwell]) await assertGoodExposition(address);
    const series = await prometheus.ask<unknown>('series', { 'match[]': '{job=~".+"}' });
    assert.ok(JSON.stringify(series).includes('not-json'));
    assert.ok(!JSON.stringify([series, active]).includes(CHOSEN), 'what a client chose');

    await well.agent.kill();
    await untilActive(prometheus, {
      alertname: 'AuditShipperDown',
      node: 'master-1',
      state: 'pending',
    });
  });
});

async function assertRulesWork(prometheus: PrometheusServer): Promise<void> {
  type Groups = { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  const rules = await until('all alerts to be evaluated', async () => {
    const { groups } = await prometheus.ask<Groups>('rules');
    const found = groups.flatMap((group) => group.rules);
    return found.every(({ health }) => health !== 'unknown') && found;
  });
  assert.deepEqual(
    rules.filter(({ health }) => health !== 'ok'),
    [],
  );
  assert.deepEqual(
    rules.map(({ name }) => name).toSorted(),
    allAlerts()
      .map(({ alert }) => alert)
      .toSorted(),
  );
}

/** Every panel shows something, and what it shows has the labels of its legend. */
async function assertDashboardWorks(prometheus: PrometheusServer): Promise<void> {
  const dashboard = readDashboard();
  for (const query of queriesOf(dashboard)) await prometheus.query(query);
  const panels = dashboard.panels.filter(({ type, title }) => type !== 'row' && !isLate(title));
  for (const { title, targets = [] } of panels) {
    await until(`something in the panel ${title}`, async () => {
      const found = await Promise.all(targets.map((target) => shownBy(prometheus, target)));
      return found.some((labels) => labels.length > 0);
    });
  }
}

/** The labels of what a query of a panel finds. */
async function shownBy(prometheus: PrometheusServer, { expr, legendFormat }: Target) {
  const legend = Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = '']) => label);
  const found = await prometheus.query(withVariables(expr));
  for (const { labels } of found) {
    for (const label of legend) assert.ok(labels[label], `${label} in ${legendFormat}`);
  }
  return found.map(({ labels }) => labels);
}

/** What takes time to be known, has no part in these agents, or comes from the kubelet. */
function isLate(title: string): boolean {
  return /^Time to loss|^(Written|Rotations|Rules read again|Memory|CPU)$/.test(title);
}

async function assertGoodExposition(address: string): Promise<void> {
  const said = await promtool(['check', 'metrics'], await metricsOf(address));
  assert.deepEqual(said, { isGood: true, text: '' });
}

/** The dashboard: it names what is there, Prometheus takes its queries, and a person sees what is what. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import {
  queriesOf,
  readDashboard,
  withVariables,
  type Panel,
  type Variable,
} from '../support/dashboard.ts';
import { hasKubectl } from '../support/kubectl.ts';
import { renderedWith } from '../support/manifests.ts';
import { knownMetrics, strangersIn } from '../support/metric-names.ts';
import { selectedBy } from '../support/promql.ts';
import { hasPrometheus, promtool } from '../support/prometheus.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Grafana's. */
const COLUMNS = 24;
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const dashboard = readDashboard();
const { panels, templating } = dashboard;
const variables = templating.list;
const shown = panels.filter(({ type }) => type !== 'row');

/** `label_values(<metric>, <label>)` as a query for that label. */
function asQuery({ definition = '' }: Variable): string {
  const [, metric = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
  return `sum by (${label}) (${withVariables(metric)})`;
}

function overlap({ gridPos: one }: Panel, { gridPos: other }: Panel): boolean {
  const isBeside = one.x + one.w <= other.x || other.x + other.w <= one.x;
  const isAbove = one.y + one.h <= other.y || other.y + other.h <= one.y;
  return !isBeside && !isAbove;
}

describe('the dashboard', () => {
  it('names metrics that are there, with labels that they have', async () => {
    const known = await knownMetrics();
    const queries = [
      ...queriesOf(dashboard),
      ...variables.filter(({ type }) => type === 'query').map(asQuery),
    ];
    assert.deepEqual(
      queries.flatMap((query) => strangersIn(query, known)),
      [],
    );
  });

  it('shows every metric of ours', async () => {
    const ours = [...(await knownMetrics()).keys()].filter((name) =>
      name.startsWith('audit_shipper_'),
    );
    const named = new Set(
      queriesOf(dashboard).flatMap((query) => selectedBy(query).map(({ metric }) => metric)),
    );
    assert.deepEqual(
      ours.filter((name) => !named.has(name)),
      [],
    );
  });

  it('has queries that Prometheus takes', async (t) => {
    if (!hasPrometheus(t)) return;
    const rules = queriesOf(dashboard).map((expr, index) => ({ record: `a:b${index}`, expr }));
    const file = join(temporaryDirectory(t), 'rules.json');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { isGood, text } = await promtool(['check', 'rules', file]);
    assert.ok(isGood, text);
  });

  it('uses the variables that it has, and the chosen data source everywhere', () => {
    const names = variables.map(({ name }) => name);
    assert.deepEqual(names, ['datasource', 'job', 'instance', 'log']);
    const used = JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g);
    const builtIn = ['__rate_interval', '__all'];
    const unknown = Array.from(used, ([, name = '']) => name).filter(
      (name) => !names.includes(name) && !builtIn.includes(name),
    );
    assert.deepEqual(unknown, []);
    for (const { title, datasource, targets = [] } of shown) {
      assert.deepEqual(datasource, SOURCE, title);
      for (const target of targets) assert.deepEqual(target.datasource, SOURCE, title);
    }
  });

  it('lets the chosen agents and logs decide in every panel', async () => {
    const known = await knownMetrics();
    for (const { title, targets = [] } of shown) {
      for (const { expr } of targets) {
        for (const name of ['job', 'instance']) assert.ok(expr.includes(`"$${name}"`), title);
        const isOfLogs = selectedBy(withVariables(expr)).some(
          ({ metric }) => known.get(metric)?.includes('log') === true,
        );
        assert.equal(expr.includes('"$log"'), isOfLogs, title);
      }
    }
  });

  it('says of every panel what it shows, in which unit', () => {
    for (const { title, description = '', targets = [], fieldConfig } of shown) {
      assert.match(description, /\.$/, title);
      assert.ok((fieldConfig?.defaults.unit ?? '') !== '', title);
      assert.ok(targets.length > 0, title);
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    }
  });

  it('has legends of labels that are there', async () => {
    const known = await knownMetrics();
    for (const { title, targets = [] } of shown) {
      for (const { expr, legendFormat } of targets) {
        const labels = Array.from(
          legendFormat.matchAll(/\{\{(\w+)\}\}/g),
          ([, label = '']) => label,
        );
        const there = selectedBy(withVariables(expr)).flatMap(
          ({ metric }) => known.get(metric) ?? [],
        );
        for (const label of labels) assert.ok(there.includes(label), `${title}: ${label}`);
      }
    }
  });

  it('has panels of their own ids, beside each other', () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const [index, panel] of panels.entries()) {
      const { x, w } = panel.gridPos;
      assert.ok(x >= 0 && x + w <= COLUMNS, panel.title);
      const other = panels.slice(index + 1).find((one) => overlap(panel, one));
      assert.equal(other, undefined, `${panel.title} and ${other?.title}`);
    }
  });

  it('is in a ConfigMap that the sidecar of Grafana finds', (t) => {
    if (!hasKubectl(t)) return;
    const objects = renderedWith('base', ['components/dashboard']);
    const found = objects.find(({ metadata }) => metadata.name === 'audit-shipper-dashboard');
    assert.equal(found?.metadata.labels?.['grafana_dashboard'], '1');
    const { data = {} } = found as unknown as IConfigMap;
    assert.deepEqual(Object.keys(data), ['audit-shipper.json']);
    assert.deepEqual(JSON.parse(data['audit-shipper.json'] ?? ''), dashboard);
  });
});

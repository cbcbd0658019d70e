/**
 * The alerts: Prometheus takes them, they name metrics that are served, each fires when it must and is quiet when it must
 * (alerts.promtool.yaml), a person finds what to do, and the operator gets the same as everybody.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { ALERTS_FILE, allAlerts } from '../support/alerts.ts';
import { MANIFESTS } from '../support/manifests.ts';
import { knownMetrics, strangersIn } from '../support/metric-names.ts';
import { projectRoot } from '../support/project.ts';
import { hasPrometheus, promtool } from '../support/prometheus.ts';

const CASES_FILE = join(projectRoot(), 'test', 'manifests', 'alerts.promtool.yaml');
const SEVERITIES = ['critical', 'warning'];
const alerts = allAlerts();
const names = [...new Set(alerts.map(({ alert }) => alert))];

/** What one case of promtool expects of one alert, at one time. */
interface Expected {
  readonly alertname: string;
  readonly exp_alerts: readonly { readonly exp_labels: { readonly severity: string } }[];
}

function expectations(): Expected[] {
  const { tests } = parse(readFileSync(CASES_FILE, 'utf8')) as {
    readonly tests: readonly { readonly alert_rule_test?: readonly Expected[] }[];
  };
  return tests.flatMap(({ alert_rule_test: expected = [] }) => expected);
}

describe('the alerts', () => {
  it('are what Prometheus takes', async (t) => {
    if (!hasPrometheus(t)) return;
    const { isGood, text } = await promtool(['check', 'rules', '--lint-fatal', ALERTS_FILE]);
    assert.ok(isGood, text);
    assert.match(text, new RegExp(`SUCCESS: ${alerts.length} rules found`));
  });

  it('fire when they must, and only then', async (t) => {
    if (!hasPrometheus(t)) return;
    const { isGood, text } = await promtool(['test', 'rules', CASES_FILE]);
    assert.ok(isGood, text);
  });

  it('are all tried: each fires in a case, with its text, and is quiet before', () => {
    const found = expectations();
    for (const { alert, labels } of alerts) {
      const ofIt = found.filter(({ alertname }) => alertname === alert);
      const fires = ofIt.some(({ exp_alerts: fired }) =>
        fired.some(({ exp_labels: { severity } }) => severity === labels.severity),
      );
      assert.ok(fires, `no case in which ${alert} fires as ${labels.severity}`);
      assert.ok(
        ofIt.some(({ exp_alerts: fired }) => fired.length === 0),
        `no case in which ${alert} is quiet`,
      );
    }
  });

  it('name metrics that are there, with labels that they have', async () => {
    const known = await knownMetrics();
    assert.deepEqual(
      alerts.flatMap(({ expr }) => strangersIn(expr, known)),
      [],
    );
    const queries = alerts.flatMap(({ annotations }) => [
      ...annotations.description.matchAll(/printf "(\w+[^"]*)" [^|]*\| query/g),
    ]);
    assert.ok(queries.length > 0);
    for (const [, query = ''] of queries) {
      assert.deepEqual(strangersIn(query.replaceAll('%q', '""'), known), []);
    }
  });

  it('say how bad it is, and lead to what to do', () => {
    const document = readFileSync(join(projectRoot(), 'docs', 'alerts.md'), 'utf8');
    const sections = Array.from(document.matchAll(/^### (AuditShipper\w+)$/gm), ([, name]) => name);
    assert.deepEqual(sections, names);
    for (const { alert, labels, annotations } of alerts) {
      assert.ok(SEVERITIES.includes(labels.severity), alert);
      assert.equal(annotations.runbook, `docs/alerts.md#${alert.toLowerCase()}`);
      assert.match(annotations.summary, /\.$/);
      assert.match(annotations.description, /\.$/);
    }
  });

  it('have a row each in the table of the document, with their severities', () => {
    const document = readFileSync(join(projectRoot(), 'docs', 'alerts.md'), 'utf8');
    const rows = Array.from(
      document.matchAll(/^\| \[(AuditShipper\w+)\]\(#(\w+)\) +\| ([a-z, ]+?) +\|/gm),
      ([, name = '', anchor, severities = '']) => {
        assert.equal(anchor, name.toLowerCase());
        return [name, severities.split(', ')] as const;
      },
    );
    const severitiesOf = (name: string): string[] =>
      alerts.filter(({ alert }) => alert === name).map(({ labels }) => labels.severity);
    assert.deepEqual(
      rows,
      names.map((name) => [name, severitiesOf(name)]),
    );
  });
});

describe('the component for the operator', () => {
  it('has the same alerts', () => {
    const file = join(MANIFESTS, 'components', 'alerts', 'prometheus-rule.yaml');
    const [, spec] = readFileSync(file, 'utf8').split(/^spec:\n/m);
    const rules = readFileSync(ALERTS_FILE, 'utf8')
      .replaceAll(/^#.*\n/gm, '')
      .replaceAll(/^(?=.)/gm, '  ');
    assert.equal(spec, rules, 'make it anew: CONTRIBUTING.md says how');
  });
});

describe('the names of metrics', () => {
  it('are held against what is served, and so are labels', async () => {
    const known = await knownMetrics();
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['sum by (log) (rate(audit_shipper_lag_bytes{job="a"}[5m])) > 0', []],
      ['audit_shipper_lag_byte', ['audit_shipper_lag_byte']],
      ['audit_shipper_lag_bytes{path="a"}', ['audit_shipper_lag_bytes{path}']],
      ['max without (upstream) (audit_shipper_lag_bytes)', ['audit_shipper_lag_bytes{upstream}']],
      ['up unless on (role) kube_node_role', ['up{role}']],
      [
        'up * on (node) group_left (role) kube_node_role + on (node) group_right (log) up',
        ['kube_node_role{log}', 'up{log}'],
      ],
    ];
    for (const [query, strangers] of cases) {
      assert.deepEqual(strangersIn(query, known).toSorted(), strangers, query);
    }
    assert.throws(() => strangersIn('sum(up', known), /no PromQL/);
  });
});

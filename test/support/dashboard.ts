/** The dashboard for Grafana as tests read it, with what Grafana would put for its variables. Expects nothing of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFESTS } from './manifests.ts';

const DASHBOARD_FILE = join(MANIFESTS, 'components', 'dashboard', 'audit-shipper.json');

interface DataSource {
  readonly type: string;
  readonly uid: string;
}

export interface Target {
  readonly refId: string;
  readonly datasource: DataSource;
  readonly expr: string;
  readonly legendFormat: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: DataSource;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8')) as Dashboard;
}

/** Of all panels and annotations, as Grafana sends them when all of everything is chosen. */
export function queriesOf({ panels, annotations }: Dashboard): string[] {
  const ofPanels = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return [...ofPanels, ...annotations.list.map(({ expr }) => expr)].map(withVariables);
}

export function withVariables(query: string): string {
  return query.replaceAll('$__rate_interval', '5m').replaceAll(/"\$\w+"/g, '".*"');
}

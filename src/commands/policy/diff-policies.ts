/**
 * `audit-shipper policy diff`: which of the events on disk another policy would treat in another way. Exit codes as those
 * of diff(1).
 */
import { attributesOf, heldBy } from '../../event/policy/attributes.ts';
import { count, size } from '../../observe/amounts.ts';
import { escapeControl } from '../../observe/terminal.ts';
import { tableLines, type Column } from '../table.ts';
import { Progress } from '../verify/progress.ts';
import { counted } from '../verify/report.ts';
import { Comparison, type Change, type Example } from './comparison.ts';
import { replayEvents, type Rest } from './events.ts';
import { auditIdOf } from './explanation.ts';
import { complain, doubtLines, loadPolicy } from './load.ts';
import { requestText } from './words.ts';

export interface PolicyDiffOptions {
  readonly a: string;
  readonly b: string;
  readonly paths: readonly string[];
  readonly json: boolean;
}

const EXIT_DIFFERS = 1;
const EXIT_TROUBLE = 2;
const NEWLINE_BYTES = 1;

/** @throws BadPolicy @returns the exit code: 0 all alike, 1 not, 2 when something could not be read. */
export async function diffPolicies({ a, b, paths, json }: PolicyDiffOptions): Promise<number> {
  const [policyA, policyB] = [loadPolicy(a), loadPolicy(b)];
  const comparison = new Comparison(policyA, policyB);
  const progress = new Progress(process.stderr);
  const rest = await replayEvents(paths, progress, ({ core, line, path, offset }) => {
    const attributes = attributesOf(core);
    comparison.add(attributes, heldBy(core), line.length + NEWLINE_BYTES, () => ({
      where: `${path}:${offset}`,
      auditID: auditIdOf(core),
      request: requestText(attributes),
    }));
  });
  progress.end();
  process.stdout.write(json ? diffJson(comparison, rest) : diffText(comparison));
  complain([...rest.obstacles, ...doubtLines(a, policyA), ...doubtLines(b, policyB)]);
  if (rest.obstacles.length > 0) return EXIT_TROUBLE;
  return comparison.same === comparison.events ? 0 : EXIT_DIFFERS;
}

const COLUMNS: readonly Column[] = [
  { heading: 'EVENTS', isNumber: true },
  { heading: 'BYTES', isNumber: true },
  { heading: 'FIRST POLICY' },
  { heading: 'SECOND POLICY' },
];

function diffText(comparison: Comparison): string {
  const changes = comparison.changes();
  const { events, same } = comparison;
  if (changes.length === 0) return `${counted(events, 'event')}: all are treated alike\n`;
  const rows = changes.map((change) => {
    return [count(change.events), size(change.bytes), change.from, change.to];
  });
  const lines = [
    `${count(events - same)} of ${counted(events, 'event')} treated in another way`,
    '',
    ...tableLines(COLUMNS, rows),
    ...changes.flatMap(exampleLines),
  ];
  return `${lines.join('\n')}\n`;
}

function exampleLines({ from, to, examples }: Change): readonly string[] {
  return [
    '',
    `${from} → ${to}, such as`,
    ...examples.map((example) => `  ${exampleText(example)}`),
  ];
}

function exampleText({ request, auditID, where, ruleA, ruleB }: Example): string {
  const rules = `${ruleName(ruleA)} → ${ruleName(ruleB)}`;
  return `${request} (${rules}; ${escapeControl(auditID)}, ${escapeControl(where)})`;
}

function ruleName(rule: number | undefined): string {
  return rule === undefined ? 'no rule' : `rule ${rule}`;
}

function diffJson(comparison: Comparison, rest: Rest): string {
  const { events, same } = comparison;
  return `${JSON.stringify({ events, same, changes: comparison.changes(), ...rest }, null, 2)}\n`;
}

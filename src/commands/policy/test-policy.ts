/**
 * `audit-shipper policy test`: replays what is on disk through a policy, and says what of it would be shipped. It only
 * looks.
 */
import { cutEnd } from '../../event/columns.ts';
import { attributesOf, heldBy } from '../../event/policy/attributes.ts';
import { outcomeOf } from '../../event/policy/outcome.ts';
import { judge, type Policy } from '../../event/policy/policy.ts';
import { count, size } from '../../observe/amounts.ts';
import { escapeControl } from '../../observe/terminal.ts';
import { tableLines, type Column } from '../table.ts';
import { Progress } from '../verify/progress.ts';
import { counted } from '../verify/report.ts';
import { replayEvents, type Rest } from './events.ts';
import { complain, doubtLines, loadPolicy } from './load.ts';
import { shippedBytes } from './size.ts';
import { Tally, type RuleTally } from './tally.ts';
import { ruleText } from './words.ts';

export interface PolicyTestOptions {
  readonly policy: string;
  readonly paths: readonly string[];
  readonly json: boolean;
  /** Rules that matched nothing, and doubtful ones, are a fault. */
  readonly strict: boolean;
}

const EXIT_FAULT = 1;
/** What a rule asks for stands last in its line, and a terminal is not wider. */
const RULE_COLUMNS = 60;
const NEWLINE_BYTES = 1;

/** @throws BadPolicy @returns the exit code: 0, or 1 when something could not be read or --strict found a fault. */
export async function testPolicy(options: PolicyTestOptions): Promise<number> {
  const policy = loadPolicy(options.policy);
  const doubts = doubtLines(options.policy, policy);
  const tally = new Tally(policy);
  const progress = new Progress(process.stderr);
  const rest = await replayEvents(options.paths, progress, ({ line, core }) => {
    const attributes = attributesOf(core);
    const verdict = judge(policy, attributes);
    const outcome = outcomeOf(verdict, heldBy(core));
    const shipped = shippedBytes(line, attributes, outcome);
    tally.add(verdict, outcome, line.length + NEWLINE_BYTES, shipped);
  });
  progress.end();
  const result: Result = { policy, tally, rest, doubts };
  process.stdout.write(options.json ? testJson(result) : testText(result));
  complain([...rest.obstacles, ...doubts]);
  const isDoubtful = doubts.length > 0 || tally.idleRules().length > 0;
  return rest.obstacles.length > 0 || (options.strict && isDoubtful) ? EXIT_FAULT : 0;
}

interface Result {
  readonly policy: Policy;
  readonly tally: Tally;
  readonly rest: Rest;
  readonly doubts: readonly string[];
}

const COLUMNS: readonly Column[] = [
  { heading: 'RULE', isNumber: true },
  { heading: 'LEVEL' },
  { heading: 'EVENTS', isNumber: true },
  { heading: 'KEPT', isNumber: true },
  { heading: 'LOWERED', isNumber: true },
  { heading: 'DROPPED', isNumber: true },
  { heading: 'BYTES', isNumber: true },
  { heading: 'SHIPPED', isNumber: true },
  { heading: '' },
];

function testText({ policy, tally, rest }: Result): string {
  const rows = policy.rules.map((rule, index) => {
    const own = tally.rules[index] ?? tally.unmatched;
    const text = cutEnd(ruleText(rule), RULE_COLUMNS);
    return [String(index + 1), rule.verdict.level, ...cellsOf(own), text];
  });
  const unmatched = ['-', 'None', ...cellsOf(tally.unmatched), 'no rule matches'];
  const all = ['', '', ...cellsOf(tally.all), 'together'];
  const lines = [
    summaryOf(tally),
    '',
    ...tableLines(COLUMNS, [...rows, unmatched, all]),
    ...notesOf(policy, tally, rest),
  ];
  return `${lines.join('\n')}\n`;
}

function cellsOf(tally: RuleTally): readonly string[] {
  const { matched, kept, lowered, dropped } = tally;
  const events = [matched, kept, lowered, dropped].map((sum) => count(sum.events));
  return [...events, size(matched.bytes), size(tally.shippedBytes)];
}

function summaryOf({ all }: Tally): string {
  const { matched, kept, lowered, dropped } = all;
  const parts = `${count(kept.events)} kept, ${count(lowered.events)} lowered, ${count(dropped.events)} dropped`;
  return `${counted(matched.events, 'event')}, ${size(matched.bytes)}: ${parts}; ${size(all.shippedBytes)} are shipped`;
}

function notesOf(policy: Policy, tally: Tally, rest: Rest): readonly string[] {
  const idle = tally.idleRules().map((rule) => {
    return `rule ${rule} (line ${policy.rules[rule - 1]?.line}) matched nothing`;
  });
  const { omitted } = tally.all;
  return [
    ...note(omitted.events, 'event', `dropped for the stage alone (${size(omitted.bytes)})`),
    ...note(rest.otherLines, 'line', 'without an event, shipped whatever a policy says'),
    ...note(rest.longLines, 'line', 'too long to be held here, and not judged'),
    ...idle,
  ].map(escapeControl);
}

function note(amount: number, what: string, text: string): readonly string[] {
  return amount === 0 ? [] : [`${counted(amount, what)} ${text}`];
}

function testJson({ policy, tally, rest, doubts }: Result): string {
  const rules = policy.rules.map((rule, index) => {
    const { line, verdict } = rule;
    const head = { rule: index + 1, line, level: verdict.level, text: ruleText(rule) };
    return { ...head, ...(tally.rules[index] ?? tally.unmatched) };
  });
  const json = { all: tally.all, rules, unmatched: tally.unmatched, ...rest, doubts };
  return `${JSON.stringify(json, null, 2)}\n`;
}

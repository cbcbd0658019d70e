/**
 * What a person should know first: whether anything is at risk, the worst before the rest, in words. Pure; how it looks,
 * page.ts knows.
 */
import { count, size, span } from './amounts.ts';
import { reasonsDead, reasonsUnready, remarks } from './health.ts';
import type { Amounts, LogVitals, Vitals } from './vitals.ts';

export interface Verdict {
  /** `bad`: something is lost or may be soon. `warn`: somebody should look. */
  readonly level: 'bad' | 'warn' | 'good';
  /** Without numbers, so that it changes only when there is news. */
  readonly headline: string;
  /** One sentence each, the worst first. */
  readonly reasons: readonly string[];
}

export function verdictOf(vitals: Vitals): Verdict {
  const [worst, ...others] = [
    finding('bad', 'Events are at risk.', atRisk(vitals)),
    finding('bad', 'Events were lost.', lost(vitals)),
    finding('bad', 'The agent cannot do its work.', inTheWay(vitals)),
    finding('warn', 'Nothing is at risk yet.', toBeSeen(vitals)),
  ].filter(({ reasons }) => reasons.length > 0);
  if (worst === undefined) return allIsWell(vitals);
  const reasons = [worst, ...others].flatMap((one) => one.reasons);
  return { ...worst, reasons };
}

function finding(level: Verdict['level'], headline: string, reasons: readonly string[]): Verdict {
  return { level, headline, reasons };
}

function allIsWell({ logs }: Vitals): Verdict {
  const behind = logs.reduce((sum, { lagBytes }) => sum + lagBytes, 0);
  const now =
    behind === 0 ? 'Everything on disk is delivered.' : `Delivering: ${size(behind)} to go.`;
  return finding('good', 'All is well.', [now]);
}

function lost({ sums: { lostBytes, losses } }: Vitals): readonly string[] {
  const times = sumOf(losses);
  if (times === 0) return [];
  const places = times === 1 ? 'in one place' : `in ${count(times)} places`;
  return [`${size(sumOf(lostBytes))} were lost since the start, ${places}.`];
}

function atRisk({ logs, sums }: Vitals): readonly string[] {
  const wrong = sums.unaccountedBytes === 0 ? [] : ['The accounts do not add up: a defect.'];
  return [...logs.flatMap(soonDeleted), ...logs.flatMap(onlyHere), ...wrong];
}

function timeLeft({ path, lagBytes, isAtRisk, secondsToLoss }: LogVitals): readonly string[] {
  if (lagBytes === 0 || isAtRisk || !isNumber(secondsToLoss)) return [];
  return [`Rotation leaves ${span(secondsToLoss)} for what is not delivered of ${path}.`];
}

function isNumber(seconds: number | undefined): seconds is number {
  return seconds !== undefined && Number.isFinite(seconds);
}

function soonDeleted({ path, lagBytes, isAtRisk, secondsToLoss }: LogVitals): readonly string[] {
  // It is delivered, and the next look ahead will take the warning back.
  if (lagBytes === 0) return [];
  if (!isAtRisk || !isNumber(secondsToLoss)) return [];
  return [`In ${span(secondsToLoss)} rotation deletes events of ${path} that are not delivered.`];
}

function onlyHere({ path, namelessBytes }: LogVitals): readonly string[] {
  if (namelessBytes === 0) return [];
  return [
    `Rotation has deleted ${size(namelessBytes)} of ${path} that are not delivered: only this process still has them. Do not stop it before they are.`,
  ];
}

function inTheWay(vitals: Vitals): readonly string[] {
  return [...reasonsDead(vitals), ...reasonsUnready(vitals)].map(sentence);
}

function toBeSeen(vitals: Vitals): readonly string[] {
  const down = remarks(vitals).map(sentence);
  const { deadLetterEvents } = vitals.sums;
  const letters =
    deadLetterEvents === 0
      ? []
      : [`Dead letters: ${count(deadLetterEvents)} since the start; no receiver takes them.`];
  return [...down, ...(down.length > 0 ? vitals.logs.flatMap(timeLeft) : []), ...letters];
}

/** Other places have them as parts of a line. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

export function sumOf(amounts: Amounts): number {
  return Object.values(amounts).reduce((sum, amount) => sum + amount, 0);
}

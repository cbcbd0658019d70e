/**
 * What the demo saw, judged and put into words: everything that was written arrived, or what did not.
 * Pure: knows nothing of processes and streams.
 */

/** The sums of `audit-shipper simulate`, from its log line `simulated`. */
interface WrittenSums {
  readonly events: number;
  readonly rotations: number;
}

/** The sums of the shipping agent, from its log line `stopped`. */
interface DeliveredSums {
  readonly events: number;
  readonly rotations: number;
  readonly lostBytes: number;
}

export interface Observations {
  /** Undefined when simulate ended without a word. */
  readonly written: WrittenSums | undefined;
  /** Undefined when the agent ended without a word. */
  readonly delivered: DeliveredSums | undefined;
  /** Lines that came out of the agent: one for each event. */
  readonly lines: number;
  /** What went wrong with the processes themselves, one sentence each. */
  readonly failures: readonly string[];
}

/** Everything that does not agree, one sentence each; empty when all counts tell the same. */
export function problemsOf({ written, delivered, lines, failures }: Observations): string[] {
  const problems = [...failures];
  // A process that failed explains by itself why its sums are missing.
  const silent = failures.length === 0;
  if (silent && written === undefined) {
    problems.push('simulate did not report how many events it wrote');
  }
  if (silent && delivered === undefined) {
    problems.push('the agent did not report how many events it delivered');
  }
  if (written === undefined) return problems;
  if (written.events === 0) problems.push('no event was written');
  if (lines !== written.events) {
    problems.push(`${written.events} events were written, but ${lines} lines came out`);
  }
  if (delivered === undefined) return problems;
  if (delivered.events !== written.events) {
    problems.push(
      `${written.events} events were written, but the agent counts ${delivered.events}`,
    );
  }
  if (delivered.lostBytes !== 0) problems.push(`the agent lost ${delivered.lostBytes} bytes`);
  return problems;
}

/** The summary for a person, each line with its newline. */
export function summaryOf(observations: Observations): string {
  const { written, delivered, lines } = observations;
  const problems = problemsOf(observations);
  const rows = [
    ['events written', shown(written?.events), ''],
    ['events delivered', shown(lines), `the agent counts ${shown(delivered?.events)}`],
    ['rotations', shown(written?.rotations), `the agent saw ${shown(delivered?.rotations)}`],
    ['lost', written === undefined ? '?' : shown(Math.max(0, written.events - lines)), ''],
  ] as const;
  const table = rows.map(([name, value, note]) =>
    `  ${name.padEnd(18)}${value.padStart(10)}   ${note}`.trimEnd(),
  );
  const end =
    problems.length === 0 ? ['  All counts agree.'] : problems.map((text) => `  ! ${text}`);
  return `${['', ...table, ...end].join('\n')}\n`;
}

function shown(count: number | undefined): string {
  return count === undefined ? '?' : String(count);
}

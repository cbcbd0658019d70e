/**
 * `audit-shipper verify`: shows what became of every byte, and proves by `shipper.id` that what was delivered is
 * complete and in order. It only looks; it takes no lock and changes nothing.
 */
import { StateError } from '../checkpoint/store.ts';
import { DEFAULTS } from '../config/schema.ts';
import { escapeControl } from '../observe/terminal.ts';
import { STANDARD_INPUT } from './verify/delivered.ts';
import { DeliveredError, look, type LookOptions } from './verify/look.ts';
import { Progress } from './verify/progress.ts';
import { judge, totalsOf, type Strictness, type Verification } from './verify/report.ts';
import { reportJson, reportText } from './verify/text.ts';

export interface VerifyOptions extends LookOptions, Strictness {
  readonly json: boolean;
}

const EXIT_COMPLETE = 0;
const EXIT_INCOMPLETE = 1;
const EXIT_USAGE = 2;

/** @returns the exit code: 0 complete, 1 not, 2 when there is nothing that could be verified. */
export async function verify(options: VerifyOptions): Promise<number> {
  const { stateDir, delivered } = options;
  if (stateDir === undefined && delivered.length === 0) {
    complain(
      'what is to be verified? Give a state directory with -s, or with --delivered a file of what was delivered',
    );
    return EXIT_USAGE;
  }
  const progress = new Progress(process.stderr);
  try {
    const verification = await verifyTwice(withPaths(options), progress);
    progress.end();
    return tell(verification, options);
  } catch (error) {
    progress.end();
    if (error instanceof DeliveredError) {
      complain(error.message);
      return EXIT_USAGE;
    }
    if (!(error instanceof StateError)) throw error;
    complain(error.message);
    return EXIT_INCOMPLETE;
  }
}

/** As for shipping, without a state directory to say where the logs are. */
function withPaths(options: VerifyOptions): VerifyOptions {
  if (options.stateDir !== undefined || options.paths.length > 0) return options;
  return { ...options, paths: DEFAULTS.paths };
}

/** An agent that runs may have moved what was looked at: what is wrong then has to be wrong twice. */
async function verifyTwice(options: VerifyOptions, progress: Progress): Promise<Verification> {
  const isStream = options.delivered.includes(STANDARD_INPUT);
  const first = await look(options, progress);
  if (first.agent === undefined || isStream) return first;
  const { isComplete } = judge(first, totalsOf(first), options);
  return isComplete ? first : look(options, progress);
}

function tell(verification: Verification, options: VerifyOptions): number {
  const totals = totalsOf(verification);
  const verdict = judge(verification, totals, options);
  const pieces = options.json
    ? reportJson(verification, totals, verdict)
    : [reportText(verification, totals, verdict)];
  for (const piece of pieces) process.stdout.write(piece);
  return verdict.isComplete ? EXIT_COMPLETE : EXIT_INCOMPLETE;
}

function complain(text: string): void {
  process.stderr.write(`audit-shipper: ${escapeControl(text)}\n`);
}

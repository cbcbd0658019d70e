/**
 * `audit-shipper policy explain`: which rule of a policy an event matches, why those before it do not, and what is shipped
 * of it. Events come from standard input, from a file, or from the logs by their auditID.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Scratch } from '../../event/scratch.ts';
import type { Policy } from '../../event/policy/policy.ts';
import { STANDARD_INPUT } from '../verify/delivered.ts';
import { Progress } from '../verify/progress.ts';
import { replayEvents } from './events.ts';
import { auditIdOf, explain, explanationText, type Explanation } from './explanation.ts';
import { complain, doubtLines, loadPolicy } from './load.ts';

export interface PolicyExplainOptions {
  readonly policy: string;
  /** With an auditID: where to look for it, as for shipping. Without: one file with events, or none. */
  readonly paths: readonly string[];
  readonly auditId: string | undefined;
  readonly json: boolean;
}

const EXIT_FAULT = 1;
const EXIT_USAGE = 2;
/** A request has a few stages; but a client may choose one auditID for all of its requests. */
const EVENTS_MAX = 20;
/** As large as an event may be by default (max_event_bytes). */
const INPUT_MAX_BYTES = 16 * 1024 * 1024;
const NEWLINE = '\n';

interface Explained {
  readonly explanation: Explanation;
  /** Undefined for what does not come from a log. */
  readonly where: string | undefined;
}

/** What was found; more of it than is explained is only counted. */
class Found {
  readonly explained: Explained[] = [];
  events = 0;
  readonly obstacles: string[] = [];

  add(make: () => Explained): void {
    this.events += 1;
    if (this.explained.length < EVENTS_MAX) this.explained.push(make());
  }
}

/** @throws BadPolicy @returns the exit code: 0 explained, 1 there is no such event, or not all could be read, 2 usage. */
export async function explainPolicy(options: PolicyExplainOptions): Promise<number> {
  const { auditId, paths } = options;
  const policy = loadPolicy(options.policy);
  if (auditId === undefined && paths.length > 1) {
    complain(['one file with an event, please; logs are searched with --audit-id']);
    return EXIT_USAGE;
  }
  const found =
    auditId === undefined
      ? await readInput(policy, paths[0])
      : await search(policy, auditId, paths);
  process.stdout.write(
    found.explained.map((one) => textOf(one, options.json)).join(options.json ? '' : NEWLINE),
  );
  const hidden = found.events - found.explained.length;
  complain([
    ...found.obstacles,
    ...doubtLines(options.policy, policy),
    ...(hidden > 0 ? [`${hidden} more events are not explained`] : []),
    ...(found.events === 0 ? [nothingText(auditId)] : []),
  ]);
  return found.events === 0 || found.obstacles.length > 0 ? EXIT_FAULT : 0;
}

function textOf({ explanation, where }: Explained, isJson: boolean): string {
  if (!isJson) return explanationText(explanation, where);
  return `${JSON.stringify({ ...explanation, where })}${NEWLINE}`;
}

function nothingText(auditId: string | undefined): string {
  if (auditId !== undefined) return `no event on disk has the auditID ${auditId}`;
  return 'there is no event in the input; give one JSON object, or one on each line';
}

async function search(policy: Policy, auditId: string, paths: readonly string[]): Promise<Found> {
  const found = new Found();
  const progress = new Progress(process.stderr);
  const rest = await replayEvents(paths, progress, ({ core, path, offset }) => {
    if (auditIdOf(core) !== auditId) return;
    found.add(() => ({ explanation: explain(policy, core), where: `${path}:${offset}` }));
  });
  progress.end();
  found.obstacles.push(...rest.obstacles);
  return found;
}

/** One event, which may stand on several lines, or one on each line. */
async function readInput(policy: Policy, path: string | undefined): Promise<Found> {
  const found = new Found();
  const name = path === undefined || path === STANDARD_INPUT ? undefined : path;
  try {
    const text = await textFrom(name === undefined ? process.stdin : createReadStream(name));
    if (text === undefined) found.obstacles.push('the input is larger than 16 MiB');
    else for (const line of linesOf(text)) addEvent(found, policy, line);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    found.obstacles.push(`cannot read ${name ?? 'standard input'}: ${error.message}`);
  }
  return found;
}

async function textFrom(stream: Readable): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > INPUT_MAX_BYTES) return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function linesOf(text: string): readonly string[] {
  try {
    return [JSON.stringify(JSON.parse(text))];
  } catch {
    return text.split(NEWLINE).filter((line) => line.trim() !== '');
  }
}

function addEvent(found: Found, policy: Policy, line: string): void {
  const bytes = Buffer.from(line);
  const core = scratch.hold(bytes);
  if (core.judge(bytes.length) === 'object') {
    found.add(() => ({ explanation: explain(policy, core), where: undefined }));
  } else {
    found.obstacles.push('a line of the input is no JSON object');
  }
}

const scratch = new Scratch(0);

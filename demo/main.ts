/**
 * `npm run demo`: one process writes audit events as kube-apiserver does and rotates them, another one follows
 * them and prints them, and at the end every event that was written must have arrived. Only wiring: both
 * processes are the program that users run, started with its public command line.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import split2 from 'split2';
import { parseDuration } from '../src/config/units.ts';
import { escapeControl } from '../src/observe/terminal.ts';
import { Child, type ChildOptions } from './child.ts';
import { type Observations, problemsOf, summaryOf } from './summary.ts';

const HELP = `Usage: npm run demo -- [--for <duration>] [--forward]

Writes audit events as kube-apiserver does into a temporary directory, with rotation and compression,
follows them with audit-shipper, and prints them. At the end both sides' counts are compared.

  --forward          the whole way: to a Forward receiver, which prints what it acknowledges
  --for <duration>   end after this time, for example 5s (default: when Ctrl-C is pressed)
  --help             this text
`;

/** About 200 KB/s in files of 150 KB: a rotation every 0.8 s, and each event stays on disk for some 4 s. */
const SIMULATE_FLAGS = '--rate 200 --maxsize 0.15 --maxbackup 5 --compress --level Metadata'.split(
  ' ',
);
/** A demo that is forgotten ends after a day, and so does a simulate whose demo was killed. */
const DEFAULT_FOR = '24h';
/** The agent should be at work before backups begin to be deleted; it says something at its start. */
const AGENT_START_MAX_MS = 3_000;
/** How long events may take from the file to this process. */
const DELIVERY_MAX_MS = 10_000;
/** How long a process may take to end after it was told to, or after its time was over. */
const END_MAX_MS = 10_000;

/** How often the count of lines is looked at while the last events are on their way. */
const COUNT_POLL_MS = 20;

/** What ends the demo before its time: a signal, or that nobody reads the output any more. */
class Interruption {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  readonly #children: Child[] = [];

  constructor() {
    // A second signal ends everything at once.
    const interrupt = (): void => {
      if (this.signal.aborted) this.#killAll();
      this.#controller.abort();
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
    process.stdout.on('error', () => this.#controller.abort());
    process.on('exit', () => this.#killAll());
  }

  /** No process outlives the demo. */
  start(options: ChildOptions): Child {
    const child = new Child(options);
    this.#children.push(child);
    return child;
  }

  #killAll(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

/** Passes the agent's lines through to stdout, at the pace of whoever reads them, and counts them. */
class Printer {
  lines = 0;

  async pass(source: Readable): Promise<void> {
    await pipeline(source, split2(), async (lines: AsyncIterable<unknown>) => {
      for await (const line of lines) {
        this.lines += 1;
        await this.#print(`${String(line)}\n`);
      }
    });
  }

  async #print(text: string): Promise<void> {
    // Gone (EPIPE), the lines are still counted.
    if (!process.stdout.writable || process.stdout.write(text)) return;
    await new Promise<void>((resolve) => {
      process.stdout.once('drain', resolve);
      process.stdout.once('close', resolve);
    });
  }
}

/** The environment of both processes: no settings of the user's, and colours when they end up on a terminal. */
function childEnvironment(): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([key]) => !key.startsWith('AUDIT_SHIPPER_'),
  );
  const env: Record<string, string | undefined> = Object.fromEntries(inherited);
  if (process.stdout.isTTY) {
    env['COLUMNS'] = String(process.stdout.columns);
    if (!env['NO_COLOR']) env['FORCE_COLOR'] = '1';
  }
  return env;
}

/** Resolves when one of the promises does, at the latest after `ms`. */
async function anyOf(promises: readonly Promise<unknown>[], ms: number): Promise<void> {
  // Without ref: a pending deadline does not keep the demo from ending.
  await Promise.race([...promises, setTimeout(ms, undefined, { ref: false })]);
}

/** Ends a process and says what was wrong with its end, if anything. */
async function end(child: Child): Promise<readonly string[]> {
  child.kill('SIGTERM');
  await anyOf([child.ended], END_MAX_MS);
  const late = child.running ? [`${child.name} did not end within ${END_MAX_MS / 1_000} s`] : [];
  child.kill('SIGKILL');
  await child.ended;
  if (late.length > 0) return late;
  return child.failure === undefined ? [] : [child.failure];
}

async function untilDelivered(printer: Printer, agent: Child, events: number): Promise<void> {
  const deadlineMs = performance.now() + DELIVERY_MAX_MS;
  while (printer.lines < events && agent.running && performance.now() < deadlineMs) {
    await setTimeout(COUNT_POLL_MS);
  }
}

interface Run {
  readonly observations: Observations;
  readonly children: readonly Child[];
}

interface DemoOptions {
  readonly forText: string;
  readonly forward: boolean;
}

/** Who carries the events, in the order in which they travel; the last one prints them. */
async function startReaders(
  directory: string,
  forward: boolean,
  start: (name: string, ...args: readonly string[]) => Child,
  interrupted: Promise<unknown>,
): Promise<readonly [Child, ...Child[]]> {
  if (!forward) return [start('the agent', '--follow', '--format', 'pretty', directory)];
  const receiver = start(
    'the receiver',
    'receive',
    '--listen',
    '127.0.0.1:0',
    '--format',
    'pretty',
  );
  await anyOf([receiver.spoke, receiver.ended, interrupted], AGENT_START_MAX_MS);
  const url = `forward://${receiver.text('listening', 'address') ?? ''}`;
  return [start('the agent', '--follow', '--output', url, directory), receiver];
}

/** Starts all processes, waits for the end, and stops them in the order in which the events travel. */
async function run(
  directory: string,
  { forText, forward }: DemoOptions,
  interruption: Interruption,
): Promise<Run> {
  const env = childEnvironment();
  const interrupted = once(interruption.signal, 'abort');
  const start = (name: string, ...args: readonly string[]): Child =>
    interruption.start({ name, args, env });
  const readers = await startReaders(directory, forward, start, interrupted);
  const [agent] = readers;
  const printer = new Printer();
  const printed = printer.pass((readers.at(-1) ?? agent).stdout);
  await anyOf([agent.spoke, agent.ended, interrupted], AGENT_START_MAX_MS);
  // Without a reader there is nothing to compare.
  if (!agent.running) {
    const failures = [agent.failure ?? 'the agent ended at once'];
    const observations = { written: undefined, delivered: undefined, lines: 0, failures };
    return { observations, children: readers };
  }

  const simulate = start('simulate', 'simulate', directory, ...SIMULATE_FLAGS, '--for', forText);
  simulate.stdout.resume();
  const duration = parseDuration(forText);
  const forMs = duration.ok ? duration.value : 0;
  await anyOf([simulate.ended, agent.ended, interrupted], forMs + END_MAX_MS);

  const failures = [...(await end(simulate))];
  const events = simulate.sum('simulated', 'events');
  await untilDelivered(printer, agent, events ?? 0);
  if (!agent.running && agent.failure === undefined) failures.push('the agent ended by itself');
  for (const reader of readers) failures.push(...(await end(reader)));
  await printed;
  const observations = { ...sumsOf(simulate, agent), lines: printer.lines, failures };
  return { observations, children: [simulate, ...readers] };
}

function sumsOf(simulate: Child, agent: Child): Pick<Observations, 'written' | 'delivered'> {
  const events = simulate.sum('simulated', 'events');
  const rotations = simulate.sum('simulated', 'rotations');
  const deliveredEvents = agent.sum('stopped', 'delivered_events');
  return {
    written: events === undefined ? undefined : { events, rotations: rotations ?? 0 },
    delivered:
      deliveredEvents === undefined
        ? undefined
        : {
            events: deliveredEvents,
            rotations: agent.sum('stopped', 'rotations') ?? 0,
            lostBytes: agent.sum('stopped', 'lost_bytes') ?? 0,
          },
  };
}

/** What the processes said, for whoever looks for the reason. */
function complaintsOf(children: readonly Child[]): string {
  return children
    .flatMap(({ name, stderr }) => [
      `\n${name} said:`,
      ...stderr.map((line) => `  ${escapeControl(line)}`),
    ])
    .join('\n');
}

/** What to run, or the exit code when there is nothing to run. */
function readArguments(): DemoOptions | number {
  try {
    const options = {
      for: { type: 'string' },
      forward: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    const { values } = parseArgs({ options });
    if (values.help === true) {
      process.stdout.write(HELP);
      return 0;
    }
    const forText = values.for ?? DEFAULT_FOR;
    const duration = parseDuration(forText);
    if (duration.ok) return { forText, forward: values.forward === true };
    process.stderr.write(`--for: ${duration.message}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  }
  return 2;
}

async function main(): Promise<number> {
  const options = readArguments();
  if (typeof options === 'number') return options;
  const interruption = new Interruption();
  const directory = await mkdtemp(join(tmpdir(), 'audit-shipper-demo-'));
  try {
    const { observations, children } = await run(directory, options, interruption);
    const failed = problemsOf(observations).length > 0 && !interruption.signal.aborted;
    process.stderr.write(summaryOf(observations));
    if (failed) process.stderr.write(`${complaintsOf(children)}\n`);
    return failed ? 1 : 0;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main();

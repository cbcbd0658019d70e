/**
 * The built program as a child process, with a temporary place for its logs, its state and its stdout: start it,
 * hear its log, wait for what it writes, stop it. Knows nothing of what a test expects.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Transform } from 'node:stream';
import { finished } from 'node:stream/promises';
import split from 'split2';
import {
  CheckpointFormatError,
  parseCheckpoints,
  type CheckpointFile,
} from '../../src/checkpoint/format.ts';
import { CHECKPOINT_FILE } from '../../src/checkpoint/store.ts';
import { accountedBytes } from '../../src/deliver/chunk.ts';
import { GrowingFile } from './growing-file.ts';
import { LogDirectory } from './log-directory.ts';
import { lossIn, type LossRecord } from './loss-records.ts';
import { numbersOf, runsOf } from './numbered-events.ts';
import { until } from './until.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** What an agent may take at the most, whatever its backlog. */
export const MEMORY_LIMIT_KB = (process.version.startsWith('v20.') ? 120 : 135) * 1024;

/** A line of the agent's own log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** How a process ended: an exit code, or the signal that killed it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface AgentOptions {
  /** Goes on reading; default true. */
  readonly follow?: boolean;
  /** What is read; default the place's directory of logs. */
  readonly paths?: readonly string[];
  /** Default true. */
  readonly remembers?: boolean;
  /** More flags. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A file to append to, default the place's own; of a `pipe` the test reads itself. */
  readonly stdout?: 'pipe' | { readonly path: string };
  /** Root reads every file: `few` takes that away. */
  readonly rights?: 'all' | 'few';
}

/** Bytes are compared with what was written: what is redacted has tests of its own. */
export const UNTOUCHED = { AUDIT_SHIPPER_REDACT: 'false' };

/** A root without capabilities is bound to permissions like anybody; setpriv is part of util-linux. */
const FEW_RIGHTS = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];

export class Agent {
  readonly child: ChildProcess;
  /** Every line of the log so far. */
  readonly log: LogLine[] = [];
  /** What was on stderr besides: nothing, in a healthy program. */
  readonly stderr: string[] = [];
  readonly exited: Promise<Exit>;
  readonly #stderrLines: Transform;
  #exit: Exit | undefined;

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    stdout: number | 'pipe',
    rights: 'all' | 'few',
  ) {
    const prefix = rights === 'few' && process.geteuid?.() === 0 ? FEW_RIGHTS : [];
    const [program = '', ...rest] = [...prefix, process.execPath, MAIN, ...args];
    this.child = spawn(program, rest, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', stdout, 'pipe'],
    });
    this.#stderrLines = split();
    this.child.stderr?.pipe(this.#stderrLines);
    this.#stderrLines.on('data', (line: string) => this.#hear(line));
    this.exited = this.#waitForEnd();
  }

  async #waitForEnd(): Promise<Exit> {
    const [ended] = await Promise.all([once(this.child, 'exit'), finished(this.#stderrLines)]);
    const [code, signal] = ended as [Exit['code'], Exit['signal']];
    this.#exit = { code, signal };
    return this.#exit;
  }

  #hear(line: string): void {
    if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
    else this.stderr.push(line);
  }

  get hasEnded(): boolean {
    return this.#exit !== undefined;
  }

  /** Waits for a condition, and not longer than the process lives. */
  async until<T>(
    what: string,
    condition: () => T | undefined | false | Promise<T | undefined | false>,
  ): Promise<T> {
    return until(what, condition, () => {
      if (this.#exit === undefined) return undefined;
      const { code, signal } = this.#exit;
      const said = [...this.log.map((line) => JSON.stringify(line)), ...this.stderr].join('\n');
      return new Error(`the agent ended with ${signal ?? code} and had said:\n${said}`);
    });
  }

  /** Waits for a line of the log whose message contains the text. */
  async says(text: string): Promise<LogLine> {
    return this.until(`"${text}" in the log`, () => this.log.find(({ msg }) => msg.includes(text)));
  }

  /** What happens meanwhile, the agent finds when it is over: as on a machine that has no time for it. */
  async whileFrozen(happens: () => void | Promise<void>): Promise<void> {
    this.child.kill('SIGSTOP');
    try {
      await happens();
    } finally {
      this.child.kill('SIGCONT');
    }
  }

  /** SIGTERM, and the end that follows it. */
  async stop(): Promise<Exit> {
    this.child.kill('SIGTERM');
    return this.exited;
  }

  /** SIGKILL: as a crash. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** What it takes of memory now (VmRSS), or has taken at the most (VmHWM), in kB. */
  memoryKb(key: 'VmHWM' | 'VmRSS'): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'latin1');
    return Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  }

  /** What became of everything: the log's last line. Throws when the agent did not come to say it. */
  summary(): LogLine {
    const summary = this.log.find(({ msg }) => msg === 'stopped');
    if (summary === undefined) throw new Error('the agent has not said how it ended');
    return summary;
  }
}

/** Where the agents of one test work: a directory of logs, one for state, and a stdout that all of them append to. */
export class Workplace {
  readonly logs: LogDirectory;
  /** The active file of the log. */
  readonly path: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'audit-shipper-e2e-'));
  readonly state = join(this.#directory, 'state');
  readonly stdoutFile = join(this.#directory, 'stdout');
  readonly #stdout: GrowingFile;
  readonly #agents: Agent[] = [];

  /** Everything that was started is killed, and everything that was written is removed, when the test is over. */
  constructor(t: TestContext) {
    this.logs = new LogDirectory(t);
    this.path = this.logs.file('audit.log');
    this.#stdout = new GrowingFile(this.stdoutFile);
    t.after(async () => {
      for (const agent of this.#agents) if (!agent.hasEnded) await agent.kill();
      try {
        this.#assertConserved();
      } finally {
        this.#stdout.close();
        rmSync(this.#directory, { recursive: true, force: true });
      }
    });
  }

  /** Whatever a test did: every settled byte is in one account, and no agent found otherwise. */
  #assertConserved(): void {
    for (const { path, offset, accounts } of this.#understood()) {
      assert.equal(accountedBytes(accounts), offset, `the accounts of ${path} add up`);
    }
    const wrong = this.#agents.flatMap(({ log }) =>
      log.filter(({ msg }) => msg.startsWith('the accounts do not add up')),
    );
    assert.deepEqual(wrong, []);
  }

  /** The checkpoints; none of a file that a test has spoilt. */
  #understood(): CheckpointFile['checkpoints'] {
    try {
      return this.remembered().checkpoints;
    } catch (error) {
      if (error instanceof CheckpointFormatError) return [];
      throw error;
    }
  }

  start(options: AgentOptions = {}): Agent {
    const {
      follow = true,
      remembers = true,
      paths = [this.logs.path],
      flags = [],
      env = {},
      stdout = { path: this.stdoutFile },
      rights = 'all',
    } = options;
    const args = [
      ...paths,
      '--format=json',
      ...(follow ? ['--follow'] : []),
      ...(remembers ? ['--state-dir', this.state] : []),
      ...flags,
    ];
    const fd = stdout === 'pipe' ? undefined : openSync(stdout.path, 'a');
    const agent = new Agent(args, { ...UNTOUCHED, ...env }, fd ?? 'pipe', rights);
    if (fd !== undefined) closeSync(fd);
    this.#agents.push(agent);
    return agent;
  }

  /** Starts a follower and waits until it reads the log. */
  async follow(options: AgentOptions = {}): Promise<Agent> {
    const agent = this.start(options);
    await agent.says('reading');
    return agent;
  }

  /** Ships what is on disk, and ends. */
  async ship(options: AgentOptions = {}): Promise<Agent> {
    const agent = this.start({ ...options, follow: false });
    const { code, signal } = await agent.exited;
    if (code === 0) return agent;
    throw new Error(`the agent ended with ${signal ?? code}: ${JSON.stringify(agent.log)}`);
  }

  /**
   * Waits until event `last` is out, stops the agent, and has another one look whether anything is left: by then
   * everything on disk must be on stdout.
   */
  async finish(agent: Agent, last: number, options: AgentOptions = {}): Promise<void> {
    await this.delivered(agent, last);
    const { code, signal } = await agent.stop();
    if (code !== 0) throw new Error(`the agent ended with ${signal ?? code}`);
    await this.ship(options);
  }

  /** The whole lines of stdout so far, of all agents. */
  lines(): readonly Buffer[] {
    return this.#stdout.lines();
  }

  /** What follows the last newline of stdout. */
  get tornLine(): Buffer {
    return this.#stdout.rest;
  }

  /** The numbers of the events on stdout, as runs: `1-300` when all are there, once and in order. */
  shipped(): string {
    return runsOf(numbersOf(this.lines().filter((line) => lossIn(line) === undefined)));
  }

  /** What the state directory holds; nothing before the first save. */
  remembered(): CheckpointFile {
    const file = join(this.state, CHECKPOINT_FILE);
    if (!existsSync(file)) return { checkpoints: [], problems: [], losses: [], outlooks: [] };
    return parseCheckpoints(readFileSync(file, 'utf8'));
  }

  /** The records on stdout that take the place of lost events. */
  lossRecords(): readonly LossRecord[] {
    return this.lines()
      .map(lossIn)
      .filter((loss) => loss !== undefined);
  }

  /** Waits until the event with this number has come out of the agent. */
  async delivered(agent: Agent, number: number): Promise<void> {
    let checked = 0;
    await agent.until(`event ${number}`, () => {
      const lines = this.lines();
      const found = numbersOf(lines.slice(checked)).includes(number);
      checked = lines.length;
      return found;
    });
  }
}

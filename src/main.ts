#!/usr/bin/env node
/**
 * The program: arguments, environment, signals, exit code. It loads what a command needs only when that command
 * runs, and knows nothing of what the commands do.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';
import { EXIT_USAGE, misspeltCommand, runCli, type CliActions } from './cli.ts';
import type { Flags } from './config/flags.ts';
import { escapeControl } from './observe/terminal.ts';

// process.exit waits for V8's other threads, and one that compiles may wait for a garbage collection that only this
// thread makes: about one stop in 250 hung for ever on Node 24 (docs/decisions/0004-v8-flags.md).
setFlagsFromString('--no-concurrent-sparkplug');

// The core does the work; optimising JavaScript that runs at the start, and between its blocks, took more than it gave.
// What is hot all the same, as redaction of many bodies, is optimised later. Newer ones do not know the flag, and say so
// on stderr.
const isNode20 = process.versions.v8.startsWith('11.');
const DEFAULT_BUDGET = 67_584;
if (isNode20) setFlagsFromString('--interrupt-budget=2000000');

/** 128 plus the number of the signal, as shells have it: for those who do not wait for the clean stop. */
const EXIT_CODE_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;
/** timeout(1) signals a process and its group, and means one stop. No person is that quick. */
const ECHO_MS = 100;
/** A compilation takes a few milliseconds. */
const LEAVE_MS = 20;
const STDERR_FD = 2;
/** Width of help that is not shown on a terminal. */
const HELP_COLUMNS = 80;
/** Causes of an error that are told; deeper ones only repeat. */
const CAUSES_MAX = 5;

/**
 * To be called when all is loaded: with other flags than Node was built with, V8 compiles anew what Node brings compiled
 * (docs/decisions/0004-v8-flags.md).
 */
function setFlags(): void {
  // The agent is a guest on a control-plane node. Without these V8 lets garbage grow to several times of what is alive;
  // with them the peak is much lower at the same speed.
  setFlagsFromString('--optimize-for-size');
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Whether a failure shows its stack: it tells developers much and users nothing. */
let showsStack = process.env['AUDIT_SHIPPER_LOG_LEVEL'] === 'debug';

// process.stdout and process.stderr are touched only when something is written: opening them puts a pipe into
// non-blocking mode, also for the log, which writes to the descriptor itself.

function out(text: string): void {
  process.stdout.write(text);
}

function err(text: string): void {
  // A stderr that nobody reads any more is no reason to stop, and there is no place left to say so.
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => undefined);
  process.stderr.write(text);
}

/** The first signal asks for a clean stop, the second ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const first = { name: '', ms: 0 };
  for (const [name, exitCode] of Object.entries(EXIT_CODE_OF_SIGNAL)) {
    process.on(name, () => {
      const isEcho = name === first.name && performance.now() - first.ms < ECHO_MS;
      if (controller.signal.aborted && !isEcho) process.exit(exitCode);
      if (!controller.signal.aborted) Object.assign(first, { name, ms: performance.now() });
      controller.abort();
    });
  }
  return controller.signal;
}

/**
 * SIGHUP asks for the rules to be read again. At a terminal it means that the terminal is gone, and ends the process.
 */
function onHangup(listener: () => void): void {
  if (!isatty(STDERR_FD)) process.on('SIGHUP', listener);
}

/** What a command that delivers events needs; undefined, and everything said, when the configuration is bad. */
async function prepare(flags: Flags) {
  const { configFileOf, configLoader } = await import('./config/load.ts');
  const { loadRules } = await import('./rules/load.ts');
  const load = await configLoader({ flags, env: process.env, nowMs: Date.now() });
  const loaded = load();
  const rules = loaded.ok ? await loadRules(loaded.config.rules) : loaded;
  if (!loaded.ok || !rules.ok) {
    const { problemReport } = await import('./commands/check.ts');
    err(problemReport(rules.ok ? [] : rules.problems));
    return undefined;
  }
  const { config, warnings } = loaded;
  const reload = {
    start: loaded,
    onAsked: onHangup,
    configFile: configFileOf(flags, process.env),
    readConfig: load,
  };
  showsStack = config.logLevel === 'debug';
  const signal = stopSignal();
  const { createLog } = await import('./observe/log.ts');
  const log = createLog({ level: config.logLevel });
  for (const { where, message } of [...warnings, ...rules.warnings]) {
    log.warn(message, { setting: where });
  }
  return { config, log, signal, ruleSet: rules.ruleSet, reload };
}

async function policyActions() {
  const { policyActions: loaded } = await import('./commands/policy.ts');
  setFlags();
  return loaded;
}

const actions: CliActions = {
  async ship(flags) {
    const { pathExists } = await import('./config/load.ts');
    const misspelt = misspeltCommand(flags.paths ?? [], pathExists);
    if (misspelt !== undefined) {
      err(`audit-shipper: ${misspelt}\n`);
      return EXIT_USAGE;
    }
    const run = await prepare(flags);
    if (run === undefined) return EXIT_USAGE;
    const { ship } = await import('./commands/ship.ts');
    const onLoaded = (): void => {
      setFlags();
      // Who runs for weeks has the time to optimise what is done again and again: a third of the CPU time.
      if (isNode20 && run.config.follow) {
        setFlagsFromString(`--interrupt-budget=${DEFAULT_BUDGET}`);
      }
    };
    // Everything delivered is written by now; what a stuck reader never took must not keep the process.
    return leave(await ship(run.config, { ...run, onLoaded }));
  },

  async check(flags) {
    const { check } = await import('./commands/check.ts');
    return check(flags, { env: process.env, nowMs: Date.now(), out, err });
  },

  async status(options) {
    const { status } = await import('./commands/status.ts');
    setFlags();
    return status(options);
  },

  async receive(options) {
    const { readSettings } = await import('./commands/receive/settings.ts');
    const read = readSettings(options);
    if (!read.ok) {
      const { problemReport } = await import('./commands/check.ts');
      err(problemReport(read.problems));
      return EXIT_USAGE;
    }
    const signal = stopSignal();
    const { createLog } = await import('./observe/log.ts');
    const { receive } = await import('./commands/receive.ts');
    setFlags();
    // What a stuck reader of stdout never took was not acknowledged, and must not keep the process.
    return leave(await receive(read.settings, { log: createLog({ level: 'info' }), signal }));
  },

  async replay(flags) {
    const run = await prepare(flags);
    if (run === undefined) return EXIT_USAGE;
    const { stateDir } = run.config;
    if (stateDir === undefined) {
      err('audit-shipper: which dead letters? Name the state directory of their agent with -s\n');
      return EXIT_USAGE;
    }
    const { replay } = await import('./commands/replay.ts');
    setFlags();
    return replay(run.config, stateDir, run);
  },

  async simulate(options) {
    const signal = stopSignal();
    const { createLog } = await import('./observe/log.ts');
    const { simulate } = await import('./commands/simulate.ts');
    setFlags();
    await simulate(options, { log: createLog({ level: 'info' }), signal });
    return 0;
  },

  async verify(options) {
    const { verify } = await import('./commands/verify.ts');
    setFlags();
    return verify(options);
  },

  async policyTest(options) {
    return (await policyActions()).policyTest(options);
  },

  async policyExplain(options) {
    return (await policyActions()).policyExplain(options);
  },

  async policyDiff(options) {
    return (await policyActions()).policyDiff(options);
  },
};

/** Ends the process, whatever a stuck reader of stdout still holds; what compiles meanwhile may come to its end. */
async function leave(exitCode: number): Promise<never> {
  await delay(LEAVE_MS);
  return process.exit(exitCode);
}

/** Whoever read our stdout has what it wanted (`| head`): the end of a pipeline, not a failure. */
function isClosedStdout(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'EPIPE' &&
    'syscall' in error &&
    error.syscall === 'write'
  );
}

function explain(error: unknown): string {
  const messages: string[] = [];
  let cause = error;
  while (cause instanceof Error && messages.length < CAUSES_MAX) {
    messages.push(cause.message);
    cause = cause.cause;
  }
  if (messages.length === 0) messages.push('stopped by something that is not an Error');
  return messages.map(escapeControl).join(': ');
}

function die(error: unknown): never {
  if (isClosedStdout(error)) process.exit(0);
  const stack = showsStack && error instanceof Error ? (error.stack ?? '') : '';
  const lines = stack.split('\n').map(escapeControl).join('\n');
  err(`audit-shipper: ${explain(error)}\n${lines === '' ? '' : `${lines}\n`}`);
  process.exit(1);
}

process.on('uncaughtException', die);

try {
  process.exitCode = await runCli(process.argv.slice(2), {
    actions,
    env: process.env,
    columns: () => process.stdout.columns ?? HELP_COLUMNS,
    out,
    err,
  });
} catch (error) {
  die(error);
}

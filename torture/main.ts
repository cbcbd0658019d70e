/**
 * `npm run torture`: lumberjack writes and rotates as fast as it is told, the built program ships, both the program and its
 * receiver are killed, stopped and started again all the time, and at the end every event that was written is looked for.
 * Fails when one is missing, and keeps what is left on disk then.
 *
 *     npm run torture -- [--minutes <n>] [--megabytes-per-second <n>] [--maxbackup <n>] [--kill-every <seconds>]
 *                        [--seed <n>] [--cruel] [--write]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machine } from '../bench/machine.ts';
import { withSection } from '../bench/table.ts';
import { buildLumberjackWriter } from '../test/support/lumberjack.ts';
import { parseOptions, type Options } from './options.ts';
import { reportOf } from './report.ts';
import { torture } from './torture.ts';

const DOCUMENT = 'docs/reliability.md';

function sectionOf({ cruel }: Options): string {
  return cruel ? 'torture, cruel' : 'torture';
}

function describe(options: Options): string {
  const { minutes, megabytesPerSecond, maxbackup, killEvery, seed, cruel } = options;
  return (
    `--minutes ${minutes} --megabytes-per-second ${megabytesPerSecond} --maxbackup ${maxbackup} ` +
    `--kill-every ${killEvery} --seed ${seed}${cruel ? ' --cruel' : ''}`
  );
}

function say(text: string): void {
  process.stderr.write(`${(performance.now() / 1000).toFixed(0).padStart(5)} s ${text}\n`);
}

async function play(options: Options, binary: string, directory: string): Promise<number> {
  const interruption = new AbortController();
  // Nothing that was started may be left behind.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => interruption.abort());
  }
  const result = await torture({
    options,
    binary,
    directory,
    signal: interruption.signal,
    progress: ({ written, received }) => {
      say(`${written} events written, received up to ${received}`);
    },
  });
  const { table, problems } = reportOf(result, options);
  const title = `${machine(process.versions.node)}, \`${describe(options)}\``;
  process.stdout.write(`${title}:\n\n${table}\n`);
  for (const problem of problems) say(`WRONG: ${problem}`);
  if (problems.length > 0) return 1;
  if (options.writes) {
    const document = readFileSync(DOCUMENT, 'utf8');
    writeFileSync(DOCUMENT, withSection(document, sectionOf(options), `${title}:\n\n${table}`));
  }
  return 0;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  // There must be a place for the table before five minutes are spent on it.
  if (options.writes) withSection(readFileSync(DOCUMENT, 'utf8'), sectionOf(options), '');
  const binary = await buildLumberjackWriter();
  if (binary === undefined) throw new Error('without lumberjack there is nothing to be tortured');
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-torture-'));
  say(`with ${describe(options)}`);
  let code = 1;
  try {
    code = await play(options, binary, directory);
  } finally {
    if (code === 0) rmSync(directory, { recursive: true });
    else
      say(
        `kept ${directory}: agents.log is what the agents said, ledger the files that were written, ` +
          `state what is remembered; again with ${describe(options)}`,
      );
  }
  return code;
}

try {
  process.exitCode = await main();
} catch (error) {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
  const why = cause === undefined ? '' : `: ${cause.message}`;
  process.stderr.write(
    `torture: ${error instanceof Error ? error.message : String(error)}${why}\n`,
  );
  process.exitCode = 1;
}

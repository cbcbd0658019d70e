/**
 * Runs the tests: every compiled `*.test.js` beside this file, each in a process of its own, with the runner of
 * Node. It does what `node --test` does, on every Node we support (20 knows no globs), and it tells at the very end
 * which tests were skipped and why. It knows nothing of what is tested.
 *
 *     node dist/test/run.js [--test-name-pattern <regex>] [--without <part of a path>] [part of a path …]
 */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';

/** Files at a time. Some start programs and wait for them: one more than a small machine has cores keeps those busy. */
const CONCURRENCY = 3;

const USAGE =
  'usage: node dist/test/run.js [--test-name-pattern <regex>] [--without <part of a path>] [part of a path …]';

interface Request {
  readonly namePatterns: readonly string[];
  readonly pathParts: readonly string[];
  /** Parts of paths that are left out. */
  readonly without: readonly string[];
}

interface Skipped {
  readonly file: string;
  readonly name: string;
  readonly reason: string;
}

function requestFrom(args: readonly string[]): Request {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      'test-name-pattern': { type: 'string', multiple: true },
      without: { type: 'string', multiple: true },
    },
    allowPositionals: true,
  });
  const { 'test-name-pattern': namePatterns = [], without = [] } = values;
  return { namePatterns, pathParts: positionals, without };
}

/** The test files whose path below `folder` contains one of the parts; all of them when there is no part. */
function testFiles(folder: string, { pathParts, without }: Request): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.js'))
    .filter((path) => pathParts.length === 0 || pathParts.some((part) => path.includes(part)))
    .filter((path) => !without.some((part) => path.includes(part)))
    .sort()
    .map((path) => join(folder, path));
}

interface Result {
  /** How many tests were executed, with whatever result. */
  readonly executed: number;
  readonly skipped: readonly Skipped[];
}

/**
 * Runs the files and reports to stdout. A failure sets the exit code. Resolves with what was skipped, except by the
 * request itself: tests that no name pattern asked for are skipped for the runner, and of no interest.
 */
async function runFiles(files: readonly string[], { namePatterns }: Request): Promise<Result> {
  let executed = 0;
  const skipped: Skipped[] = [];
  const results = run({
    files: [...files],
    concurrency: CONCURRENCY,
    ...(namePatterns.length === 0 ? {} : { testNamePatterns: [...namePatterns] }),
  });
  results.on('test:fail', ({ todo }) => {
    executed += 1;
    if (todo === undefined || todo === false) process.exitCode = 1;
  });
  results.on('test:pass', ({ name, file, skip, details }) => {
    const isSkipped = skip !== undefined && skip !== false;
    // A suite is no test, nor is a file of which no test was asked for (Node 24 lets it pass as one).
    if (!isSkipped && details.type !== 'suite' && !files.includes(name)) executed += 1;
    if (!isSkipped || namePatterns.length > 0) return;
    const reason = typeof skip === 'string' && skip !== '' ? skip : 'no reason given';
    skipped.push({ name, reason, file: file === undefined ? '?' : relative(process.cwd(), file) });
  });
  await pipeline(results, new spec(), process.stdout, { end: false });
  return { executed, skipped };
}

function skippedText(skipped: readonly Skipped[]): string {
  const lines = skipped.map(
    ({ file, name, reason }) => `  ${file}: ${name}\n    because: ${reason}\n`,
  );
  return `\n${skipped.length} skipped:\n${lines.join('')}`;
}

async function main(): Promise<void> {
  let request: Request;
  try {
    request = requestFrom(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    process.exitCode = 2;
    return;
  }
  const folder = import.meta.dirname;
  const files = testFiles(folder, request);
  if (files.length === 0) {
    const wanted = request.pathParts.length === 0 ? '' : ` with ${request.pathParts.join(' or ')}`;
    process.stderr.write(`no test file${wanted} below ${folder}: is the project built?\n`);
    process.exitCode = 1;
    return;
  }
  const { executed, skipped } = await runFiles(files, request);
  if (skipped.length > 0) process.stdout.write(skippedText(skipped));
  if (executed > 0) return;
  process.stderr.write('no test was executed\n');
  process.exitCode = 1;
}

await main();

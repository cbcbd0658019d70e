/**
 * The whole torture, short and gentle: nothing is missing. And its command line: what makes no sense is refused before
 * anything starts.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseOptions, planOf } from '../../torture/options.ts';
import { buildLumberjackWriter } from '../support/lumberjack.ts';
import { projectRoot } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const run = promisify(execFile);
const MAIN = join(projectRoot(), 'dist', 'torture', 'main.js');
/** Slow enough for a busy machine: a file is kept for 17 s. */
const GENTLE = '--minutes 0.35 --megabytes-per-second 3 --kill-every 1.5'.split(' ');
/** Losses happen: a file is kept for 1.7 s. */
const CRUEL = '--cruel --minutes 0.2 --megabytes-per-second 3 --maxbackup 5 --kill-every 1.5'.split(
  ' ',
);
/** Far above what it takes: it only ends what would hang. */
const TIMEOUT_MS = 240_000;

const binary = await buildLumberjackWriter();
const skip = binary === undefined && 'Go or lumberjack is not installed';

/** What stands in the row of the table. */
function found(table: string, what: string): number {
  const row = table.split('\n').find((line) => line.startsWith(`| ${what} `));
  return Number(row?.split('|')[2]?.replaceAll(',', ''));
}

describe('npm run torture', { skip }, () => {
  for (const [how, args] of [
    ['gently: nothing is missing', GENTLE],
    ['cruelly: whatever is missing is accounted for', CRUEL],
  ] as const) {
    it(how, { timeout: TIMEOUT_MS }, async (t) => {
      const directory = temporaryDirectory(t);
      const { stdout } = await run(process.execPath, [MAIN, ...args], {
        cwd: projectRoot(),
        env: { ...process.env, TMPDIR: directory },
      }).catch((error: unknown) => {
        // With the seed, and with what is wrong.
        throw new Error((error as { stderr: string }).stderr, { cause: error });
      });
      t.diagnostic(stdout);
      assert.ok(found(stdout, 'events written') > 10_000);
      assert.ok(found(stdout, 'generations whose accounts were compared') > 10);
      assert.ok(found(stdout, 'agents killed (SIGKILL)') > 0);
      assert.ok(found(stdout, 'receivers killed (SIGKILL)') > 0);
      assert.equal(found(stdout, '… of which nobody knows'), 0);
      if (args === GENTLE) assert.equal(found(stdout, 'events missing'), 0);
      assert.deepEqual(readdirSync(directory), [], 'what is not needed any more is removed');
    });
  }
});

describe('the options of the torture', () => {
  it('have defaults, and a seed of their own each time', () => {
    const { seed, ...others } = parseOptions([]);
    assert.ok(Number.isSafeInteger(seed));
    assert.deepEqual(others, {
      minutes: 5,
      megabytesPerSecond: 20,
      maxbackup: 50,
      killEvery: 3,
      cruel: false,
      writes: false,
    });
  });

  for (const [args, expected] of [
    [['--minutes', '0'], /--minutes: 0 is no number above 0/],
    [['--seed', 'x'], /--seed: x is no number above 0/],
    [['--maxbackup', '1.5'], /--maxbackup: 1.5 is no whole number/],
    [['--maxbackup', '10'], /kept for 0.5 s, .* needs 2 s: more of --maxbackup/],
    [['--kill-evry', '1'], /--kill-evry/],
  ] as const) {
    it(`refuse ${args.join(' ')}`, () => {
      assert.throws(() => parseOptions(args), expected);
    });
  }

  it('give an agent less time away than files are kept, unless they are cruel', () => {
    const keptMs = (50 * 2 ** 20) / 20_000;
    const { isSparing, agentAwayMs } = planOf(parseOptions([]));
    assert.ok(isSparing && agentAwayMs.most < keptMs);
    const cruel = planOf(parseOptions(['--cruel']));
    assert.ok(!cruel.isSparing && cruel.agentAwayMs.most > keptMs);
  });
});

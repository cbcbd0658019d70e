/**
 * The whole agent on a simulated machine against the model (README.md): the same runs each time, from the seed of the
 * environment when there is one (SEED=7), regressions, and the promise that a seed tells all. Each is a process of its own, in which the modules of Node are replaced.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { REGRESSIONS } from './regressions.ts';

const MAIN = join(import.meta.dirname, 'main.js');
/** About half a minute of one core. */
const RUNS = 2000;
/** Long enough for chance to be asked in every place. */
const REPEATED_RUNS = 25;

async function play(...args: readonly string[]): Promise<{ code: unknown; said: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [[code], said] = await Promise.all([
    once(child, 'exit') as Promise<unknown[]>,
    text(child.stdout),
  ]);
  return { code, said: said.trim() };
}

it(`${RUNS} runs break no property`, async (t) => {
  const seed = process.env['SEED'] ?? '1';
  const { code, said } = await play('--seed', seed, '--runs', String(RUNS));
  t.diagnostic(said);
  assert.equal(code, 0, said);
});

it('runs that once broke a property break none', async () => {
  const seeds = REGRESSIONS.map(({ seed }) => String(seed));
  const { code, said } = await play('--seeds', seeds.join(','));
  assert.equal(code, 0, said);
});

it('the same seed gives the same run, to the last step', async () => {
  const args = ['--seed', '1', '--runs', String(REPEATED_RUNS)];
  const traces = await Promise.all([play(...args), play(...args)]);
  const [first, second] = traces.map(({ said }) => /trace (\w+)$/.exec(said)?.[1]);
  assert.ok(first !== undefined);
  assert.equal(first, second);
  const other = await play('--seed', '2', '--runs', String(REPEATED_RUNS));
  assert.notEqual(/trace (\w+)$/.exec(other.said)?.[1], first);
});

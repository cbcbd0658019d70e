/**
 * Fuzzes for as long as somebody wants, fuzzer after fuzzer, each for its share of the time. Ends with 1 at the first
 * case that fails, which is told with how to repeat it.
 *
 *     npm run test:fuzz -- [--minutes N] [--only <name>] [--seed N] [--cases N]
 */
import { inspect, parseArgs } from 'node:util';
import { anySeed, fuzz } from './fuzz.ts';
import { FUZZERS } from './targets.ts';

const MS_OF_MINUTE = 60_000;
const USAGE = `usage: npm run test:fuzz -- [--minutes N] [--only <name>] [--seed N] [--cases N]
names: ${FUZZERS.map(({ name }) => name).join(', ')}
`;

interface Request {
  readonly minutes: number;
  readonly only: string | undefined;
  readonly seed: number;
  readonly cases: number;
}

/** Undefined when it makes no sense. */
function requestFrom(args: readonly string[]): Request | undefined {
  const texts = { minutes: { type: 'string' }, only: { type: 'string' } } as const;
  const numbers = { seed: { type: 'string' }, cases: { type: 'string' } } as const;
  try {
    const { values } = parseArgs({ args: [...args], options: { ...texts, ...numbers } });
    const { minutes = '1', only, seed = String(anySeed()), cases = 'Infinity' } = values;
    const request = { minutes: Number(minutes), only, seed: Number(seed), cases: Number(cases) };
    const isKnown = only === undefined || FUZZERS.some(({ name }) => name === only);
    const isGood = request.minutes > 0 && request.seed >= 0 && request.cases > 0;
    return isKnown && isGood ? request : undefined;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

async function main(): Promise<void> {
  const request = requestFrom(process.argv.slice(2));
  if (request === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const { minutes, only, seed, cases } = request;
  const chosen = FUZZERS.filter(({ name }) => only === undefined || name === only);
  const share = (minutes * MS_OF_MINUTE) / chosen.length;
  for (const fuzzer of chosen) {
    process.stdout.write(`${fuzzer.name}: seed ${seed}`);
    try {
      const done = await fuzz(fuzzer, seed, { cases, endMs: performance.now() + share });
      process.stdout.write(`, ${done} cases hold\n`);
    } catch (error) {
      process.stdout.write(`, a case fails\n${inspect(error)}\n`);
      process.exitCode = 1;
      return;
    }
  }
}

await main();

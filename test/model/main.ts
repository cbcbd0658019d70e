/**
 * Plays runs of the model: so many, or for so long, from a seed on; and says how a run that breaks a property can be
 * played again. It is a process of its own, since the modules of Node are replaced in it.
 *
 *     node dist/test/model/main.js [--runs n] [--minutes n] [--seed n | --seeds n,n…] [--trace] [--keep-going]
 */
import { createHash } from 'node:crypto';
import { inspect, parseArgs } from 'node:util';
import { install, realNow } from '../sim/builtins.ts';

install();
const { play } = await import('./run.ts');
const { Violation } = await import('./judge.ts');

const MINUTE_MS = 60_000;
const SEEDS = 2 ** 31;
const HASH_DIGITS = 16;
/** How often a long run says how far it is. */
const TELL_EVERY_MS = 30_000;

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    trace: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
});

const first = Number(values.seed ?? Math.floor(Math.random() * SEEDS));

/** Which runs are wanted, as long as there is time. */
function* seeds(): Generator<number> {
  if (values.seeds !== undefined) {
    yield* values.seeds.split(',').filter(Boolean).map(Number);
    return;
  }
  const endMs = realNow() + Number(values.minutes ?? Infinity) * MINUTE_MS;
  const runs = Number(values.runs ?? (values.minutes === undefined ? 1 : Infinity));
  for (let count = 0; count < runs && realNow() < endMs; count++) yield (first + count) % SEEDS;
}

/** Plays one run; with its trace on stdout when it is asked for. */
async function playOne(seed: number): Promise<string> {
  const lines: string[] | undefined = values.trace ? [] : undefined;
  try {
    return (await play(seed, lines)).traceHash;
  } finally {
    if (lines !== undefined) process.stdout.write(`${lines.join('\n')}\n`);
  }
}

function tell(seed: number, error: unknown): void {
  const isExpected = error instanceof Violation && error.cause === undefined;
  const what = isExpected ? error.message : inspect(error);
  process.stdout.write(
    `${what}\n  again with: node dist/test/model/main.js --seed ${seed} --trace\n`,
  );
}

async function main(): Promise<void> {
  const startMs = realNow();
  let toldMs = startMs;
  let count = 0;
  let violations = 0;
  const traces = createHash('sha256');
  for (const seed of seeds()) {
    count += 1;
    try {
      traces.update(await playOne(seed));
    } catch (error) {
      violations += 1;
      tell(seed, error);
      if (!values['keep-going']) break;
    }
    if (realNow() - toldMs < TELL_EVERY_MS) continue;
    toldMs = realNow();
    process.stdout.write(`${count} runs, ${violations} with a violation\n`);
  }
  const hash = traces.digest('hex').slice(0, HASH_DIGITS);
  const seconds = ((realNow() - startMs) / 1000).toFixed(1);
  process.stdout.write(
    `${count} runs, ${violations} with a violation, --seed ${first}, ${seconds} s, trace ${hash}\n`,
  );
  process.exitCode = violations === 0 ? 0 : 1;
}

process.on('unhandledRejection', (error) => {
  throw error;
});
await main();

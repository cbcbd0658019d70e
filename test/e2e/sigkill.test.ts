/**
 * The program stopped by SIGKILL again and again while lumberjack writes and rotates. Every number arrives; only
 * events since the last checkpoint come twice, and then byte for byte, their `shipper.id` included.
 */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../src/commands/simulate/random.ts';
import { Workplace } from '../support/agent.ts';
import { buildLumberjackWriter, startLumberjack } from '../support/lumberjack.ts';
import { numbersOf, runsOf } from '../support/numbered-events.ts';

const binary = await buildLumberjackWriter();
const skip = binary === undefined && 'Go or lumberjack is not installed';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const KILLS = 20;
/** How long an agent lives: from before it has read anything to after its first checkpoint. */
const LIFE_MS = { least: 50, most: 1200 };
/**
 * A rotation every half second, and each file is there for fifty more: nothing is deleted unread, also where an overloaded
 * machine lets hardly an agent live long enough to read.
 */
const WRITER = { maxsizeMb: 1, maxbackup: 100, rate: 2000, count: 0 };

/** What one agent wrote. */
interface Life {
  readonly lines: readonly Buffer[];
  /** The line that its end cut off. */
  readonly torn: Buffer;
  /** What it left to the next one: offset by fingerprint. */
  readonly checkpoints: ReadonlyMap<string, number>;
}

const startIn = (workplace: Workplace) =>
  workplace.start({ env: { AUDIT_SHIPPER_COORDINATES: 'true' } });

async function liveAndDie(workplace: Workplace, lifeMs: number): Promise<Life> {
  const before = workplace.lines().length;
  const agent = startIn(workplace);
  await delay(lifeMs);
  await agent.kill();
  const lines = workplace.lines().slice(before);
  const torn = workplace.tornLine;
  // Whoever reads stdout takes a line that was begun for ended when the stream is.
  if (torn.length > 0) appendFileSync(workplace.stdoutFile, '\n');
  return { lines, torn, checkpoints: checkpointsOf(workplace) };
}

/** The last agent: it comes to the end of what was written, and stops by itself. */
async function liveOn(workplace: Workplace, last: number): Promise<Life> {
  const before = workplace.lines().length;
  const agent = startIn(workplace);
  await workplace.delivered(agent, last);
  assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  assert.equal(workplace.tornLine.length, 0);
  const lines = workplace.lines().slice(before);
  return { lines, torn: Buffer.alloc(0), checkpoints: checkpointsOf(workplace) };
}

function checkpointsOf(workplace: Workplace): ReadonlyMap<string, number> {
  const { checkpoints } = workplace.remembered();
  return new Map(checkpoints.map(({ fingerprint, offset }) => [fingerprint, offset]));
}

/** `<fingerprint>-<offset>` */
function idOf(line: Buffer): string {
  const { shipper } = JSON.parse(line.toString('utf8')) as { readonly shipper: { id: string } };
  return shipper.id;
}

/** Each agent's numbers follow each other, and begin no later than where the one before it ended. */
function assertNothingMissing(lives: readonly Life[], last: number): void {
  let reached = 0;
  for (const { lines } of lives) {
    const numbers = numbersOf(lines);
    const [first] = numbers;
    if (first === undefined) continue;
    const end = first + numbers.length - 1;
    assert.equal(runsOf(numbers), `${first}-${end}`, `after ${reached} came ${runsOf(numbers)}`);
    assert.ok(first <= reached + 1, `${reached + 1} to ${first - 1} are missing`);
    reached = Math.max(reached, end);
  }
  assert.equal(reached, last);
}

/** What comes again is the same, and lies behind the checkpoint that it was repeated from. */
function assertRepeatedIsTheSame(lives: readonly Life[]): void {
  const lineOf = new Map<number, Buffer>();
  let checkpoints: Life['checkpoints'] = new Map();
  for (const life of lives) {
    const numbers = numbersOf(life.lines);
    for (const [index, line] of life.lines.entries()) {
      const number = numbers[index] ?? NaN;
      const before = lineOf.get(number);
      if (before !== undefined) assert.equal(line.toString('utf8'), before.toString('utf8'));
      lineOf.set(number, line);
      const [fingerprint = '', offset] = idOf(line).split('-');
      const settled = checkpoints.get(fingerprint) ?? 0;
      assert.ok(Number(offset) >= settled, `event ${number} was settled before`);
    }
    ({ checkpoints } = life);
  }
  const ids = new Set([...lineOf.values()].map(idOf));
  assert.equal(ids.size, lineOf.size, 'every event has an id of its own');
}

/** A line that was cut off is the beginning of one that came later. */
function assertTornCameWhole(lives: readonly Life[]): void {
  const lines = new Map<string, number>();
  lives.forEach((life, index) => {
    for (const line of life.lines) lines.set(line.toString('latin1'), index);
  });
  lives.forEach(({ torn }, index) => {
    const beginning = torn.toString('latin1');
    const whole = [...lines].some(([line, at]) => at > index && line.startsWith(beginning));
    assert.ok(whole || torn.length === 0, `the line cut off at ${torn.length} bytes is missing`);
  });
}

describe('an agent stopped by SIGKILL', { skip }, () => {
  for (const compress of [false, true]) {
    const how = compress ? 'with compression' : 'without compression';

    it(`at ${KILLS} random moments ${how} repeats only what no checkpoint holds`, async (t) => {
      t.diagnostic(`SEED=${SEED}`);
      const random = createRandom(SEED);
      const workplace = new Workplace(t);
      const { path } = workplace;
      const writer = startLumberjack(binary ?? '', { ...WRITER, path, compress });
      t.after(() => writer.kill('SIGKILL'));
      const lives: Life[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const lifeMs = LIFE_MS.least + random.below(LIFE_MS.most - LIFE_MS.least);
        lives.push(await liveAndDie(workplace, lifeMs));
      }
      writer.kill('SIGTERM');
      const last = (await writer.done)?.last ?? 0;
      assert.ok(last > WRITER.rate);
      lives.push(await liveOn(workplace, last));
      assertNothingMissing(lives, last);
      assertRepeatedIsTheSame(lives);
      assertTornCameWhole(lives);
    });
  }
});

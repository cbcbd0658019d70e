/**
 * Finding the line that no receiver takes: every good line is taken once, every poisoned one is stripped or put aside
 * once, and nothing is condemned while the receiver takes nothing at all. No time passes in the waits.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Chunk } from '../../src/deliver/chunk.ts';
import { DeadLetterError, DeadLetters, type Letter } from '../../src/deliver/dead-letter.ts';
import { Health } from '../../src/deliver/health.ts';
import { Quarantine } from '../../src/deliver/quarantine.ts';
import type { Verdict } from '../../src/output/output.ts';
import { GoodHealth } from '../support/good-health.ts';
import { RecordingLog } from '../support/recording-log.ts';

const LINE_BYTES = 10;

/** What a receiver makes of a line: it takes it, takes it without its bodies, or takes it never. */
type Line = 'good' | 'whole-refused' | 'poison';

interface TestChunk extends Chunk {
  /** Where its first line stands among all. */
  readonly first: number;
  readonly lines: readonly Line[];
  readonly isStripped: boolean;
}

function chunkOf(lines: readonly Line[], first = 0, isStripped = false): TestChunk {
  const delivered = { events: lines.length, bytes: lines.length * LINE_BYTES };
  const accounts = { delivered, filtered: { events: 0, bytes: 0 } };
  const id = `${first}-${first + lines.length}${isStripped ? '-truncated' : ''}`;
  return { id, payload: [], payloadBytes: 1, accounts, first, lines, isStripped };
}

class KeptLetters extends DeadLetters {
  readonly offsets: number[] = [];
  /** How often keeping fails before it works. */
  failures = 0;

  constructor() {
    super('/nowhere');
  }

  override async keep(letter: Letter): Promise<string> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new DeadLetterError('there is no room; make some');
    }
    this.offsets.push(letter.offset);
    return `/nowhere/${letter.offset}`;
  }
}

interface Setup {
  readonly health?: Health;
  /** Says for each attempt whether the receiver can be reached; when it ends, it can. */
  readonly reachable?: readonly boolean[];
  /** What it makes of a chunk that it got; by its lines unless told otherwise. */
  readonly judge?: (chunk: TestChunk) => Verdict;
  readonly keeps?: boolean;
  readonly strips?: boolean;
  readonly onWait?: (waited: number) => void;
}

function setUp({ reachable = [], judge = byLines, keeps = true, ...rest }: Setup = {}) {
  const log = new RecordingLog();
  const letters = new KeptLetters();
  const schedule = [...reachable];
  const verdicts = new Map<string, Verdict[]>();
  const taken: TestChunk[] = [];
  let waited = 0;
  const quarantine = new Quarantine({
    examine: async (given) => {
      const chunk = given as TestChunk;
      const verdict = schedule.shift() === false ? 'unavailable' : judge(chunk);
      verdicts.set(chunk.id, [...(verdicts.get(chunk.id) ?? []), verdict]);
      if (verdict === 'taken') taken.push(chunk);
      return verdict;
    },
    divide: (chunk) => halvesOf(chunk as TestChunk),
    strip: (chunk) => (rest.strips === false ? undefined : stripped(chunk as TestChunk)),
    letter: (chunk) => letterOf(chunk as TestChunk),
    deadLetters: keeps ? letters : undefined,
    health: rest.health ?? new GoodHealth(),
    log,
    random: () => 0,
    wait: async () => rest.onWait?.((waited += 1)),
  });
  return { quarantine, log, letters, verdicts, taken };
}

function byLines({ lines, isStripped }: TestChunk): Verdict {
  const refused = lines.some((line) => line === 'poison' || (line !== 'good' && !isStripped));
  return refused ? 'refused' : 'taken';
}

function halvesOf({ lines, first }: TestChunk): readonly TestChunk[] {
  if (lines.length < 2) return [];
  const middle = lines.length >> 1;
  return [chunkOf(lines.slice(0, middle), first), chunkOf(lines.slice(middle), first + middle)];
}

function stripped({ lines, first }: TestChunk): TestChunk {
  return chunkOf(lines, first, true);
}

function letterOf({ first }: TestChunk): Omit<Letter, 'reason'> {
  const line = Buffer.from(`line ${first}\n`);
  const place = { log: '/a.log', fingerprint: 'f', offset: first, bytes: LINE_BYTES };
  return { ...place, kind: 'lines', line };
}

const patient = new AbortController().signal;
const NOTHING = { events: 0, bytes: 0 };

function tally(events: number) {
  return { events, bytes: events * LINE_BYTES };
}

describe('a quarantine', () => {
  const line = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Line>('good') },
    { weight: 1, arbitrary: fc.constantFrom<Line>('poison', 'whole-refused') },
  );
  const lines = fc.array(line, { minLength: 1, maxLength: 30 });
  const reachable = fc.array(fc.boolean(), { maxLength: 60 }).map((rest) => [true, ...rest]);

  it('brings every line to one account, once, however the receiver comes and goes', async () => {
    await fc.assert(
      fc.asyncProperty(lines, reachable, async (given, times) => {
        const { quarantine, letters, taken, verdicts } = setUp({ reachable: times });
        const accounts = await quarantine.examine(chunkOf(given), patient);
        const ends = given.map(() => [] as string[]);
        for (const { first, lines: some, isStripped } of taken) {
          for (const index of some.keys()) {
            ends[first + index]?.push(isStripped ? 'whole-refused' : 'good');
          }
        }
        for (const offset of letters.offsets) ends[offset]?.push('poison');
        assert.deepEqual(
          ends,
          given.map((one) => [one]),
        );
        const poisoned = letters.offsets.length;
        assert.deepEqual(accounts, {
          delivered: tally(given.length - poisoned),
          filtered: NOTHING,
          deadLettered: tally(poisoned),
        });
        for (const [index, one] of given.entries()) {
          const refusals = (id: string): number =>
            (verdicts.get(id) ?? []).filter((verdict) => verdict === 'refused').length;
          const whole = `${index}-${index + 1}`;
          if (one !== 'good') assert.ok(refusals(whole) >= 3, 'it was refused, not unreachable');
          if (one === 'poison') assert.ok(refusals(`${whole}-truncated`) >= 3);
        }
      }),
    );
  });

  it('gives a chunk back whole when the receiver takes nothing at all', async () => {
    const { quarantine, log, letters, taken } = setUp({ reachable: [false] });
    assert.equal(await quarantine.examine(chunkOf(['poison', 'good']), patient), undefined);
    assert.deepEqual([letters.offsets, taken, log.entries], [[], [], []]);
  });

  it('tries a single line only as often as it must', async () => {
    const { quarantine, verdicts } = setUp();
    await quarantine.examine(chunkOf(['poison']), patient);
    const counts = [...verdicts].map(([id, all]) => [id, all.length]);
    assert.deepEqual(counts, [
      ['0-1', 3],
      ['0-1-truncated', 3],
    ]);
  });

  it('condemns nothing for an outage, however long', async () => {
    const outage = [true, ...Array<boolean>(500).fill(false)];
    const { quarantine, letters, verdicts } = setUp({ reachable: outage });
    await quarantine.examine(chunkOf(['poison']), patient);
    assert.deepEqual(letters.offsets, [0]);
    assert.equal(verdicts.get('0-1')?.filter((verdict) => verdict === 'refused').length, 3);
  });

  it('takes a line that was refused twice and is taken then, with its bodies', async () => {
    let refusals = 2;
    const judge = (): Verdict => ((refusals -= 1) >= 0 ? 'refused' : 'taken');
    const { quarantine, letters, taken } = setUp({ judge });
    const accounts = await quarantine.examine(chunkOf(['good']), patient);
    assert.deepEqual(accounts?.delivered, tally(1));
    assert.deepEqual([taken.map(({ isStripped }) => isStripped), letters.offsets], [[false], []]);
  });

  it('says which event it delivered without its bodies, and which it put aside', async () => {
    const { quarantine, log } = setUp();
    await quarantine.examine(chunkOf(['good', 'whole-refused', 'poison']), patient);
    const place = { path: '/a.log', bytes: LINE_BYTES };
    assert.deepEqual(log.entries, [
      {
        level: 'error',
        message: 'an event was delivered without its bodies: no receiver takes it whole',
        fields: { ...place, offset: 1, file: undefined },
      },
      {
        level: 'error',
        message: 'an event that no receiver takes was put aside; see audit-shipper replay',
        fields: { ...place, offset: 2, file: '/nowhere/2' },
      },
    ]);
  });

  it('puts an event aside at once when it has no bodies', async () => {
    const { quarantine, verdicts, letters } = setUp({ strips: false });
    await quarantine.examine(chunkOf(['whole-refused']), patient);
    assert.deepEqual([[...verdicts.keys()], letters.offsets], [['0-1'], [0]]);
  });
});

describe('a quarantine that cannot put an event aside', () => {
  const STUCK = 'an event that no receiver takes cannot be put aside; trying again';

  it('tries until it can, and says so once', async () => {
    const { quarantine, log, letters } = setUp();
    letters.failures = 50;
    const accounts = await quarantine.examine(chunkOf(['poison']), patient);
    assert.deepEqual(accounts?.deadLettered, tally(1));
    assert.deepEqual(log.messages('error').filter((message) => message === STUCK).length, 1);
    assert.deepEqual(log.entries[0]?.fields, { reason: 'there is no room; make some' });
    letters.failures = 1;
    await quarantine.examine(chunkOf(['poison']), patient);
    const again = log.messages('error').filter((message) => message === STUCK);
    assert.equal(again.length, 2, 'it is said again when it happens again');
  });

  it('delivers it when a receiver takes it after all', async () => {
    let refusals = 100;
    const judge = (): Verdict => ((refusals -= 1) >= 0 ? 'refused' : 'taken');
    const { quarantine, letters } = setUp({ judge });
    letters.failures = Infinity;
    const accounts = await quarantine.examine(chunkOf(['good']), patient);
    assert.deepEqual([accounts?.delivered, letters.offsets], [tally(1), []]);
  });

  it('without a state directory tries for ever, until it is stopped', async () => {
    const stop = new AbortController();
    const onWait = (waited: number): void => {
      if (waited === 1000) stop.abort();
    };
    const { quarantine, log, taken } = setUp({ keeps: false, onWait });
    assert.equal(await quarantine.examine(chunkOf(['poison']), stop.signal), undefined);
    assert.deepEqual([log.messages('error'), taken], [[STUCK], []]);
    assert.deepEqual(log.entries[0]?.fields, {
      reason: 'set state_dir: dead letters are kept there',
    });
  });
});

describe('a quarantine that is stopped', () => {
  it('settles nothing, wherever it is', async () => {
    const lines: readonly Line[] = ['good', 'poison', 'whole-refused', 'good'];
    const reachable = [true, false, true, false, false, true];
    let stops = 0;
    for (let at = 1; at < 40; at++) {
      const stop = new AbortController();
      const onWait = (waited: number): void => {
        if (waited === at) stop.abort();
      };
      const { quarantine, letters } = setUp({ onWait, reachable });
      const accounts = await quarantine.examine(chunkOf(lines), stop.signal);
      if (!stop.signal.aborted) continue;
      stops += 1;
      assert.equal(accounts, undefined);
      assert.ok(letters.offsets.length <= 1);
    }
    assert.ok(stops > 5);
  });

  it('tries nothing more', async () => {
    const { quarantine, verdicts } = setUp();
    assert.equal(await quarantine.examine(chunkOf(['good']), AbortSignal.abort()), undefined);
    assert.equal(verdicts.size, 0);
  });
});

describe('a quarantine without evidence', () => {
  const refuses = (): Verdict => 'refused';

  it('condemns nothing, and says so once', async () => {
    const stop = new AbortController();
    const onWait = (waited: number): void => {
      if (waited === 1000) stop.abort();
    };
    const { quarantine, letters, log, verdicts } = setUp({
      health: new Health(),
      judge: refuses,
      strips: false,
      onWait,
    });
    assert.equal(await quarantine.examine(chunkOf(['good', 'good']), stop.signal), undefined);
    assert.deepEqual(letters.offsets, []);
    assert.deepEqual(
      [...verdicts.keys()].filter((id) => id.endsWith('truncated')),
      [],
    );
    const told = log.messages('error').filter((message) => message.includes('refused again'));
    assert.equal(told.length, 2, 'for each event');
  });

  it('tries an event without its bodies all the same: when that is taken, it is the evidence', async () => {
    const { quarantine, letters, taken } = setUp({ health: new Health() });
    const accounts = await quarantine.examine(chunkOf(['whole-refused']), patient);
    assert.deepEqual(accounts?.delivered, tally(1));
    assert.deepEqual([taken.map(({ isStripped }) => isStripped), letters.offsets], [[true], []]);
  });

  it('takes the rest of the chunk for evidence', async () => {
    const { quarantine, letters } = setUp({ health: new Health() });
    const accounts = await quarantine.examine(chunkOf(['good', 'poison', 'good']), patient);
    assert.deepEqual(letters.offsets, [1]);
    assert.deepEqual(accounts?.delivered, tally(2));
  });

  it('does not count what was taken before, or before the receiver failed again', async () => {
    const health = new Health();
    health.took();
    let waits = 0;
    const stop = new AbortController();
    const onWait = (): void => {
      waits += 1;
      if (waits === 50) {
        health.took();
        health.failed();
      }
      if (waits === 100) stop.abort();
    };
    const { quarantine, letters, verdicts } = setUp({
      health,
      judge: refuses,
      strips: false,
      onWait,
    });
    await quarantine.examine(chunkOf(['poison']), stop.signal);
    assert.deepEqual([letters.offsets, [...verdicts.keys()]], [[], ['0-1']]);
  });

  it('goes on as soon as something else is taken', async () => {
    const health = new Health();
    let waits = 0;
    const onWait = (): void => {
      waits += 1;
      if (waits === 50) health.took();
    };
    const { quarantine, letters } = setUp({ health, judge: refuses, onWait });
    await quarantine.examine(chunkOf(['poison']), patient);
    assert.deepEqual([letters.offsets, waits < 60], [[0], true]);
  });
});

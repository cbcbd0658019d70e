/**
 * A receiver that refuses some events: the middle of the way, from blocks to ledgers, with dispatcher, quarantine and
 * dead letters as the agent puts them together. Every byte that was read comes to one account, a checkpoint passes
 * none that has not, and every line is taken, stripped or put aside, once.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import type { Chunk } from '../src/deliver/chunk.ts';
import { DeadLetters } from '../src/deliver/dead-letter.ts';
import { Dispatcher } from '../src/deliver/dispatcher.ts';
import { Quarantine } from '../src/deliver/quarantine.ts';
import { Window } from '../src/deliver/window.ts';
import { JsonWriter } from '../src/event/json-writer.ts';
import { Rewriter } from '../src/event/rewrite/rewriter.ts';
import { EventRules } from '../src/event/rules.ts';
import { Shipper } from '../src/event/shipper.ts';
import { BlockTranscoder } from '../src/event/transcoder.ts';
import { DeliveryError, type Output, type Verdict } from '../src/output/output.ts';
import { Pipeline } from '../src/pipeline.ts';
import { policyOf } from './support/audit-policies.ts';
import { blockOf, LOG, type BlockOptions } from './support/blocks.ts';
import { GoodHealth } from './support/good-health.ts';
import { letterAt } from './support/letters.ts';
import { RecordingLog } from './support/recording-log.ts';
import { makeBufferSlab } from './support/slabs.ts';
import { temporaryDirectory } from './support/temporary.ts';

const PLACES = 6;
const patient = new AbortController().signal;
const wait = async (): Promise<void> => turn();

/** In an event, or in its body: what this receiver does not take. */
const POISON = 'POISON';

/** Takes what has no poison in it, and can be reached as often as it is told; when it was told nothing more, always. */
class PickyOutput implements Output {
  readonly concurrency = 3;
  /** Lines that were taken. */
  readonly lines: string[] = [];
  /** Called before each attempt. */
  onAttempt: () => void = () => undefined;
  readonly #reachable: boolean[];

  constructor(reachable: readonly boolean[]) {
    this.#reachable = [...reachable];
  }

  async deliver(chunk: Chunk): Promise<void> {
    const verdict = await this.examine(chunk);
    if (verdict === 'taken') return;
    throw new DeliveryError('no', { code: 'CLOSED', suspect: verdict === 'refused' });
  }

  async examine(chunk: Chunk): Promise<Verdict> {
    this.onAttempt();
    await turn();
    if (this.#reachable.shift() === false) return 'unavailable';
    const text = Buffer.concat(chunk.payload).toString();
    if (text.includes(POISON)) return 'refused';
    this.lines.push(...text.split('\n').filter((line) => line !== ''));
    return 'taken';
  }

  async close(): Promise<void> {}
}

function setUp(t: TestContext, reachable: readonly boolean[] = [], rules?: EventRules) {
  const output = new PickyOutput(reachable);
  const log = new RecordingLog();
  const stateDir = temporaryDirectory(t);
  const letters = new DeadLetters(stateDir);
  const health = new GoodHealth();
  const quarantine = new Quarantine({
    examine: output.examine.bind(output),
    divide: (chunk) => pipeline.divide(chunk),
    strip: (chunk) => pipeline.strip(chunk),
    letter: (chunk) => pipeline.letter(chunk),
    deadLetters: letters,
    health,
    log,
    wait,
  });
  const dispatcher = new Dispatcher({ output, log, health, quarantine, wait });
  const pipeline = new Pipeline({
    window: new Window({ places: PLACES, slabBytes: 4096, makeSlab: makeBufferSlab }),
    transcoder: new BlockTranscoder(
      new JsonWriter(new Shipper({ fields: {}, coordinates: false })),
      Date.now,
      rules,
    ),
    dispatcher,
    log,
    onFilesChanged: () => undefined,
    chunkBytes: 200,
    lingerMs: 1_000_000,
    remembers: true,
    timeBefore: () => undefined,
  });
  const running = dispatcher.run();
  const accept = async (content: string | Buffer, options?: BlockOptions): Promise<void> => {
    pipeline.accept(blockOf(content, options), await pipeline.reserve(patient, LOG));
  };
  const end = async (): Promise<void> => {
    pipeline.flush();
    assert.equal(await dispatcher.drained(patient), true);
    dispatcher.stop();
    await running;
  };
  const kept = async () =>
    Promise.all((await letters.list()).map(async (path) => letterAt(letters, path)));
  /** Ids of the events whose letters are on disk at this moment. */
  const lettersNow = (): ReadonlySet<string> => {
    const directory = join(stateDir, 'dead-letter');
    const names = existsSync(directory) ? readdirSync(directory) : [];
    return new Set(names.map((name) => basename(name, '.jsonl')));
  };
  return { output, pipeline, accept, end, kept, lettersNow };
}

describe('an event that no receiver takes', () => {
  it('is put aside with its place; its neighbours are delivered', async (t) => {
    const { output, pipeline, accept, end, kept } = setUp(t);
    const lines = ['{"a":1}\n', `{"a":"${POISON}"}\n`, '{"a":3}\n'] as const;
    await accept(lines.join(''), { start: 100 });
    await end();
    assert.deepEqual(output.lines.toSorted(), ['{"a":1}', '{"a":3}']);
    const [letter, ...more] = await kept();
    assert.deepEqual(more, []);
    assert.deepEqual(
      [letter?.offset, letter?.bytes, letter?.kind],
      [108, lines[1].length, 'lines'],
    );
    assert.equal(letter?.line.toString(), lines[1]);
    const { deadLetterEvents, deadLetterBytes, deliveredEvents } = pipeline.accounts.totals();
    assert.deepEqual([deadLetterEvents, deadLetterBytes, deliveredEvents], [1, lines[1].length, 2]);
    assert.equal(pipeline.ledgers.get(1)?.ledger.position, 100 + lines.join('').length);
  });

  it('is delivered without its bodies when that is enough, and counts as what was read', async (t) => {
    const { output, pipeline, accept, end, kept } = setUp(t);
    const line = `{"a":1,"requestObject":{"b":"${POISON}"},"annotations":{"c":"d"}}\n`;
    await accept(line);
    await end();
    assert.deepEqual(await kept(), []);
    const [event = ''] = output.lines;
    assert.match(
      event,
      /^\{"a":1,"annotations":\{"c":"d","audit-shipper.io\/truncated":"\d+ [0-9a-f]{64}"\}\}$/,
    );
    const { deliveredEvents, deliveredBytes, readBytes } = pipeline.accounts.totals();
    assert.deepEqual([deliveredEvents, deliveredBytes, readBytes], [1, line.length, line.length]);
  });

  it('is put aside byte for byte when it is no JSON, or a part of a line', async (t) => {
    const { accept, end, kept, pipeline } = setUp(t);
    // It goes out in base64, in which this receiver sees no poison.
    const odd = Buffer.from(`{"a":"\xff ${POISON}","requestObject":1}\n`, 'latin1');
    await accept(`${POISON} no event\n`);
    const start = POISON.length + 10;
    await accept(`xx ${POISON}`, { kind: 'part', start });
    await accept('yy\n', { kind: 'last-part', start: start + 9 });
    await accept(odd, { start: start + 12 });
    await end();
    const letters = await kept();
    assert.deepEqual(
      letters.map(({ kind, line }) => [kind, line.toString('latin1')]),
      [
        ['lines', `${POISON} no event\n`],
        ['part', `xx ${POISON}`],
      ],
    );
    assert.equal(pipeline.ledgers.get(1)?.ledger.position, start + 12 + odd.length);
  });
});

/** What a line is to this receiver. */
const KINDS = {
  plain: (n: number) => `{"a":${n}}`,
  blank: () => '',
  text: (n: number) => `no event ${n}`,
  'poison text': (n: number) => `${POISON} no event ${n}`,
  poison: (n: number) => `{"a":${n},"b":"${POISON}"}`,
  'poison body': (n: number) => `{"a":${n},"responseObject":"${POISON}"}`,
} as const;
type Kind = keyof typeof KINDS;

/** A line of a file, with its newline, and where it stands. */
interface Line {
  readonly kind: Kind;
  readonly generation: number;
  readonly offset: number;
  readonly text: string;
}

/** What is the same of a line with and without its bodies, and of a line that was wrapped. */
function nameOf(line: string): string {
  return /no event \d+|"a":\d+/.exec(line)?.[0] ?? line;
}

/** Blocks of numbered lines as they follow each other in their generations. */
function linesOf(blocks: readonly { generation: number; kinds: readonly Kind[] }[]): Line[][] {
  const ends = new Map<number, number>();
  let count = 0;
  return blocks.map(({ generation, kinds }) =>
    kinds.map((kind) => {
      const offset = ends.get(generation) ?? 0;
      const text = `${KINDS[kind](count++)}\n`;
      ends.set(generation, offset + text.length);
      return { kind, generation, offset, text };
    }),
  );
}

describe('an event that no receiver takes, where there are rules', () => {
  const redaction = { paths: [], configMaps: false, env: false, hashKey: undefined };
  const rewriter = new Rewriter({ redaction, bodies: 'object', dedot: false });
  const policy = policyOf(['{level: None, verbs: [watch]}', '{level: RequestResponse}']);
  const secret = (name: string): string =>
    `{"verb":"${name}","objectRef":{"resource":"secrets"},"requestObject":{"data":{"a":"pl4nt3d"}}}\n`;

  it('is put aside as rules leave it, and what they leave out is never sent', async (t) => {
    const rules = new EventRules({ policy, rewriter });
    const { output, pipeline, accept, end, kept } = setUp(t, [], rules);
    const lines = [secret('watch'), secret(POISON), secret('watch'), secret('get'), `${POISON}\n`];
    await accept(lines.join(''));
    await end();
    const letters = await kept();
    const [letter] = letters;
    assert.equal(letters.length, 1);
    assert.match(letter?.line.toString() ?? '', /"data":\{"a":"\[redacted\]"\}/);
    assert.equal(letter?.bytes, lines[1]?.length);
    assert.doesNotMatch(output.lines.join('\n'), /pl4nt3d|watch/);
    const totals = pipeline.accounts.totals();
    const { deliveredEvents, filteredEvents, deadLetterEvents } = totals;
    assert.deepEqual([deliveredEvents, filteredEvents, deadLetterEvents], [2, 2, 1]);
    assert.equal(totals.readBytes, lines.join('').length);
    const settled = totals.deliveredBytes + totals.filteredBytes + totals.deadLetterBytes;
    assert.equal(settled, totals.readBytes);
  });
});

describe('whatever a receiver refuses, and whenever it is away', () => {
  const kinds = Object.keys(KINDS) as Kind[];
  const kind = fc.oneof(
    { weight: 2, arbitrary: fc.constant<Kind>('plain') },
    { weight: 1, arbitrary: fc.constantFrom(...kinds) },
  );
  const block = fc.record({
    generation: fc.integer({ min: 1, max: 2 }),
    kinds: fc.array(kind, { minLength: 1, maxLength: 8 }),
  });
  const reachable = fc.array(fc.boolean(), { maxLength: 40 });

  it('bytes are conserved at every moment, no checkpoint passes one, and no line is doubled', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(block, { maxLength: 8 }), reachable, async (given, times) => {
        const { output, pipeline, accept, end, kept, lettersNow } = setUp(t, times);
        const blocks = linesOf(given);
        const lines = blocks.flat();
        const check = (): void => {
          checkConserved(pipeline);
          checkPositions(pipeline, lines, new Set(output.lines.map(nameOf)), lettersNow());
        };
        // Thrown there, it would be taken for a failed attempt.
        let broken: unknown;
        output.onAttempt = () => {
          try {
            check();
          } catch (error) {
            broken ??= error;
          }
        };
        for (const some of blocks) {
          const [{ generation, offset: start } = { generation: 1, offset: 0 }] = some;
          const content = some.map(({ text }) => text).join('');
          await accept(content, { generation, start, fingerprint: `f${generation}` });
        }
        await end();
        assert.ifError(broken);
        check();
        for (const { generation, offset, text } of lines) {
          const position = pipeline.ledgers.get(generation)?.ledger.position ?? 0;
          assert.ok(position >= offset + text.length, 'all is settled');
        }
        const isPoison = (line: Line): boolean => ['poison', 'poison text'].includes(line.kind);
        const letters = (await kept()).map(({ line }) => line.toString());
        const poisoned = lines.filter(isPoison).map(({ text }) => text);
        assert.deepEqual(letters.toSorted(), poisoned.toSorted());
        const good = lines.filter((line) => line.kind !== 'blank' && !isPoison(line));
        const names = good.map(({ text }) => nameOf(text));
        assert.deepEqual(output.lines.map(nameOf).toSorted(), names.toSorted());
      }),
      { numRuns: 40 },
    );
  });
});

/** Read = delivered + filtered + dead-lettered + in flight, and the ledgers say the same. */
function checkConserved({ accounts, ledgers }: Pipeline): void {
  const totals = accounts.totals();
  const { readBytes, deliveredBytes, filteredBytes, deadLetterBytes } = totals;
  const inFlight = [...ledgers.values()].reduce((sum, { ledger }) => sum + ledger.inFlightBytes, 0);
  assert.equal(readBytes, deliveredBytes + filteredBytes + deadLetterBytes + inFlight);
}

/**
 * Whatever lies before a checkpoint was taken by the receiver, or is a letter on disk, or is nothing.
 * @param letters ids of events
 */
function checkPositions(
  { ledgers }: Pipeline,
  lines: readonly Line[],
  taken: ReadonlySet<string>,
  letters: ReadonlySet<string>,
): void {
  for (const { kind, generation, offset, text } of lines) {
    const position = ledgers.get(generation)?.ledger.position ?? 0;
    if (offset >= position || kind === 'blank') continue;
    const isSafe = taken.has(nameOf(text)) || letters.has(`f${generation}-${offset}`);
    assert.ok(isSafe, `a checkpoint passes ${text.trim()}`);
    assert.ok(offset + text.length <= position, 'it stands behind a line');
  }
}

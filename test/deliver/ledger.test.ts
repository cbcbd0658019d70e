/**
 * What a checkpoint may hold, against a model that remembers every byte: never past an unsettled one, never back, and
 * never inside a line that goes out in parts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { accountedBytes, NOTHING_SETTLED } from '../../src/deliver/chunk.ts';
import { Ledger } from '../../src/deliver/ledger.ts';

/** All of the range was delivered, an event each. */
function settle(ledger: Ledger, start: number, end: number): void {
  ledger.settle([{ start, end }], { delivered: { events: 1, bytes: end - start } });
}

/** Every byte on its own, and where lines end: slow, and obviously right. */
class NaiveLedger {
  readonly #start: number;
  readonly #settled: boolean[] = [];
  readonly #lineEnds = new Set<number>();

  constructor(start: number) {
    this.#start = start;
    this.#lineEnds.add(start);
  }

  issue(length: number, endsLine: boolean): void {
    for (let byte = 0; byte < length; byte++) this.#settled.push(false);
    if (endsLine) this.#lineEnds.add(this.#start + this.#settled.length);
  }

  settle(start: number, end: number): void {
    for (let at = start; at < end; at++) this.#settled[at - this.#start] = true;
  }

  get #prefix(): number {
    const gap = this.#settled.indexOf(false);
    return this.#start + (gap === -1 ? this.#settled.length : gap);
  }

  get position(): number {
    let position = this.#prefix;
    while (!this.#lineEnds.has(position)) position -= 1;
    return position;
  }

  get inFlightBytes(): number {
    return this.#settled.filter((settled) => !settled).length;
  }
}

interface Step {
  /** Issue a range of so many bytes, or settle one of those in flight. */
  readonly length: number | undefined;
  readonly endsLine: boolean;
  /** Which of those in flight. */
  readonly pick: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  length: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  endsLine: fc.boolean(),
  pick: fc.nat(),
});

describe('a ledger', () => {
  it('agrees with the naive one, whatever is settled in whatever order', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.array(step, { maxLength: 60 }), (start, steps) => {
        const ledger = new Ledger(start);
        const naive = new NaiveLedger(start);
        const inFlight: (readonly [number, number])[] = [];
        let before = ledger.position;
        for (const { length, endsLine, pick } of steps) {
          if (length !== undefined) {
            const from = ledger.issuedTo;
            ledger.issue({ start: from, end: from + length, endsLine });
            naive.issue(length, endsLine);
            inFlight.push([from, from + length]);
          } else {
            const [range] = inFlight.splice(pick % (inFlight.length || 1), 1);
            if (range === undefined) continue;
            settle(ledger, ...range);
            naive.settle(...range);
          }
          assert.equal(ledger.position, naive.position);
          assert.equal(ledger.inFlightBytes, naive.inFlightBytes);
          assert.equal(ledger.isSettled, inFlight.length === 0);
          assert.equal(accountedBytes(ledger.accounts), ledger.position - start);
          assert.ok(ledger.position >= before, 'it never goes back');
          before = ledger.position;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('begins where it is told to', () => {
    const ledger = new Ledger(4096);
    assert.deepEqual([ledger.position, ledger.issuedTo, ledger.inFlightBytes], [4096, 4096, 0]);
  });

  it("waits for what is lost, which is on nobody's way", () => {
    const ledger = new Ledger(0);
    ledger.issue({ start: 0, end: 10, endsLine: true });
    ledger.issue({ start: 10, end: 30, endsLine: true, isLost: true });
    assert.equal(ledger.inFlightBytes, 10);
    settle(ledger, 10, 30);
    assert.deepEqual([ledger.position, ledger.inFlightBytes], [0, 10]);
    settle(ledger, 0, 10);
    assert.deepEqual([ledger.position, ledger.inFlightBytes], [30, 0]);
  });

  it('stays before a line in parts until its last part is settled', () => {
    const ledger = new Ledger(0);
    ledger.issue({ start: 0, end: 10, endsLine: true });
    ledger.issue({ start: 10, end: 20, endsLine: false });
    ledger.issue({ start: 20, end: 25, endsLine: true });
    settle(ledger, 0, 10);
    settle(ledger, 10, 20);
    assert.deepEqual([ledger.position, ledger.inFlightBytes], [10, 5]);
    settle(ledger, 20, 25);
    assert.deepEqual([ledger.position, ledger.inFlightBytes], [25, 0]);
  });

  it('ends a line in parts also with an empty last part', () => {
    const ledger = new Ledger(0);
    ledger.issue({ start: 0, end: 10, endsLine: false });
    ledger.issue({ start: 10, end: 10, endsLine: true });
    settle(ledger, 0, 10);
    assert.equal(ledger.position, 0);
    assert.deepEqual([ledger.inFlightBytes, ledger.isSettled], [0, false]);
    settle(ledger, 10, 10);
    assert.equal(ledger.position, 10);
    assert.equal(ledger.isSettled, true);
  });

  it('knows what became of all bytes before the position, and of no others', () => {
    const ledger = new Ledger(5);
    ledger.issue({ start: 5, end: 15, endsLine: true, timeMs: 1000 });
    ledger.issue({ start: 15, end: 20, endsLine: false });
    ledger.issue({ start: 20, end: 25, endsLine: true, timeMs: 2000 });
    ledger.issue({ start: 25, end: 30, endsLine: true, timeMs: 3000 });
    ledger.settle([{ start: 25, end: 30 }], { lostBytes: 5 });
    const parts = [
      { start: 15, end: 20 },
      { start: 20, end: 25 },
    ];
    ledger.settle(parts, { deadLettered: { events: 1, bytes: 10 } });
    assert.deepEqual([ledger.accounts, ledger.timeMs], [NOTHING_SETTLED, undefined]);
    assert.equal(ledger.issuedTimeMs, 3000);
    const delivered = { events: 2, bytes: 7 };
    ledger.settle([{ start: 5, end: 15 }], { delivered, filtered: { events: 1, bytes: 3 } });
    assert.deepEqual(ledger.accounts, {
      delivered,
      filtered: { events: 1, bytes: 3 },
      deadLettered: { events: 1, bytes: 10 },
      skippedBytes: 0,
      lostBytes: 5,
      earlierBytes: 0,
    });
    assert.deepEqual([ledger.position, ledger.timeMs, ledger.issuedTimeMs], [30, 3000, 3000]);
  });

  it('counts what is on its way wherever it lies', () => {
    const ledger = new Ledger(0);
    ledger.issue({ start: 0, end: 10, endsLine: true });
    ledger.issue({ start: 10, end: 30, endsLine: true });
    settle(ledger, 10, 30);
    assert.deepEqual([ledger.inFlightBytes, ledger.position], [10, 0]);
  });

  it('stays quick while one range waits and a million behind it are settled', () => {
    const ledger = new Ledger(0);
    ledger.issue({ start: 0, end: 1, endsLine: true });
    // With an entry for each, looking for one among all of them would take hours.
    const count = 1_000_000;
    for (let at = 1; at <= count; at++) {
      ledger.issue({ start: at, end: at + 1, endsLine: at % 3 !== 0 });
      settle(ledger, at, at + 1);
    }
    assert.deepEqual([ledger.position, ledger.inFlightBytes], [0, 1]);
    settle(ledger, 0, 1);
    assert.deepEqual([ledger.position, ledger.isSettled], [count + 1, true]);
  });

  it('agrees with the naive one also when one range waits for the others, in any order', () => {
    const order = fc.shuffledSubarray(
      Array.from({ length: 40 }, (_, index) => index + 1),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(
        order,
        fc.array(fc.boolean(), { minLength: 41, maxLength: 41 }),
        (picks, ends) => {
          const ledger = new Ledger(0);
          const naive = new NaiveLedger(0);
          for (const [index, endsLine] of ends.entries()) {
            ledger.issue({ start: index * 3, end: index * 3 + 3, endsLine });
            naive.issue(3, endsLine);
          }
          for (const index of [...picks, 0]) {
            settle(ledger, index * 3, index * 3 + 3);
            naive.settle(index * 3, index * 3 + 3);
            assert.equal(ledger.position, naive.position);
            assert.equal(ledger.inFlightBytes, naive.inFlightBytes);
            assert.equal(accountedBytes(ledger.accounts), ledger.position);
          }
        },
      ),
    );
  });

  const mistakes: readonly (readonly [string, (ledger: Ledger) => void])[] = [
    ['a gap', (ledger) => ledger.issue({ start: 11, end: 20, endsLine: true })],
    ['an overlap', (ledger) => ledger.issue({ start: 9, end: 20, endsLine: true })],
    [
      'a range that ends before it starts',
      (ledger) => ledger.issue({ start: 10, end: 9, endsLine: true }),
    ],
    ['settling what was never issued', (ledger) => settle(ledger, 10, 20)],
    [
      'settling more than was issued',
      (ledger) =>
        ledger.settle(
          [
            { start: 0, end: 10 },
            { start: 10, end: 20 },
          ],
          {},
        ),
    ],
    ['settling nothing', (ledger) => ledger.settle([], {})],
    ['settling a part of a range', (ledger) => settle(ledger, 0, 5)],
    [
      'settling twice',
      (ledger) => {
        settle(ledger, 0, 10);
        settle(ledger, 0, 10);
      },
    ],
  ];
  for (const [name, make] of mistakes) {
    it(`does not accept ${name}`, () => {
      const ledger = new Ledger(0);
      ledger.issue({ start: 0, end: 10, endsLine: true });
      assert.throws(() => make(ledger), { name: 'AssertionError' });
    });
  }

  it('does not accept that a range settles twice while an older one is in flight', () => {
    const ledger = new Ledger(0);
    ledger.issue({ start: 0, end: 10, endsLine: true });
    ledger.issue({ start: 10, end: 20, endsLine: true });
    settle(ledger, 10, 20);
    assert.throws(() => settle(ledger, 10, 20), { name: 'AssertionError' });
  });
});

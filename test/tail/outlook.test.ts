/** How long rotation leaves what is not delivered: against a rotation that is played to its end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Outlook, type OutlookFile } from '../../src/tail/outlook.ts';

const SECOND_MS = 1000;

/** lumberjack's files of one log, written to at a steady rate. */
class Rotation {
  files: { key: number; bytes: number }[] = [{ key: 1, bytes: 0 }];
  readonly #maxBytes: number;
  readonly #maxBackups: number;

  constructor(maxBytes: number, maxBackups: number) {
    this.#maxBytes = maxBytes;
    this.#maxBackups = maxBackups;
  }

  write(bytes: number): void {
    const active = this.files.at(-1);
    if (active === undefined) return;
    const fits = Math.min(bytes, this.#maxBytes - active.bytes);
    active.bytes += fits;
    if (fits === bytes) return;
    this.files.push({ key: active.key + 1, bytes: 0 });
    if (this.files.length > this.#maxBackups + 1) this.files.shift();
    this.write(bytes - fits);
  }

  /** @param settledTo everything before this generation is delivered. */
  seen(settledTo: number): OutlookFile[] {
    return this.files.map(({ key, bytes }, index) => {
      return { key, bytes, isActive: index === this.files.length - 1, isSettled: key < settledTo };
    });
  }
}

describe('the time to a loss', () => {
  it('is when rotation deletes the oldest file that is not delivered', () => {
    const sizes = fc.record({
      maxBytes: fc.integer({ min: 50, max: 500 }),
      maxBackups: fc.integer({ min: 1, max: 8 }),
      rate: fc.integer({ min: 5, max: 40 }),
      behind: fc.nat(8),
    });
    fc.assert(
      fc.property(sizes, ({ maxBytes, maxBackups, rate, behind }) => {
        const rotation = new Rotation(maxBytes, maxBackups);
        const outlook = new Outlook({});
        const oldest = (): number => rotation.files[0]?.key ?? 0;
        let second = 0;
        const pass = (): void => {
          rotation.write(rate);
          second += 1;
          outlook.note(second * SECOND_MS, second * rate, rotation.seen(settledTo));
        };
        let settledTo = Infinity;
        // Until some backups were deleted: how many are kept is known by then.
        while (oldest() < 4) pass();
        const youngest = rotation.files.at(-1)?.key ?? 0;
        settledTo = Math.max(oldest(), youngest - behind);
        pass();
        const expected = outlook.secondsToLoss;
        assert.ok(expected !== undefined);
        const from = second;
        while (oldest() <= settledTo) pass();
        assert.ok(Math.abs(second - from - expected) <= 2, `${second - from} and not ${expected}`);
      }),
    );
  });

  it('counts what is written next when everything is delivered', () => {
    const outlook = new Outlook({ maxFileBytes: 100, maxBackups: 2 });
    const file = { key: 1, isActive: true, isSettled: true };
    outlook.note(0, 500, [{ ...file, bytes: 0 }]);
    outlook.note(SECOND_MS, 510, [{ ...file, bytes: 10 }]);
    assert.equal(outlook.bytesPerSecond, 10);
    assert.equal(outlook.secondsToLoss, (90 + 200) / 10);
    assert.equal(outlook.isBehind, false);
  });

  it('is not known before rotation has shown what it keeps, unless that is given', () => {
    const files = (bytes: number): OutlookFile[] => [
      { key: 1, bytes: 100, isActive: false, isSettled: false },
      { key: 2, bytes, isActive: true, isSettled: false },
    ];
    const unknown = new Outlook({});
    const given = new Outlook({ maxBackups: 1 });
    for (const outlook of [unknown, given]) {
      outlook.note(0, 110, files(10));
      assert.equal(outlook.secondsToLoss, undefined, 'no rate yet');
      outlook.note(SECOND_MS, 120, files(20));
    }
    assert.equal(unknown.secondsToLoss, undefined);
    assert.equal(given.secondsToLoss, 8);
    assert.equal(given.isBehind, true);
  });

  it('is never when nothing is written', () => {
    const outlook = new Outlook({ maxFileBytes: 100, maxBackups: 1 });
    const files = [{ key: 1, bytes: 50, isActive: true, isSettled: false }];
    outlook.note(0, 50, files);
    outlook.note(SECOND_MS, 50, files);
    assert.equal(outlook.secondsToLoss, Infinity);
  });

  it('follows the rate of the last minute', () => {
    const outlook = new Outlook({ maxFileBytes: 1e9, maxBackups: 1 });
    let bytes = 0;
    let second = 0;
    const write = (rate: number, seconds: number): void => {
      const end = second + seconds;
      while (second < end) {
        bytes += rate;
        second += 1;
        const file = { key: 1, bytes, isActive: true, isSettled: true };
        outlook.note(second * SECOND_MS, bytes, [file]);
      }
    };
    write(100, 10);
    assert.equal(outlook.bytesPerSecond, 100);
    write(1000, 300);
    assert.ok(Math.abs((outlook.bytesPerSecond ?? 0) - 1000) < 20);
  });
});

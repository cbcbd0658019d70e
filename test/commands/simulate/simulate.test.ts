/** `simulate` as a whole: its pace, its ends, its sums, and what it says when it cannot write. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  simulate,
  type SimulateClock,
  type SimulateContext,
  type SimulateOptions,
} from '../../../src/commands/simulate.ts';
import { sequenceOf } from '../../../src/commands/simulate/events.ts';
import type { Log, LogFields } from '../../../src/observe/log.ts';
import { linesOf } from '../../support/log-files.ts';

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-simulate-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Entry {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

function recorder(): { readonly log: Log; readonly entries: Entry[] } {
  const entries: Entry[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => {
    entries.push({ level, message, fields });
  };
  return {
    log: { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') },
    entries,
  };
}

/** Time passes only while somebody sleeps. */
function sleepingClock(onSleep: (elapsedMs: number) => number = () => 0): SimulateClock {
  const startMs = Date.UTC(2026, 2, 4);
  let elapsedMs = 0;
  return {
    now: () => new Date(startMs + elapsedMs),
    elapsedMs: () => elapsedMs,
    async sleep(ms) {
      elapsedMs += ms + onSleep(elapsedMs);
    },
  };
}

function context(clock?: SimulateClock): SimulateContext & { readonly entries: Entry[] } {
  const { log, entries } = recorder();
  const { signal } = new AbortController();
  return { log, entries, signal, ...(clock === undefined ? {} : { clock }) };
}

function optionsFor(dir: string, changes: Partial<SimulateOptions> = {}): SimulateOptions {
  return {
    dir,
    rate: 0,
    maxsizeMb: 0.05,
    maxbackup: 0,
    compress: true,
    level: 'Metadata',
    seed: 1,
    fileName: 'audit.log',
    ...changes,
  };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('simulate', () => {
  it('writes every event once, in order, across rotations, and sums up', async (t) => {
    const dir = join(temporary(t), 'made', 'by-it');
    const { entries, ...rest } = context();
    const result = await simulate(optionsFor(dir, { count: 1_000 }), rest);
    assert.equal(statSync(dir).mode & 0o777, 0o700);
    assert.deepEqual([...result.files].sort(), readdirSync(dir).sort());
    assert.ok(result.rotations > 10);
    assert.equal(result.files.length, result.rotations + 1);
    const lines = linesOf(dir, result.files);
    assert.deepEqual(lines.map(sequenceOf), upTo(1_000));
    const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    assert.deepEqual(entries, [
      {
        level: 'info',
        message: 'simulated',
        fields: { events: 1_000, bytes, rotations: result.rotations, refused: 0 },
      },
    ]);
    assert.equal(result.bytes, bytes);
  });

  for (const rate of [0.5, 10, 100, 30_000]) {
    it(`keeps a pace of ${rate} events per second and ends after the time given`, async (t) => {
      const clock = sleepingClock();
      const options = optionsFor(temporary(t), { rate, forMs: 1_000, maxsizeMb: 100 });
      const { events } = await simulate(options, context(clock));
      assert.ok(Math.abs(events - Math.ceil(rate)) <= rate * 0.02, `${events} events`);
    });
  }

  it('writes several events per tick at a high rate', async (t) => {
    let sleeps = 0;
    const clock = sleepingClock(() => {
      sleeps += 1;
      return 0;
    });
    const options = optionsFor(temporary(t), { rate: 5_000, count: 1_000 });
    const { events } = await simulate(options, context(clock));
    assert.equal(events, 1_000);
    assert.ok(sleeps <= 21, `${sleeps} sleeps`);
  });

  it('does not make up for the time that the machine was suspended', async (t) => {
    const clock = sleepingClock((elapsedMs) => (elapsedMs < 10 ? 3_600_000 : 0));
    const options = optionsFor(temporary(t), { rate: 100, forMs: 3_601_000 });
    const { events } = await simulate(options, context(clock));
    assert.ok(events > 50 && events < 150, `${events} events`);
  });

  it('ends when the signal aborts, with its sums', async (t) => {
    const controller = new AbortController();
    const clock = sleepingClock((elapsedMs) => {
      if (elapsedMs >= 500) controller.abort();
      return 0;
    });
    const { log, entries } = recorder();
    const options = optionsFor(temporary(t), { rate: 100 });
    const result = await simulate(options, { log, signal: controller.signal, clock });
    assert.ok(result.events >= 50 && result.events < 60);
    assert.equal(entries.at(-1)?.message, 'simulated');
  });

  it('wakes from a real sleep when the signal aborts', { timeout: 2_000 }, async (t) => {
    const { log } = recorder();
    const controller = new AbortController();
    const running = simulate(optionsFor(temporary(t), { rate: 0.001 }), {
      log,
      signal: controller.signal,
    });
    setImmediate(() => controller.abort());
    assert.equal((await running).events, 1);
  });

  it('lets the event loop run at full speed', { timeout: 2_000 }, async (t) => {
    const { log } = recorder();
    const signal = AbortSignal.timeout(30);
    const { events } = await simulate(optionsFor(temporary(t), { compress: false }), {
      log,
      signal,
    });
    assert.ok(events > 0);
  });

  it('counts events larger than maxsize, says so once, and goes on', async (t) => {
    const dir = temporary(t);
    const { entries, ...rest } = context();
    const changes = { count: 400, level: 'RequestResponse', maxsizeMb: 0.01 } as const;
    const result = await simulate(optionsFor(dir, changes), rest);
    assert.ok(result.refused > 1);
    assert.equal(result.events + result.refused, 400);
    assert.equal(linesOf(dir, result.files).length, result.events);
    assert.deepEqual(
      entries.map((entry) => entry.level),
      ['warn', 'info'],
    );
  });
});

describe('simulate, when it cannot write', () => {
  it('says that a file is not a directory', async (t) => {
    const file = join(temporary(t), 'file');
    writeFileSync(file, '');
    await assert.rejects(simulate(optionsFor(file, { count: 1 }), context()), {
      code: 'ENOTDIR',
      message: `cannot simulate an audit log in ${file}: it is not a directory; name a directory, it is created when it is missing`,
    });
  });

  it('says that no directory can be made there', async () => {
    // `recursive` of Node 20 never comes back from here.
    for (const dir of ['/proc/audit-shipper', '/proc/audit-shipper/below']) {
      await assert.rejects(simulate(optionsFor(dir, { count: 1 }), context()), {
        code: 'ENOENT',
        message: `cannot simulate an audit log in ${dir}: it is not there and cannot be made there; choose another directory`,
      });
    }
  });

  it('says that the disk is full', async (t) => {
    const dir = temporary(t);
    symlinkSync('/dev/full', join(dir, 'audit.log'));
    await assert.rejects(simulate(optionsFor(dir, { count: 1 }), context()), {
      code: 'ENOSPC',
      message: /the disk is full; free some space/,
    });
  });

  it(
    'says that it has no permission',
    { skip: process.getuid?.() === 0 && 'root may write everywhere' },
    async () => {
      await assert.rejects(simulate(optionsFor('/audit-shipper-test', { count: 1 }), context()), {
        message: /no permission; choose a directory that you may write to|read-only/,
      });
    },
  );
});

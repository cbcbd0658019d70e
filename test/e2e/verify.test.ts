/**
 * Whether it is complete, asked of the real program about what the real program shipped: it is, and whatever is taken
 * from what was delivered, from the log or from the state, is told.
 */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CHECKPOINT_FILE } from '../../src/checkpoint/store.ts';
import { DeadLetters } from '../../src/deliver/dead-letter.ts';
import { Agent, Workplace } from '../support/agent.ts';
import { eventOf, eventsOf } from '../support/numbered-events.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { COORDINATES, EVENTS, MIDDLE, OLDEST, verify, writeLog } from '../support/verifying.ts';

/** A log that was shipped whole, and what was delivered of it. */
async function shipped(t: TestContext): Promise<Workplace> {
  const workplace = new Workplace(t);
  writeLog(workplace.logs);
  await workplace.ship({ env: COORDINATES });
  return workplace;
}

/** With the state directory, and without. */
function verifyBoth(workplace: Workplace, delivered: string): readonly string[] {
  const withState = verify(['-s', workplace.state, '--delivered', delivered]);
  const without = verify([workplace.logs.path, '--delivered', delivered]);
  return [withState, without].map(({ code, verdict }) => `${code} ${verdict}`);
}

/** The same file with other lines. */
function changed(workplace: Workplace, change: (lines: string[]) => readonly string[]): string {
  const path = join(workplace.logs.path, '..', 'changed.jsonl');
  const lines = workplace.lines().map((line) => `${line.toString('utf8')}\n`);
  writeFileSync(path, change(lines).join(''));
  return path;
}

const COMPLETE = `0 complete: ${EVENTS} events of 3 files, none missing, none repeated`;

interface State {
  checkpoints: {
    path: string;
    offset: number;
    fingerprint: string;
    accounts: Record<string, { events: number; bytes: number } | number>;
  }[];
}

function changeState(workplace: Workplace, change: (state: State) => void): void {
  const path = join(workplace.state, CHECKPOINT_FILE);
  const state = JSON.parse(readFileSync(path, 'utf8')) as State;
  change(state);
  writeFileSync(path, JSON.stringify(state));
}

describe('verify, of a log that was shipped whole', () => {
  it('says that it is complete, from a file, a gzip file and standard input', async (t) => {
    const workplace = await shipped(t);
    const { stdoutFile, state, logs } = workplace;
    assert.deepEqual(verifyBoth(workplace, stdoutFile), [COMPLETE, COMPLETE]);
    const gz = `${stdoutFile}.gz`;
    writeFileSync(gz, gzipSync(readFileSync(stdoutFile)));
    assert.deepEqual(verifyBoth(workplace, gz), [COMPLETE, COMPLETE]);
    const input = readFileSync(stdoutFile, 'utf8');
    assert.equal(verify([logs.path, '--delivered', '-'], input).code, 0);
    const { code, verdict } = verify(['-s', state]);
    assert.equal(code, 0);
    assert.equal(
      verdict,
      `complete: ${EVENTS} events of 3 files delivered, nothing lost, the accounts add up`,
    );
  });

  it('says it as JSON', async (t) => {
    const { state, stdoutFile } = await shipped(t);
    const { stdout } = verify(['-s', state, '--delivered', stdoutFile, '--json']);
    const { complete, totals, generations } = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(complete, true);
    assert.equal((totals as { delivery: { events: number } }).delivery.events, EVENTS);
    assert.equal((generations as unknown[]).length, 3);
  });

  it('finds each line that was taken away, moved, or is there twice', async (t) => {
    const workplace = await shipped(t);
    const first = changed(workplace, (lines) => lines.toSpliced(50, 3));
    const missing = `1 incomplete: 3 events missing; ${EVENTS - 3} events of 3 files, none repeated`;
    assert.deepEqual(verifyBoth(workplace, first), [missing, missing]);
    const swapped = changed(workplace, (lines) => {
      return lines.with(10, lines[11] ?? '').with(11, lines[10] ?? '');
    });
    const order = `1 incomplete: 1 event out of order; ${EVENTS} events of 3 files, none missing, none repeated`;
    assert.deepEqual(verifyBoth(workplace, swapped), [order, order]);
    assert.equal(verify(['-s', workplace.state, '--delivered', swapped, '--any-order']).code, 0);
    const twice = changed(workplace, (lines) => [...lines, ...lines.slice(0, 7)]);
    const repeated = COMPLETE.replace('none repeated', '7 repeated');
    assert.deepEqual(verifyBoth(workplace, twice), [repeated, repeated]);
    assert.equal(verify(['-s', workplace.state, '--delivered', twice, '--strict']).code, 1);
  });

  it('finds a file that was cut off by its state, and takes it for not delivered yet without', async (t) => {
    const workplace = await shipped(t);
    const cut = changed(workplace, (lines) => [
      ...lines.slice(0, 100),
      lines[100]?.slice(0, 50) ?? '',
    ]);
    const rest = EVENTS - 100;
    assert.deepEqual(verifyBoth(workplace, cut), [
      `1 incomplete: ${rest} events missing; 100 events of 3 files, none repeated`,
      `0 complete: 100 events of 3 files, none missing, none repeated, ${rest} not delivered yet`,
    ]);
  });

  it('takes several delivered files, each in its own order', async (t) => {
    const workplace = await shipped(t);
    const half = changed(workplace, (lines) => lines.slice(0, 70));
    const rest = `${half}.rest`;
    writeFileSync(
      rest,
      workplace
        .lines()
        .slice(70)
        .map((line) => `${line.toString('utf8')}\n`)
        .join(''),
    );
    const flags = ['-s', workplace.state, '--delivered', rest, '--delivered', half];
    assert.equal(`0 ${verify(flags).verdict}`, COMPLETE);
  });

  it('knows of files that are gone only how much was delivered', async (t) => {
    const workplace = await shipped(t);
    workplace.logs.remove(`${OLDEST}.gz`);
    const [withState, without] = verifyBoth(workplace, workplace.stdoutFile);
    assert.equal(withState, COMPLETE);
    assert.equal(
      without,
      `0 complete: ${EVENTS - 40} events of 2 files, none missing, none repeated`,
    );
    const less = changed(workplace, (lines) => lines.slice(1));
    assert.match(verifyBoth(workplace, less)[0] ?? '', /^1 incomplete: 1 event missing;/);
  });

  it('holds the accounts against the files', async (t) => {
    const workplace = await shipped(t);
    const file = join(workplace.state, CHECKPOINT_FILE);
    const before = readFileSync(file);
    changeState(workplace, ({ checkpoints }) => {
      for (const { accounts } of checkpoints.slice(0, 1)) {
        accounts['delivered'] = { events: 39, bytes: 40 };
      }
      for (const checkpoint of checkpoints.slice(1, 2)) checkpoint.offset -= 1;
    });
    const { code, verdict, stdout } = verify(['-s', workplace.state]);
    assert.equal(code, 1);
    assert.match(verdict, /^incomplete: 2 files whose accounts do not add up;/);
    assert.match(stdout, /accounts hold 39 events, and 40 stand before its checkpoint/);
    assert.match(stdout, /stands inside of a line/);
    writeFileSync(file, before);
  });

  it('knows dead letters', async (t) => {
    const workplace = await shipped(t);
    const line = Buffer.from(`${eventOf(1)}\n`);
    const bytes = line.length;
    changeState(workplace, ({ checkpoints: [first] }) => {
      const delivered = first?.accounts['delivered'];
      assert.ok(first && typeof delivered === 'object');
      const rest = { events: delivered.events - 1, bytes: delivered.bytes - bytes };
      Object.assign(first.accounts, { delivered: rest, deadLettered: { events: 1, bytes } });
    });
    const state = JSON.parse(readFileSync(join(workplace.state, CHECKPOINT_FILE), 'utf8')) as State;
    const fingerprint = state.checkpoints[0]?.fingerprint ?? '';
    const letter = { log: workplace.path, fingerprint, offset: 0, bytes, line, reason: 'a test' };
    await new DeadLetters(workplace.state).keep({ ...letter, kind: 'lines' });
    const less = changed(workplace, (lines) => lines.slice(1));
    const { code, verdict } = verify(['-s', workplace.state, '--delivered', less]);
    assert.equal(code, 0);
    assert.match(verdict, /^complete: 125 events of 3 files, none missing, .* 1 dead letter$/);
  });
});

describe('verify, of a log that was shipped in other ways', () => {
  it('knows what stood before --from', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write(MIDDLE, eventsOf(1, 40));
    const late = eventsOf(41, 60).replaceAll('2026-03-04', '2026-03-05');
    workplace.logs.write('audit.log', eventsOf(21, 40) + late);
    await workplace.ship({ env: COORDINATES, flags: ['--from', '2026-03-05T00:00:00Z'] });
    const flags = ['-s', workplace.state, '--delivered', workplace.stdoutFile];
    const { code, verdict, stdout } = verify(flags);
    assert.deepEqual(
      [code, verdict],
      [0, 'complete: 20 events of 2 files, none missing, none repeated'],
    );
    assert.match(stdout, /60 events before --from: not delivered/);
  });

  /** Whole it is too long for one event, and nothing can be left out of it. */
  const LONG = eventOf(2).replace('numbered', `größe ${'ü'.repeat(5000)}`);
  const SMALL = {
    ...COORDINATES,
    AUDIT_SHIPPER_MAX_EVENT_BYTES: '4KiB',
    AUDIT_SHIPPER_CHUNK_BYTES: '4KiB',
  };

  it('takes the parts of lines that are too long for one event, and misses one', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', `${eventOf(1)}\n${LONG}\n${eventsOf(3, 5)}`);
    await workplace.ship({ env: SMALL, remembers: false });
    const lines = workplace.lines().length;
    assert.ok(lines > 6);
    const verdictOf = (delivered: string): string => {
      const { code, verdict } = verify([workplace.logs.path, '--delivered', delivered]);
      return `${code} ${verdict}`;
    };
    const expected = '0 complete: 5 events of 1 file, none missing, none repeated';
    assert.equal(verdictOf(workplace.stdoutFile), expected);
    for (let part = 1; part < lines - 3; part++) {
      const less = changed(workplace, (all) => all.toSpliced(part, 1));
      assert.match(verdictOf(less), /^1 incomplete: 1 event missing;/);
    }
  });

  it('takes events that were shipped without their bodies, and lines that were put aside', async (t) => {
    const workplace = new Workplace(t);
    const body = eventOf(3).replace(/\}$/, `,"responseObject":{"a":"${'x'.repeat(9000)}"}}`);
    workplace.logs.write('audit.log', `${eventOf(1)}\n${LONG}\n${body}\n${eventsOf(4, 5)}`);
    await workplace.ship({ env: SMALL });
    const flags = ['-s', workplace.state, '--delivered', workplace.stdoutFile];
    const { code, verdict } = verify(flags);
    assert.deepEqual(
      [code, verdict],
      [0, 'complete: 4 events of 1 file, none missing, none repeated, 1 dead letter'],
    );
  });

  it('is not complete when a file was deleted before it was read', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 20));
    await workplace.ship({ env: COORDINATES });
    workplace.logs.append('audit.log', eventsOf(21, 40));
    const flags = ['-s', workplace.state, '--delivered', workplace.stdoutFile];
    const open = verify(flags);
    assert.equal(open.code, 0);
    assert.match(open.verdict, /20 not delivered yet$/);
    changeState(workplace, ({ checkpoints }) => {
      for (const checkpoint of checkpoints)
        Object.assign(checkpoint, { size: 2 * checkpoint.offset });
    });
    workplace.logs.remove('audit.log');
    const untold = verify(flags);
    assert.equal(untold.code, 1);
    assert.match(untold.verdict, /bytes lost; 20 events of 1 file/);
    assert.match(untold.stdout, /deleted while no agent ran/);
    workplace.logs.write('audit.log', eventsOf(41, 60));
    await workplace.ship({ env: COORDINATES });
    const told = verify(flags);
    assert.equal(told.code, 1);
    assert.match(told.verdict, /bytes lost; 40 events of 2 files, none missing/);
    assert.match(
      told.stdout,
      /lost:\n {2}[\d,]+ bytes or more from [\d,]+ on of .*audit\.log: .* to /,
    );
    const without = verify([workplace.logs.path, '--delivered', workplace.stdoutFile]);
    assert.match(without.verdict, /^incomplete: [\d,]+ bytes lost;/);
  });

  it('is complete after kills, with repetitions at the most', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 2000));
    for (let life = 1; life <= 3; life++) {
      const agent = await workplace.follow({ env: COORDINATES });
      workplace.logs.append('audit.log', eventsOf(2000 * life + 1, 2000 * life + 2000));
      await workplace.delivered(agent, 2000 * life + 1);
      await agent.kill();
      if (workplace.tornLine.length > 0) appendFileSync(workplace.stdoutFile, '\n');
      workplace.logs.rename('audit.log', `audit-2026-11-2${life}T00-00-00.000.log`);
      workplace.logs.write('audit.log', '');
    }
    await workplace.ship({ env: COORDINATES });
    const [withState, without] = verifyBoth(workplace, workplace.stdoutFile);
    assert.match(withState ?? '', /^0 complete: 8,000 events of 3 files, none missing, /);
    assert.equal(without, withState);
  });

  it('is complete in what receive printed', async (t) => {
    const workplace = new Workplace(t);
    writeLog(workplace.logs);
    const printed = join(temporaryDirectory(t), 'received.jsonl');
    const receiver = new Agent(
      ['receive', '--listen', '127.0.0.1:0', '--format', 'json', '--count', String(EVENTS)],
      {},
      'pipe',
      'all',
    );
    t.after(async () => {
      if (!receiver.hasEnded) await receiver.kill();
    });
    const stdout = receiver.child.stdout?.setEncoding('utf8').toArray();
    const { address } = await receiver.says('listening');
    await workplace.ship({ env: COORDINATES, flags: ['-o', `forward://${String(address)}`] });
    await receiver.exited;
    writeFileSync(printed, (await stdout)?.join('') ?? '');
    assert.deepEqual(verifyBoth(workplace, printed), [COMPLETE, COMPLETE]);
  });

  it('never complains of what an agent does meanwhile', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 500));
    const agent = await workplace.follow({ env: COORDINATES });
    let last = 500;
    for (let round = 0; round < 4; round++) {
      await workplace.delivered(agent, last);
      await agent.until('checkpoints', () => existsSync(join(workplace.state, CHECKPOINT_FILE)));
      workplace.logs.append('audit.log', eventsOf(last + 1, last + 500));
      workplace.logs.rename('audit.log', `audit-2026-11-2${round}T00-00-00.000.log`);
      workplace.logs.write('audit.log', eventsOf(last + 501, last + 600));
      last += 600;
      const { code, stdout } = verify(['-s', workplace.state, '--delivered', workplace.stdoutFile]);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /an agent is running: process \d+/);
    }
  });
});

describe('verify', () => {
  it('wants to know what is to be verified', async (t) => {
    const workplace = new Workplace(t);
    const { code, stderr } = verify([]);
    assert.equal(code, 2);
    assert.match(stderr, /Give a state directory with -s, or with --delivered/);
    const missing = verify([workplace.logs.path, '--delivered', '/nowhere']);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /cannot read \/nowhere: ENOENT/);
    assert.equal(verify(['-s', '/nowhere']).code, 1);
  });

  it('proves nothing where there is nothing', async (t) => {
    const workplace = new Workplace(t);
    writeLog(workplace.logs);
    const empty = changed(workplace, () => []);
    const { code, verdict } = verify([workplace.logs.path, '--delivered', empty]);
    assert.deepEqual([code, verdict], [1, 'not proved: no event was delivered']);
    assert.match(verify(['-s', workplace.state]).stderr, /cannot open the state directory/);
  });

  it('says what to do about events without an id', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 5));
    await workplace.ship();
    const { code, verdict } = verify(['-s', workplace.state, '--delivered', workplace.stdoutFile]);
    assert.equal(code, 1);
    assert.match(verdict, /^not proved: .* shipper\.id; ship with coordinates: true/);
  });
});

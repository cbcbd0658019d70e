/**
 * Events and lines that are longer than max_event_bytes, through the real program: without their bodies where that is
 * enough, put aside whole where it is not, and their neighbours untouched.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CHECKPOINT_FILE } from '../../src/checkpoint/store.ts';
import { DeadLetters } from '../../src/deliver/dead-letter.ts';
import { MEMORY_LIMIT_KB, UNTOUCHED, Workplace, type Agent } from '../support/agent.ts';
import { eventOf, eventsOf } from '../support/numbered-events.ts';
import { fillDisk, smallFileSystem } from '../support/temporary.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const KIB = 1024;
const MIB = 1024 * KIB;

/** The smallest limit that the configuration allows. */
const SMALLEST = { AUDIT_SHIPPER_MAX_EVENT_BYTES: '4KiB' };
const ONE_MIB = { AUDIT_SHIPPER_MAX_EVENT_BYTES: '1MiB' };
const COORDINATES = { AUDIT_SHIPPER_COORDINATES: 'true' };

/** An event with this number whose line, with its newline, has so many bytes; most of them are its body. */
function eventOfBytes(number: number, bytes: number): string {
  const event = eventOf(number);
  const begin = `${event.slice(0, -1)},"requestObject":{"data":"`;
  const end = '"}}';
  return `${begin}${'b'.repeat(bytes - begin.length - end.length - 1)}${end}`;
}

function withAnnotation(event: string, whole: string): string {
  const digest = createHash('sha256').update(whole).digest('hex');
  const annotation = `"audit-shipper.io/truncated":"${whole.length} ${digest}"`;
  return `${event.slice(0, -1)},"annotations":{${annotation}}}`;
}

/** Ships until the second event is out, in no more memory than a backlog takes. */
async function shipWithinMemory(workplace: Workplace): Promise<Agent> {
  const agent = await workplace.follow();
  await workplace.delivered(agent, 2);
  const peak = agent.memoryKb('VmHWM');
  assert.ok(peak < MEMORY_LIMIT_KB, `${peak} kB of memory`);
  assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  return agent;
}

/** The bytes of each letter, put together. */
async function lettersIn(state: string): Promise<readonly Buffer[]> {
  const letters = new DeadLetters(state);
  const whole: Buffer[] = [];
  for (const path of await letters.list()) {
    const parts: Buffer[] = [];
    for await (const { line } of letters.read(path)) parts.push(line);
    whole.push(Buffer.concat(parts));
  }
  return whole;
}

describe('an event over max_event_bytes', () => {
  it('is delivered without its bodies; one that just fits, as it is', async (t) => {
    const workplace = new Workplace(t);
    const sizes = [4095, 4096, 4097, 4098, 100_000];
    const events = sizes.map((bytes, index) => eventOfBytes(index + 1, bytes));
    const content = `${events.join('\n')}\n${eventsOf(6, 7)}`;
    workplace.logs.write('audit.log', content);
    const agent = await workplace.ship({ env: SMALLEST });
    const expected = [
      ...events.slice(0, 2),
      ...events.slice(2).map((event, index) => withAnnotation(eventOf(index + 3), event)),
      eventOf(6),
      eventOf(7),
    ];
    assert.deepEqual(workplace.lines().map(String), expected);
    const { delivered_events, delivered_bytes, truncated_events } = agent.summary();
    assert.deepEqual([delivered_events, delivered_bytes, truncated_events], [7, content.length, 3]);
    const warning = await agent.says('an event over max_event_bytes is delivered without');
    const { level, path, offset, bytes } = warning;
    assert.deepEqual([level, path, offset, bytes], ['warn', workplace.path, 4095 + 4096, 4097]);
    assert.deepEqual(await lettersIn(workplace.state), []);
  });

  it('has its own place and id, and is the same from a gzip file', async (t) => {
    const event = eventOfBytes(2, 3 * MIB);
    const content = `${eventOf(1)}\n${event}\n${eventOf(3)}\n`;
    for (const isGzip of [false, true]) {
      const workplace = new Workplace(t);
      const { logs } = workplace;
      logs.write('audit-2026-03-04T05-06-07.089.log', content);
      if (isGzip) logs.gzip('audit-2026-03-04T05-06-07.089.log');
      logs.write('audit.log', eventsOf(4, 4));
      await workplace.ship({ env: { ...ONE_MIB, ...COORDINATES } });
      const [, second = '', ...rest] = workplace.lines().map(String);
      assert.equal(rest.length, 2);
      const fingerprint = createHash('sha256').update(eventOf(1)).digest('hex').slice(0, 32);
      const offset = eventOf(1).length + 1;
      const shipper = { file: workplace.path, offset, id: `${fingerprint}-${offset}` };
      const expected = withAnnotation(eventOf(2), event);
      assert.equal(second, `${expected.slice(0, -1)},"shipper":${JSON.stringify(shipper)}}`);
    }
  });

  it('that is still written when the agent is killed is delivered once, by the next one', async (t) => {
    const workplace = new Workplace(t);
    const event = eventOfBytes(2, 3 * MIB);
    workplace.logs.write('audit.log', `${eventOf(1)}\n${event.slice(0, 2 * MIB)}`);
    const agent = await workplace.follow({ env: ONE_MIB });
    await workplace.delivered(agent, 1);
    await agent.until('a checkpoint', () => readdirSync(workplace.state).includes(CHECKPOINT_FILE));
    await agent.kill();
    workplace.logs.append('audit.log', event.slice(2 * MIB, -10));
    const next = await workplace.follow({ env: ONE_MIB });
    workplace.logs.append('audit.log', `${event.slice(-10)}\n${eventOf(3)}\n`);
    await workplace.finish(next, 3, { env: ONE_MIB });
    const lines = workplace.lines().map(String);
    assert.deepEqual(lines.slice(-2), [withAnnotation(eventOf(2), event), eventOf(3)]);
    assert.equal(workplace.shipped().replace('1-1 ', ''), '1-3');
  });

  it('of 200 MB takes little memory', async (t) => {
    const workplace = new Workplace(t);
    const hash = createHash('sha256');
    let bytes = 0;
    const fd = openSync(workplace.path, 'w');
    const write = (text: string): void => {
      hash.update(text);
      bytes += writeSync(fd, text);
    };
    write(`${eventOf(1).slice(0, -1)},"responseObject":{"items":[`);
    const item = `{"name":"größe \\"x\\\\","data":[1,2,{"a":"${'y'.repeat(1000)}"}]},`.repeat(1000);
    for (let count = 0; count * item.length < 200 * MIB; count++) write(item);
    write('{}]}}');
    const digest = hash.digest('hex');
    writeSync(fd, `\n${eventsOf(2, 2)}`);
    closeSync(fd);
    await shipWithinMemory(workplace);
    const annotation = `"annotations":{"audit-shipper.io/truncated":"${bytes} ${digest}"}`;
    const [first] = workplace.lines();
    assert.equal(String(first), `${eventOf(1).slice(0, -1)},${annotation}}`);
  });
});

describe('a line over max_event_bytes that no bodies can be left out of', () => {
  const stillTooLong = eventOf(2).replace('numbered', 'n'.repeat(5000));
  const garbage = [
    `${stillTooLong.slice(0, -1)},"requestObject":{"a":1}}`,
    'no event at all, '.repeat(10_000),
    `{"requestObject":{"a":"${'cut '.repeat(2000)}`,
    randomBytes(20_000).toString('latin1').replaceAll('\n', ' '),
  ];
  const lines = garbage.map((text, index) => {
    return Buffer.from(`${text}\n`, index === 3 ? 'latin1' : 'utf8');
  });
  const content = Buffer.concat([
    Buffer.from(eventsOf(1, 1)),
    ...lines.flatMap((line, index) => [line, Buffer.from(eventsOf(index + 2, index + 2))]),
  ]);

  it('is put aside whole, said with its place, and can be sent again', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', content);
    const agent = await workplace.ship({ env: SMALLEST });
    assert.equal(workplace.shipped(), '1-5');
    assert.deepEqual(await lettersIn(workplace.state), lines);
    const said = agent.log.filter(({ level }) => level === 'error');
    const places = lines.map((line) => content.indexOf(line));
    assert.deepEqual(
      said.map(({ path, offset, bytes }) => [path, offset, bytes]),
      lines.map((line, index) => [workplace.path, places[index], line.length]),
    );
    assert.match(said[0]?.msg ?? '', /put aside; see audit-shipper replay/);
    assert.match(String(said[0]?.['reason']), /also without its bodies/);
    for (const one of said.slice(1)) assert.match(String(one['reason']), /not one JSON object/);
    const { delivered_events, dead_letter_events, undelivered_bytes } = agent.summary();
    assert.deepEqual([delivered_events, dead_letter_events, undelivered_bytes], [5, 4, 0]);
    // Another run has nothing left to do.
    await workplace.ship({ env: SMALLEST });
    assert.equal(workplace.shipped(), '1-5');
    checkReplayed(workplace, lines, places);
  });

  /** To stdout, the parts put together are the lines. */
  function checkReplayed(
    workplace: Workplace,
    expected: readonly Buffer[],
    places: readonly number[],
  ): void {
    const args = [MAIN, 'replay', '-s', workplace.state, '--format', 'json'];
    const env = { ...process.env, ...UNTOUCHED };
    const { stdout, status } = spawnSync(process.execPath, args, { maxBuffer: 16 * MIB, env });
    assert.equal(status, 0);
    const whole: Buffer[] = [];
    let parts: Buffer[] = [];
    const begins: number[] = [];
    for (const line of stdout.toString().trim().split('\n')) {
      const { shipper, log, log_base64: base64 } = JSON.parse(line) as Part;
      if (parts.length === 0) begins.push(shipper.offset);
      parts.push(log === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(log));
      if (shipper.part === 'more') continue;
      whole.push(Buffer.concat([...parts, Buffer.from('\n')]));
      parts = [];
    }
    assert.deepEqual(begins, places);
    assert.deepEqual(whole, expected);
  }

  interface Part {
    readonly shipper: { readonly offset: number; readonly part: string };
    readonly log?: string;
    readonly log_base64?: string;
  }

  it('waits for room on the disk, and its log with it; another log does not', async (t) => {
    const state = smallFileSystem(t, 4 * MIB);
    if (state === undefined) return;
    const workplace = new Workplace(t);
    const ballast = join(state, 'ballast');
    const options = { remembers: false, flags: ['--state-dir', state], env: SMALLEST };
    workplace.logs.write('audit.log', eventsOf(1, 1));
    workplace.logs.write('other-audit.log', eventsOf(100, 100));
    const agent = await workplace.follow({
      ...options,
      paths: [workplace.path, workplace.logs.file('other-audit.log')],
    });
    await workplace.delivered(agent, 1);
    fillDisk(ballast);
    workplace.logs.append('audit.log', `${'garbage '.repeat(100_000)}\n${eventsOf(2, 2)}`);
    const stuck = await agent.says('cannot be put aside, and its log waits; trying again');
    assert.equal(stuck.level, 'error');
    workplace.logs.append('other-audit.log', eventsOf(101, 101));
    await workplace.delivered(agent, 101);
    assert.ok(!workplace.shipped().includes('2'));
    rmSync(ballast);
    await agent.says('a line was put aside');
    await workplace.delivered(agent, 2);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.equal((await lettersIn(state))[0]?.length, 800_001);
  });

  it('is begun anew when the agent is killed in the middle of it', async (t) => {
    const state = smallFileSystem(t, 4 * MIB);
    if (state === undefined) return;
    const workplace = new Workplace(t);
    const options = { remembers: false, flags: ['--state-dir', state], env: SMALLEST };
    const line = `${'garbage '.repeat(400_000)}\n`;
    workplace.logs.write('audit.log', `${eventsOf(1, 1)}${line}${eventsOf(2, 2)}`);
    const ballast = join(state, 'ballast');
    fillRest(ballast, 2 * MIB);
    const agent = await workplace.follow(options);
    await agent.says('cannot be put aside');
    await agent.kill();
    assert.match(readdirSync(join(state, 'dead-letter')).join(' '), /^[0-9a-f]+-\d+\.jsonl\.new$/);
    rmSync(ballast);
    await workplace.ship(options);
    assert.equal((await lettersIn(state)).map(String).join(''), line);
    assert.equal(readdirSync(join(state, 'dead-letter')).length, 1);
    assert.match(workplace.shipped(), /(?:^|1-)2/);
  });

  it('of 100 MB takes little memory', async (t) => {
    const workplace = new Workplace(t);
    const hash = createHash('sha256');
    const piece = Buffer.from('garbage, "größe" – 长 🚀 '.repeat(20_000));
    const fd = openSync(workplace.path, 'w');
    writeSync(fd, eventsOf(1, 1));
    for (let bytes = 0; bytes < 100 * MIB; bytes += piece.length) {
      writeSync(fd, piece);
      hash.update(piece);
    }
    writeSync(fd, `\n${eventsOf(2, 2)}`);
    closeSync(fd);
    const agent = await shipWithinMemory(workplace);
    assert.equal(agent.summary()['dead_letter_events'], 1);
    const [path = ''] = await new DeadLetters(workplace.state).list();
    const actual = createHash('sha256');
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const { line: text } = JSON.parse(line) as { line: string };
      actual.update(text.endsWith('\n') ? text.slice(0, -1) : text);
    }
    assert.equal(actual.digest('hex'), hash.digest('hex'));
  });
});

/** Leaves so many bytes free. */
function fillRest(path: string, free: number): void {
  const room = `${path}.room`;
  writeFileSync(room, Buffer.alloc(free));
  fillDisk(path);
  rmSync(room);
}

/** `audit-shipper policy test`: the sums are right, backups and gzip included, and the exit code says what CI asks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { auditLine, PolicyDesk } from '../../support/policy-files.ts';

const RULES = [
  'level: None\nverbs: [list]',
  'level: Metadata\nresources: [{ resources: [secrets] }]',
  'level: Request',
];
const BODY = { kind: 'Pod', spec: { text: 'x'.repeat(100) } };
const BODIES = { level: 'RequestResponse', requestObject: BODY, responseObject: BODY };
const LISTED = auditLine({ verb: 'list' });
const SECRET = auditLine({ resource: 'secrets', ...BODIES });
const POD = auditLine(BODIES);
const PLAIN = auditLine();

interface Sum {
  readonly events: number;
  readonly bytes: number;
}

interface RuleSums {
  readonly rule: number;
  readonly matched: Sum;
  readonly kept: Sum;
  readonly lowered: Sum;
  readonly dropped: Sum;
  readonly omitted: Sum;
  readonly shippedBytes: number;
}

interface Result {
  readonly all: RuleSums;
  readonly rules: readonly RuleSums[];
  readonly unmatched: RuleSums;
  readonly files: number;
  readonly otherLines: number;
  readonly obstacles: readonly string[];
  readonly doubts: readonly string[];
}

function sum(...lines: readonly string[]): Sum {
  return { events: lines.length, bytes: bytesOf(lines) };
}

function bytesOf(lines: readonly string[]): number {
  return lines.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0);
}

/** As kube-apiserver would have written it at a lower level. */
function lowered(line: string, level: 'Metadata' | 'Request'): string {
  const event = JSON.parse(line) as Record<string, unknown>;
  delete event['responseObject'];
  if (level === 'Metadata') delete event['requestObject'];
  return JSON.stringify({ ...event, level });
}

describe('policy test', () => {
  it('adds up what is kept, lowered and dropped, over backups and gzip, each event once', async (t) => {
    const desk = new PolicyDesk(t);
    const backup = `${LISTED}\n${SECRET}\n`;
    desk.file('audit-2026-11-20T00-00-00.000.log.gz', gzipSync(backup));
    desk.file('audit-2026-11-20T00-00-00.000.log', backup);
    desk.file('audit.log', `${POD}\nno event at all\n${PLAIN}\n`);
    const policy = desk.policy('p.yaml', RULES);
    const { exitCode, out, err } = await desk.run(['test', '--json', policy, desk.path]);
    assert.deepEqual([exitCode, err], [0, '']);
    const { all, rules, unmatched, files, otherLines } = JSON.parse(out) as Result;
    const [first, second, third] = rules;
    assert.deepEqual([files, otherLines], [2, 1]);
    assert.deepEqual([first?.dropped, first?.shippedBytes], [sum(LISTED), 0]);
    assert.deepEqual(
      [second?.lowered, second?.shippedBytes],
      [sum(SECRET), bytesOf([lowered(SECRET, 'Metadata')])],
    );
    assert.deepEqual([third?.lowered, third?.kept], [sum(POD), sum(PLAIN)]);
    assert.equal(third?.shippedBytes, bytesOf([lowered(POD, 'Request'), PLAIN]));
    assert.deepEqual(unmatched.matched, sum());
    assert.deepEqual(all.matched, sum(LISTED, SECRET, POD, PLAIN));
  });

  it('counts managed fields as left out', async (t) => {
    const desk = new PolicyDesk(t);
    const object = { kind: 'Pod', metadata: { name: 'front' } };
    const managed = { kind: 'Pod', metadata: { name: 'front', managedFields: [{ a: 1 }] } };
    const full = { level: 'RequestResponse', requestObject: managed, responseObject: managed };
    desk.file('audit.log', `${auditLine(full)}\n`);
    const policy = desk.policy('p.yaml', ['level: RequestResponse'], 'omitManagedFields: true');
    const { out } = await desk.run(['test', '--json', policy, desk.path]);
    const left = auditLine({ ...full, requestObject: object, responseObject: object });
    assert.equal((JSON.parse(out) as Result).all.shippedBytes, bytesOf([left]));
  });

  it('says what matches no rule, and what is dropped for its stage', async (t) => {
    const desk = new PolicyDesk(t);
    const received = auditLine({ stage: 'RequestReceived' });
    desk.file('audit.log', `${received}\n${PLAIN}\n${LISTED}\n`);
    const policy = desk.policy(
      'p.yaml',
      ['level: Metadata\nverbs: [get]'],
      'omitStages: [RequestReceived]',
    );
    const json = await desk.run(['test', '--json', policy, desk.path]);
    const { rules, unmatched } = JSON.parse(json.out) as Result;
    assert.deepEqual([rules[0]?.omitted, rules[0]?.dropped], [sum(received), sum(received)]);
    assert.deepEqual(unmatched.dropped, sum(LISTED));
    const { out } = await desk.run(['test', policy, desk.path]);
    assert.match(
      out,
      /^3 events, [\d.]+ [Ki]*B: 1 kept, 0 lowered, 2 dropped; \d+ B are shipped\n/,
    );
    assert.match(out, /^ +1 +Metadata +2 +1 +0 +1 .* verbs get$/m);
    assert.match(out, /^ +- +None +1 +0 +0 +1 .* no rule matches$/m);
    assert.match(out, /^1 event dropped for the stage alone \(\d+ B\)$/m);
  });

  it('names rules that matched nothing, and with --strict they are a fault', async (t) => {
    const desk = new PolicyDesk(t);
    desk.file('audit.log', `${PLAIN}\n`);
    const idle = desk.policy('p.yaml', RULES);
    const { exitCode, out } = await desk.run(['test', idle, desk.path]);
    assert.equal(exitCode, 0);
    assert.match(out, /^rule 1 \(line 5\) matched nothing\nrule 2 \(line 7\) matched nothing\n$/m);
    assert.equal((await desk.run(['test', '--strict', idle, desk.path])).exitCode, 1);
    const busy = desk.policy('q.yaml', ['level: Metadata']);
    assert.equal((await desk.run(['test', '--strict', busy, desk.path])).exitCode, 0);
  });

  it('warns of a rule that is never reached, and with --strict it is a fault', async (t) => {
    const desk = new PolicyDesk(t);
    desk.file('audit.log', `${PLAIN}\n`);
    const policy = desk.policy('p.yaml', ['level: Metadata', 'level: None\nusers: [eve]']);
    const { exitCode, err } = await desk.run(['test', policy, desk.path]);
    assert.equal(exitCode, 0);
    assert.match(err, /p\.yaml:6: rule 2: it is never reached: .* rule 1 \(line 5\) first\n$/);
    assert.equal((await desk.run(['test', '--strict', policy, desk.path])).exitCode, 1);
    const doubtful = desk.policy('q.yaml', ['level: Metadata\nverbs: [get, LIST]']);
    assert.equal((await desk.run(['test', '--strict', doubtful, desk.path])).exitCode, 1);
  });

  it('counts a copy of a log once', async (t) => {
    const desk = new PolicyDesk(t);
    const log = desk.file('audit.log', `${PLAIN}\n`);
    const copy = desk.file('copy-audit.log', `${PLAIN}\n`);
    const policy = desk.policy('p.yaml', RULES);
    const { out } = await desk.run(['test', '--json', policy, log, copy]);
    assert.equal((JSON.parse(out) as Result).all.matched.events, 1);
  });

  it('ends with 1 when something cannot be read, and counts the rest', async (t) => {
    const desk = new PolicyDesk(t);
    const gz = gzipSync(`${PLAIN}\n`.repeat(2000));
    desk.file('audit-2026-11-20T00-00-00.000.log.gz', gz.subarray(0, gz.length - 20));
    desk.file('audit.log', `${POD}\n`);
    const policy = desk.policy('p.yaml', RULES);
    const { exitCode, out, err } = await desk.run(['test', '--json', policy, desk.path, 'nowhere']);
    assert.equal(exitCode, 1);
    assert.match(err, /nowhere: no audit log there/);
    assert.match(err, /\.log\.gz: the gzip file is damaged behind \d+ bytes of content/);
    assert.equal((JSON.parse(out) as Result).rules[2]?.lowered.events, 1);
  });

  it('ends with 2 for a policy that is wrong, with every problem, its line, and no control character', async (t) => {
    const desk = new PolicyDesk(t);
    desk.file('audit.log', `${PLAIN}\n`);
    const policy = desk.policy('p.yaml', ['level: "\\e[1mNone"', 'level: None\nverb: [get]']);
    const { exitCode, out, err } = await desk.run(['test', policy, desk.path]);
    assert.deepEqual([exitCode, out], [2, '']);
    assert.match(err, /p\.yaml:5:3: rules\[0\]\.level: "\\x1b\[1mNone" is no level/);
    assert.match(
      err,
      /p\.yaml:7:3: rules\[1\]\.verb: there is no field "verb" here; did you mean "verbs"\?/,
    );
    assert.ok(!err.includes('\u001b'));
  });

  it('ends with 2 for a policy that cannot be read, or is none', async (t) => {
    const desk = new PolicyDesk(t);
    const log = desk.file('audit.log', `${PLAIN}\n`.repeat(5000));
    const binary = desk.file('p.bin', Buffer.of(0xff, 0xfe));
    const expected: readonly (readonly [string, RegExp])[] = [
      ['nowhere.yaml', /cannot read the policy nowhere\.yaml: ENOENT/],
      [desk.path, /cannot read the policy .*: EISDIR/],
      [log, /larger than 1 MiB/],
      [binary, /p\.bin: is not UTF-8 text/],
    ];
    for (const [policy, message] of expected) {
      const { exitCode, err } = await desk.run(['test', policy, log]);
      assert.equal(exitCode, 2);
      assert.match(err, message);
    }
  });
});

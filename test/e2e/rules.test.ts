/**
 * Rules through the real program: no planted secret leaves by any way, what a policy leaves out is counted by its rule,
 * and rules change while the agent runs.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FluentServer } from '@fluent-org/logger';
import { Workplace } from '../support/agent.ts';
import { innocentsIn, leaksIn, plantedEvents } from '../support/planted.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const EVENTS = plantedEvents().map(({ line }) => line);
/** With which nothing that is planted is left (PLANTED_REDACTION, as a user writes it). */
const REDACT = {
  AUDIT_SHIPPER_REDACT:
    '{config_maps: true, env: true, paths: ["body.spec.credentials.*", "requestObject.spec.users[*].password", ' +
    '\'annotations["example.com/session"]\', \'user.extra["example.com/assertion"][*]\']}',
};
const LISTEN = ['--listen', '127.0.0.1:0'];
/** A crash cuts a line anywhere. */
const CUTS = [0.2, 0.5, 0.7, 0.9, 0.99];

/** The planted events, whole ones, torn ones, torn ones with a whole one glued to them, and what is no event. */
function plantedLog(): string {
  const torn = EVENTS.flatMap((event, index) => {
    const text = event.slice(0, Math.floor(event.length * (CUTS[index % CUTS.length] ?? 1)));
    return [text, `${text}${EVENTS[(index + 1) % EVENTS.length]}`, event.slice(text.length)];
  });
  return [...EVENTS, ...torn].map((line) => `${line}\n`).join('');
}

/** Everything that the agent has written anywhere but to its output. */
function written(workplace: Workplace): string {
  const files = readdirSync(workplace.state, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name), 'utf8'))
    .join('\n');
}

describe('no secret leaves', () => {
  it('to stdout, to the log, to the state directory, or to the metrics', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', plantedLog());
    const agent = await workplace.follow({ flags: LISTEN, env: REDACT });
    const address = String((await agent.says('listening'))['address']);
    await agent.until('all of it', async () => {
      const metrics = await (await fetch(`http://${address}/metrics`)).text();
      return /lag_bytes\{[^}]*\} 0$/m.test(metrics);
    });
    const metrics = await (await fetch(`http://${address}/metrics`)).text();
    const page = await (await fetch(`http://${address}/`)).text();
    await agent.stop();
    const stdout = Buffer.concat(workplace.lines()).toString();
    assert.deepEqual(leaksIn(stdout), []);
    assert.ok(innocentsIn(stdout) > EVENTS.length, 'what is no secret is there');
    const said = JSON.stringify([agent.log, agent.stderr]);
    assert.deepEqual(leaksIn(said + written(workplace) + metrics + page), []);
    assert.match(metrics, /^audit_shipper_redacted_events_total [1-9]/m);
    assert.ok(Number(agent.summary()['redacted_events']) > EVENTS.length / 2);
  });

  for (const how of ['with coordinates', 'pretty'] as const) {
    it(`to stdout, ${how}`, async (t) => {
      const workplace = new Workplace(t);
      workplace.logs.write('audit.log', plantedLog());
      const flags = how === 'pretty' ? ['--format', 'wide'] : [];
      const env = { ...REDACT, AUDIT_SHIPPER_COORDINATES: String(how !== 'pretty') };
      await workplace.ship({ flags, env });
      const stdout = readFileSync(workplace.stdoutFile, 'utf8');
      assert.ok(stdout.length > 0);
      assert.deepEqual(leaksIn(stdout), []);
    });
  }

  it('to a Forward receiver', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', plantedLog());
    const server = new FluentServer({ listenOptions: { port: 0, host: '127.0.0.1' } });
    const records: unknown[] = [];
    server.on('entry', (_tag: string, _time: unknown, record: unknown) => records.push(record));
    await server.listen();
    t.after(() => server.close());
    await workplace.ship({ flags: ['-o', `forward://127.0.0.1:${server.port}`], env: REDACT });
    assert.ok(records.length >= EVENTS.length * 3);
    const text = JSON.stringify(records);
    assert.deepEqual(leaksIn(text), []);
    assert.ok(innocentsIn(text) > EVENTS.length);
  });

  it('into a dead letter, whatever is too long', async (t) => {
    const workplace = new Workplace(t);
    const filler = 'x'.repeat(9000);
    const lines = EVENTS.flatMap((event) => [
      event.replace('"requestObject":', `"requestObject":{"filler":"${filler}"},"requestObject":`),
      event.replace('"verb":', `"filler":"${filler}","verb":`),
      `${filler}${event}`,
      `${event.slice(0, -10)}${filler}`,
    ]);
    workplace.logs.write('audit.log', lines.map((line) => `${line}\n`).join(''));
    const env = { ...REDACT, AUDIT_SHIPPER_MAX_EVENT_BYTES: '4KiB' };
    const agent = await workplace.ship({ env });
    assert.ok(Number(agent.summary()['dead_letter_events']) >= EVENTS.length);
    const all = readFileSync(workplace.stdoutFile, 'utf8') + written(workplace);
    assert.deepEqual(leaksIn(all + JSON.stringify([agent.log, agent.stderr])), []);
  });

  it('is a choice: with redact: false all of it does', async (t) => {
    const workplace = new Workplace(t);
    const content = EVENTS.map((line) => `${line}\n`).join('');
    workplace.logs.write('audit.log', content);
    await workplace.ship({ env: { AUDIT_SHIPPER_REDACT: 'false' } });
    assert.equal(readFileSync(workplace.stdoutFile, 'utf8'), content);
  });

  it('unless somebody says so: a Secret has no values where nothing is configured', async (t) => {
    const workplace = new Workplace(t);
    const secret = '{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"a":"pl4nt3d"}}}';
    workplace.logs.write('audit.log', `${secret}\n`);
    await workplace.ship({ env: { AUDIT_SHIPPER_REDACT: '' } });
    const [line] = workplace.lines();
    assert.match(line?.toString() ?? '', /"data":\{"a":"\[redacted\]"\}/);
    assert.match(line?.toString() ?? '', /"audit-shipper\.io\/redacted":"requestObject\.data\.a"/);
  });
});

const POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    users: [system:kube-proxy]
  - level: Metadata
    resources: [{group: "", resources: [configmaps]}]
  - level: RequestResponse
    verbs: [create]
`;

/** An event at the highest level; what is no resource is a path. */
function eventBy(user: string, verb: string, resource: string, stage = 'ResponseComplete'): string {
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: '1',
    stage,
    requestURI: `/api/v1/namespaces/a/${resource}`,
    verb,
    user: { username: user, groups: ['system:authenticated'] },
    objectRef: { resource, namespace: 'a', apiVersion: 'v1' },
    requestObject: { kind: 'A', spec: {} },
    responseObject: { kind: 'A' },
  });
}

describe('a policy', () => {
  it('keeps back, lowers and lets go, and counts by its rules', async (t) => {
    const workplace = new Workplace(t);
    const file = join(temporaryDirectory(t), 'policy.yaml');
    writeFileSync(file, POLICY);
    const events = [
      eventBy('system:kube-proxy', 'create', 'pods'),
      eventBy('ada', 'create', 'configmaps'),
      eventBy('ada', 'create', 'pods'),
      eventBy('ada', 'create', 'pods', 'RequestReceived'),
      eventBy('ada', 'get', 'pods'),
    ];
    workplace.logs.write('audit.log', events.map((line) => `${line}\n`).join(''));
    const env = { AUDIT_SHIPPER_POLICY_FILE: file };
    const agent = await workplace.follow({ flags: LISTEN, env });
    const address = String((await agent.says('listening'))['address']);
    const metrics = await agent.until('all of it', async () => {
      const text = await (await fetch(`http://${address}/metrics`)).text();
      return /lag_bytes\{[^}]*\} 0$/m.test(text) && text;
    });
    const counts = [...metrics.matchAll(/filtered_events_total\{reason="([^"]*)"\} (\d+)/g)];
    assert.deepEqual(
      Object.fromEntries(counts.map(([, reason, count]) => [reason, Number(count)])),
      { 'rule 1': 1, 'rule 3, stage': 1, 'no rule': 1 },
    );
    await agent.stop();
    const [lowered = '', kept = ''] = workplace.lines().map((line) => line.toString().trimEnd());
    assert.equal(workplace.lines().length, 2);
    assert.equal(kept, events[2]);
    const { requestObject, responseObject, ...metadata } = JSON.parse(events[1] ?? '') as Record<
      string,
      unknown
    >;
    assert.ok(requestObject !== undefined && responseObject !== undefined);
    assert.deepEqual(JSON.parse(lowered), { ...metadata, level: 'Metadata' });
    assert.equal(agent.summary()['filtered_events'], 3);
    const [checkpoint] = workplace.remembered().checkpoints;
    assert.equal(checkpoint?.accounts.filtered.events, 3);
    assert.equal(checkpoint?.accounts.delivered.events, 2);
  });

  it('changes while the agent runs; a bad one is refused', async (t) => {
    const workplace = new Workplace(t);
    const file = join(temporaryDirectory(t), 'policy.yaml');
    writeFileSync(file, POLICY);
    const one = `${eventBy('system:kube-proxy', 'create', 'pods')}\n`;
    workplace.logs.write('audit.log', one);
    const agent = await workplace.follow({ env: { AUDIT_SHIPPER_POLICY_FILE: file } });
    await agent.until('the first is settled', () =>
      workplace.remembered().checkpoints.some(({ offset }) => offset === one.length),
    );
    writeFileSync(file, `${POLICY}  - level: All\n`);
    agent.child.kill('SIGHUP');
    const refusal = await agent.says('new rules are wrong');
    assert.match(String(refusal['setting']), /policy\.yaml:\d+:\d+ rules\[3\]\.level$/);
    writeFileSync(file, POLICY.replace('system:kube-proxy', 'nobody'));
    await agent.says('rules were read again');
    workplace.logs.append('audit.log', one);
    await agent.until('the second goes out', () => workplace.lines().length === 1);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  });

  it('is wrong from the start: nothing begins, and all that is wrong is said', async (t) => {
    const workplace = new Workplace(t);
    const file = join(temporaryDirectory(t), 'policy.yaml');
    writeFileSync(file, POLICY.replace('Metadata', 'Meta').replace('verbs', 'verb'));
    const agent = workplace.start({ env: { AUDIT_SHIPPER_POLICY_FILE: file } });
    assert.deepEqual(await agent.exited, { code: 2, signal: null });
    assert.match(agent.stderr[0] ?? '', /2 problems in the configuration/);
    assert.match(agent.stderr.join('\n'), /policy\.yaml:7:\d+ rules\[1\]\.level: /);
    assert.match(agent.stderr.join('\n'), /policy\.yaml:10:\d+ rules\[2\]\.verb: /);
  });
});

/** `audit-shipper policy explain`: every reason why a rule does not match, wherever the event comes from. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mismatchOf, type Mismatch } from '../../../src/event/policy/policy.ts';
import { mismatchText, requestText, ruleText } from '../../../src/commands/policy/words.ts';
import { podRequest, policyOf, urlRequest } from '../../support/audit-policies.ts';
import { auditLine, PolicyDesk } from '../../support/policy-files.ts';

const POD = podRequest();
const URL = urlRequest('/healthz');

describe('the words', () => {
  const CASES: readonly (readonly [Mismatch, string, typeof POD, string])[] = [
    ['user', 'users: [eve, bob]', POD, 'the user is ada@example.com; the rule wants eve or bob'],
    ['user', 'users: [eve]', podRequest({}, { user: '' }), 'there is no user; the rule wants eve'],
    [
      'group',
      'userGroups: [a, b, c]',
      POD,
      'the user is in staff and system:authenticated; the rule wants a, b or c',
    ],
    [
      'group',
      'userGroups: [a]',
      podRequest({}, { groups: [] }),
      'the user is in no group; the rule wants a',
    ],
    ['verb', 'verbs: [create, patch]', POD, 'the verb is get; the rule wants create or patch'],
    [
      'verb',
      'verbs: [create]',
      podRequest({}, { verb: '' }),
      'there is no verb; the rule wants create',
    ],
    [
      'no-resource',
      'namespaces: [a]',
      URL,
      'the request is for the URL /healthz; the rule is about resources',
    ],
    ['namespace', "namespaces: ['', a]", POD, 'the namespace is web; the rule wants "" or a'],
    [
      'namespace',
      'namespaces: [a]',
      podRequest({ namespace: '' }),
      'it is in no namespace; the rule wants a',
    ],
    [
      'resource',
      'resources: [{ group: apps }, { resources: [secrets, pods/log] }, { group: apps, resources: [deployments/scale] }]',
      POD,
      'the resource is pods; the rule wants everything of apps, secrets and pods/log, deployments.apps/scale',
    ],
    [
      'name',
      'resources: [{ resources: [pods], resourceNames: [a, b] }]',
      POD,
      'the name is front-1; the rule wants pods named a or b',
    ],
    [
      'name',
      "resources: [{ resources: [pods], resourceNames: [a] }, { group: '' , resources: [nodes] }]",
      podRequest({ name: '' }),
      'the request names no object; the rule wants pods named a, nodes',
    ],
    [
      'is-resource',
      "nonResourceURLs: ['*']",
      POD,
      'the request is for the resource pods; the rule is about other URLs',
    ],
    ['url', 'nonResourceURLs: [/a, /b*]', URL, 'the URL is /healthz; the rule wants /a or /b*'],
  ];
  for (const [mismatch, text, request, expected] of CASES) {
    it(`say why not: ${expected}`, () => {
      const [rule] = policyOf([`level: None\n${text}`]).rules;
      assert.ok(rule);
      assert.equal(mismatchOf(rule, request), mismatch);
      assert.equal(mismatchText(rule, request, mismatch), expected);
    });
  }

  it('say what a rule asks for, and what a request is', () => {
    const [all, some] = policyOf([
      'level: None',
      "level: None\nusers: [ada]\nverbs: [get, list]\nresources: [{ group: '' }]\nnamespaces: ['', web]",
    ]).rules;
    assert.ok(all && some);
    assert.equal(ruleText(all), 'every request');
    assert.equal(
      ruleText(some),
      'users ada; verbs get and list; everything of the core group; namespaces "" and web',
    );
    const scale = podRequest({ group: 'apps', resource: 'deployments', subresource: 'scale' });
    assert.equal(
      requestText(scale),
      'ada@example.com: get deployments.apps/scale "front-1" in namespace web',
    );
    assert.equal(requestText(urlRequest('/healthz', { user: '' })), 'nobody: get /healthz');
  });

  it('stay short, and act upon no terminal', () => {
    const words = Array.from({ length: 1000 }, (_, index) => `user-${index}`);
    const [rule] = policyOf([`level: None\nusers: ${JSON.stringify(words)}`]).rules;
    assert.ok(rule);
    const request = podRequest({}, { user: `\u001b[31m${'x'.repeat(10_000)}` });
    const text = mismatchText(rule, request, 'user');
    assert.match(text, /^the user is \\x1b\[31mx+…; the rule wants user-0, .*user-7 or 992 more$/);
    assert.ok(text.length < 300);
  });
});

const RULES = [
  'level: None\nverbs: [list]',
  'level: Metadata\nresources: [{ resources: [secrets] }]',
  'level: Request\nusers: [ada]\nomitStages: [Panic]',
];

describe('policy explain', () => {
  it('takes an event from standard input', async (t) => {
    const desk = new PolicyDesk(t);
    const policy = desk.policy('p.yaml', RULES);
    const line = auditLine({ level: 'RequestResponse' });
    const { exitCode, out, err } = await desk.run(['explain', policy], `${line}\n`);
    assert.deepEqual([exitCode, err], [0, '']);
    assert.deepEqual(out.split('\n'), [
      'event 7 ResponseComplete RequestResponse',
      'ada: get pods "front" in namespace web',
      'rule 1 (line 5, None) does not: the verb is get; the rule wants list',
      'rule 2 (line 7, Metadata) does not: the resource is pods; the rule wants secrets',
      'rule 3 (line 9, Request) matches: users ada',
      'shipped at level Request, without responseObject',
      '',
    ]);
  });

  const OUTCOMES: readonly (readonly [string, Parameters<typeof auditLine>[0]])[] = [
    ['not shipped: rule 1 says None', { verb: 'list' }],
    ['shipped at level Metadata, without its bodies', { resource: 'secrets', level: 'Request' }],
    ['not shipped: the stage Panic is omitted', { stage: 'Panic' }],
    ['shipped as it is', {}],
    ['no rule matches: the level is None\nnot shipped: no rule matches', { user: 'eve' }],
  ];
  it('says what is shipped, of each event of a file', async (t) => {
    const desk = new PolicyDesk(t);
    const policy = desk.policy('p.yaml', RULES);
    const lines = OUTCOMES.map(([, parts]) => auditLine(parts));
    const { exitCode, out } = await desk.run([
      'explain',
      policy,
      desk.file('events', lines.join('\n')),
    ]);
    assert.equal(exitCode, 0);
    const texts = out.split('\n\n');
    assert.equal(texts.length, OUTCOMES.length);
    for (const [index, [expected]] of OUTCOMES.entries()) {
      assert.ok(texts[index]?.trimEnd().endsWith(`\n${expected}`), `${texts[index]} / ${expected}`);
    }
  });

  it('takes an event that jq has spread over lines', async (t) => {
    const desk = new PolicyDesk(t);
    const policy = desk.policy('p.yaml', RULES);
    const pretty = JSON.stringify(JSON.parse(auditLine()), null, 2);
    const { out } = await desk.run(['explain', policy, '-'], `${pretty}\n`);
    assert.match(out, /rule 3 \(line 9, Request\) matches/);
  });

  it('finds the events of an auditID in the log, and where they stand', async (t) => {
    const desk = new PolicyDesk(t);
    const first = auditLine({ auditID: 'a', stage: 'RequestReceived' });
    const other = auditLine({ auditID: 'b' });
    desk.file('audit.log', `${first}\n${other}\n${auditLine({ auditID: 'a' })}\n`);
    const policy = desk.policy('p.yaml', RULES);
    const args = ['explain', policy, desk.path, '--audit-id'];
    const { exitCode, out } = await desk.run([...args, 'a', '--json']);
    assert.equal(exitCode, 0);
    const found = out.trimEnd().split('\n');
    const places = found.map((line) => (JSON.parse(line) as { readonly where: string }).where);
    const offset = first.length + other.length + 2;
    assert.deepEqual(
      places.map((place) => place.split(':').at(-1)),
      ['0', String(offset)],
    );
    const none = await desk.run([...args, 'c']);
    assert.deepEqual([none.exitCode, none.out], [1, '']);
    assert.match(none.err, /no event on disk has the auditID c/);
  });

  it('explains a bounded number of events', async (t) => {
    const desk = new PolicyDesk(t);
    const policy = desk.policy('p.yaml', RULES);
    const { out, err } = await desk.run(['explain', policy], `${auditLine()}\n`.repeat(25));
    assert.equal(out.match(/^event /gm)?.length, 20);
    assert.match(err, /5 more events are not explained/);
  });

  it('ends with 1 where there is no event, and with 2 for several files', async (t) => {
    const desk = new PolicyDesk(t);
    const policy = desk.policy('p.yaml', RULES);
    for (const input of ['', 'nothing\n', '[1]\n']) {
      assert.equal((await desk.run(['explain', policy], input)).exitCode, 1, input);
    }
    const missing = await desk.run(['explain', policy, 'nowhere.json']);
    assert.equal(missing.exitCode, 1);
    assert.match(missing.err, /cannot read nowhere\.json: ENOENT/);
    assert.equal((await desk.run(['explain', policy, 'a', 'b'])).exitCode, 2);
    assert.equal((await desk.run(['explain', 'nowhere.yaml'])).exitCode, 2);
  });

  it('writes no control character, whatever an event holds', async (t) => {
    const desk = new PolicyDesk(t);
    const policy = desk.policy('p.yaml', RULES);
    const evil = '\u001b]0;x\u0007\u202e\n';
    const line = auditLine({
      user: evil,
      name: evil,
      auditID: evil,
      stage: evil,
      level: evil,
      verb: evil,
    });
    const { out, err } = await desk.run(['explain', policy], `${line}\n`);
    assert.match(out, /\\x1b\]0;x\\x07\\u202e\\n/);
    assert.ok(!/[\u001b\u0007\u202e]/.test(out + err));
  });
});

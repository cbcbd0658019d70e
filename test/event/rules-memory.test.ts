/**
 * What was decided for one event decides for no other that its policy would judge in another way: a log that goes through
 * the rules at once gives what each of its events gives alone.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { attributesOf, heldBy } from '../../src/event/policy/attributes.ts';
import { outcomeOf } from '../../src/event/policy/outcome.ts';
import { judge, type Policy } from '../../src/event/policy/policy.ts';
import { Rewriter } from '../../src/event/rewrite/rewriter.ts';
import { EventRules, type RuleSet } from '../../src/event/rules.ts';
import { Scratch } from '../../src/event/scratch.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { anyPolicy, policyOf } from '../support/audit-policies.ts';
import { blockOf } from '../support/blocks.ts';

const rewriter = new Rewriter({ redaction: undefined, bodies: 'object', dedot: false });
const redaction = { paths: [], configMaps: true, env: true, hashKey: undefined };
const redacting = new Rewriter({ redaction, bodies: 'object', dedot: false });
const scratch = new Scratch(0);

/** What of a log goes out. */
function linesOf(ruleSet: RuleSet, lines: readonly string[]): readonly string[] {
  const writer = new JsonWriter(new Shipper({ fields: {}, coordinates: false }));
  const transcoder = new BlockTranscoder(writer, Date.now, new EventRules(ruleSet));
  const { payload } = transcoder.transcode(blockOf(lines.map((line) => `${line}\n`).join('')));
  return Buffer.concat(payload).toString().split('\n').slice(0, -1);
}

/** The auditID and the level of each event that goes out. */
function shipped(policy: Policy, lines: readonly string[]): readonly string[] {
  return linesOf({ policy, rewriter }, lines).map(nameOf);
}

function nameOf(line: string): string {
  const { auditID, level } = JSON.parse(line) as {
    readonly auditID: string;
    readonly level: string;
  };
  return `${auditID} ${level}`;
}

/** As the policy says of each event by itself. */
function expected(policy: Policy, lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => {
    const bytes = Buffer.from(line);
    const core = scratch.hold(bytes);
    assert.equal(core.judge(bytes.length), 'object');
    const outcome = outcomeOf(judge(policy, attributesOf(core)), heldBy(core));
    if (outcome.kind === 'drop') return [];
    if (outcome.kind === 'keep') return [nameOf(line)];
    return [nameOf(line).replace(/ .*/, ` ${outcome.level}`)];
  });
}

/** Paths that name a namespace, that name none, and some that only look as if. */
const URIS = [
  '/healthz',
  '/healthz/etcd?verbose',
  '/metrics',
  '/api/v1/pods',
  '/api/v1/namespaces/web/pods',
  '/api/v1/namespaces/web/pods/a',
  '/api/v1/namespaces/web/pods/a?x=/namespaces/kube-system/pods',
  '/api/v1/namespaces/kube-system/pods/b',
  '/api/v1/watch/namespaces/web/pods',
  '/api/v1/%6eamespaces/web/pods',
  '/api/v1//namespaces/web/pods',
  '/api/v1/secrets/namespaces/web',
  '/apis/apps/v1/pods',
  '/apis/apps/v1/namespaces/web/pods/a/log',
  '/apis/apps/namespaces/web/pods/a',
  '/apis/namespaces/web/pods/a',
];

const anyEvent = fc
  .record({
    level: fc.constantFrom('Metadata', 'RequestResponse'),
    stage: fc.constantFrom('RequestReceived', 'ResponseComplete'),
    requestURI: fc.constantFrom(...URIS),
    verb: fc.constantFrom('get', 'create'),
    username: fc.constantFrom('ada', 'eve'),
    objectRef: fc.option(
      fc.record(
        {
          resource: fc.constantFrom('pods', 'secrets', 'configmaps', 'serviceaccounts'),
          namespace: fc.constantFrom('web', 'kube-system'),
          name: fc.constantFrom('a', 'b'),
          apiGroup: fc.constant('apps'),
        },
        { requiredKeys: ['resource'] },
      ),
      { nil: undefined },
    ),
    code: fc.constantFrom(200, 403, 422),
  })
  .map(({ username, code, ...event }) => ({
    ...event,
    user: { username, groups: ['staff'] },
    responseStatus: { code },
  }));

describe('rules that remember', () => {
  it('decide for each event as if it were the only one', () => {
    fc.assert(
      fc.property(anyPolicy, fc.array(anyEvent, { maxLength: 60 }), (policy, events) => {
        const lines = events.map((event, auditID) =>
          JSON.stringify({ auditID: `${auditID}`, ...event }),
        );
        assert.deepEqual(shipped(policy, lines), expected(policy, lines));
      }),
      { numRuns: 300 },
    );
  });

  it('redact of each event what they would if it were the only one', () => {
    const data = fc.constantFrom(undefined, { data: { a: 'hush' } }, { spec: { token: 'hush' } });
    const anyBodies = fc.record({ requestObject: data, responseObject: data });
    const subresource = fc.constantFrom(undefined, 'token', 'exec');
    const query = fc.constantFrom('', '?command=hush', '?watch=1');
    const status = fc.constantFrom(undefined, {}, { code: 200 }, { code: 403 }, { code: 422 });
    const held = fc.tuple(anyEvent, anyBodies, subresource, query, status);
    fc.assert(
      fc.property(fc.array(held, { maxLength: 60 }), (events) => {
        const lines = events.map(([event, bodies, sub, rest, responseStatus]) => {
          const { objectRef, requestURI } = event;
          const ref = objectRef && { ...objectRef, apiGroup: undefined, subresource: sub };
          const uri = { requestURI: requestURI + rest, objectRef: ref };
          const quoted = responseStatus && { ...responseStatus, message: 'hush' };
          return JSON.stringify({ ...event, ...uri, responseStatus: quoted, ...bodies });
        });
        const ruleSet = { policy: undefined, rewriter: redacting };
        assert.deepEqual(
          linesOf(ruleSet, lines),
          lines.flatMap((line) => linesOf(ruleSet, [line])),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('take an answer whose code says nothing for one that may quote a secret, whatever came before it', () => {
    const about = { level: 'Metadata', verb: 'create', objectRef: { resource: 'secrets' } };
    const answers = [
      {},
      { responseStatus: null },
      { responseStatus: { message: 'hush' } },
      ...['', 'x', '422', null, [], {}].map((code) => ({
        responseStatus: { code, message: 'hush' },
      })),
    ];
    const lines = answers.map((answer) => JSON.stringify({ ...about, ...answer }));
    const shippedLines = linesOf({ policy: undefined, rewriter: redacting }, lines);
    assert.equal(shippedLines.length, lines.length);
    assert.doesNotMatch(shippedLines.join('\n'), /hush/);
  });

  it('tell paths of no resource apart, also those that are too long to be remembered', () => {
    const long = `/${'x'.repeat(300)}`;
    const policy = policyOf([
      `level: None\nnonResourceURLs: [/healthz, /metrics/a, '${long}']`,
      'level: Metadata',
    ]);
    const paths = ['/healthz', '/metrics', '/healthz?verbose', '/metrics/a', '/healthz/x'];
    const all = [...paths, long, `${long}y`, `${long}?a`];
    const lines = [...all, ...all].map((requestURI, auditID) =>
      JSON.stringify({ level: 'Metadata', auditID: `${auditID}`, requestURI, verb: 'get' }),
    );
    assert.deepEqual(shipped(policy, lines), expected(policy, lines));
    assert.equal(shipped(policy, lines).length, 6);
  });

  it('let nobody hide behind the namespace of another request', () => {
    const policy = policyOf(['level: None\nnamespaces: [noisy]', 'level: Metadata']);
    const base = '/apis/rbac.authorization.k8s.io/v1';
    const denied = (auditID: string, path: string): string =>
      JSON.stringify({
        level: 'Metadata',
        auditID,
        stage: 'ResponseComplete',
        requestURI: base + path,
        verb: 'create',
        user: { username: 'eve' },
        // kube-apiserver took the second one's namespace from its body.
        objectRef: { resource: 'clusterroles', namespace: 'noisy', apiVersion: 'v1' },
        responseStatus: { code: 403 },
      });
    for (const path of ['/namespaces/noisy/clusterroles', '/%6eamespaces/noisy/clusterroles']) {
      const lines = [denied('first', path), denied('second', '/clusterroles')];
      assert.deepEqual(shipped(policy, lines), ['second Metadata'], path);
    }
  });
});

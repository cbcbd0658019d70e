/**
 * Rules over many events: what is decided once for all events with a subject is what would be decided for each, and
 * what is decided of an event is done to it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Core } from '../../src/event/core.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { attributesOf, heldBy, type Attributes } from '../../src/event/policy/attributes.ts';
import { outcomeOf } from '../../src/event/policy/outcome.ts';
import { judge, LEVELS, STAGES, type Policy } from '../../src/event/policy/policy.ts';
import { Rewriter, type RewriteOptions } from '../../src/event/rewrite/rewriter.ts';
import { EventRules, type RuleSet } from '../../src/event/rules.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { anyPolicy, anyRequest, policyOf } from '../support/audit-policies.ts';
import { blockOf } from '../support/blocks.ts';
import { plantedEvents, PLANTED_REDACTION } from '../support/planted.ts';
import { forwardWriter, NOTHING_ADDED } from '../support/writers.ts';

const AS_IT_IS: RewriteOptions = { redaction: undefined, bodies: 'object', dedot: false };
const REDACT: RewriteOptions = { ...AS_IT_IS, redaction: PLANTED_REDACTION };
/** Without paths of the user's choice, which let no event go unseen. */
const USUAL: RewriteOptions = {
  ...AS_IT_IS,
  redaction: { paths: [], configMaps: false, env: false, hashKey: undefined },
};
const SLAB_BYTES = 64 * 1024;

function transcoderOf(ruleSet: RuleSet | undefined): BlockTranscoder {
  const writer = new JsonWriter(new Shipper({ fields: {}, coordinates: false }));
  return new BlockTranscoder(writer, () => 0, new EventRules(ruleSet));
}

/** What goes out for a block, which stands in a slab. */
function sent(transcoder: BlockTranscoder, lines: readonly string[]): Buffer {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const { slab } = transcoder.makeSlab(Math.max(1, bytes.length));
  slab.set(bytes);
  return Buffer.concat(transcoder.transcode(blockOf(slab.subarray(0, bytes.length))).payload);
}

/** The lines of it. */
function shipped(transcoder: BlockTranscoder, lines: readonly string[]): readonly string[] {
  return sent(transcoder, lines).toString().split('\n').slice(0, -1);
}

const core = new Core(SLAB_BYTES, 0);

/** What is to become of a line, without anything that is remembered. */
function expected(line: string, policy: Policy | undefined, rewriter: Rewriter): string[] {
  const bytes = Buffer.from(line);
  core.slab.set(bytes);
  core.rewind();
  assert.equal(core.judge(bytes.length), 'object');
  const attributes = attributesOf(core);
  const outcome = policy && outcomeOf(judge(policy, attributes), heldBy(core));
  if (outcome?.kind === 'drop') return [];
  const { group = '', resource = '', subresource = '' } = attributes.resource ?? {};
  const isResource = attributes.resource !== undefined;
  const what = { group, resource, subresource, verb: attributes.verb, isResource };
  const level = outcome?.kind === 'lower' ? outcome.level : undefined;
  const wish = { level, omitManagedFields: outcome?.omitManagedFields ?? false };
  return [rewriter.rewrite(bytes, what, wish).line.toString()];
}

interface EventOptions {
  readonly level?: string | undefined;
  readonly stage?: string | undefined;
  readonly bodies?: readonly unknown[];
  readonly query?: string;
}

function eventOf(
  request: Attributes,
  { level, stage, bodies = [], query = '' }: EventOptions,
): string {
  const { user, groups, verb, resource, path } = request;
  const { group, ...ref } = resource ?? { group: '' };
  const [requestObject, responseObject] = bodies;
  return JSON.stringify({
    kind: 'Event',
    level,
    stage,
    requestURI: path + query,
    verb,
    user: { username: user, groups },
    objectRef: resource && { ...ref, apiGroup: group },
    responseStatus: { code: 200 },
    requestObject,
    responseObject,
  });
}

const body = fc.constantFrom(
  undefined,
  { kind: 'A', metadata: { managedFields: [{ a: 1 }] } },
  { data: { a: 'b' }, spec: { token: 'c' } },
);
const anyEvent = fc
  .record({
    request: anyRequest,
    level: fc.constantFrom(...LEVELS, undefined),
    stage: fc.constantFrom(...STAGES, undefined),
    bodies: fc.array(body, { maxLength: 2 }),
    query: fc.constantFrom('', '?limit=5', '?token=x', '?command=ls&command=-l'),
  })
  .map(({ request, ...options }) => eventOf(request, options));
const options = fc.constantFrom<RewriteOptions>(
  AS_IT_IS,
  USUAL,
  REDACT,
  { ...USUAL, bodies: 'drop' },
  { ...AS_IT_IS, bodies: 'string' },
  { ...REDACT, dedot: true },
);

describe('rules over many events', () => {
  it('do to each what they would do to it alone', () => {
    const policies = fc.option(anyPolicy, { nil: undefined });
    const check = fc.property(
      policies,
      options,
      fc.array(anyEvent, { minLength: 1, maxLength: 12 }),
      (policy, rewriting, events) => {
        const rewriter = new Rewriter(rewriting);
        const transcoder = transcoderOf({ policy, rewriter });
        const rules = new EventRules({ policy, rewriter });
        const encoder = new BlockTranscoder(forwardWriter(NOTHING_ADDED), () => 0, rules);
        const plain = new BlockTranscoder(forwardWriter(NOTHING_ADDED), () => 0);
        // Twice: the second time all is remembered that is.
        for (const lines of [events, events.toReversed(), events]) {
          const wanted = lines.flatMap((line) => expected(line, policy, rewriter));
          assert.deepEqual(shipped(transcoder, lines), wanted);
          assert.deepEqual(sent(encoder, lines), sent(plain, wanted));
        }
      },
    );
    fc.assert(check, { numRuns: 1500 });
  });

  it('take out whatever is planted, in whatever order it comes', () => {
    const rewriter = new Rewriter(REDACT);
    const lines = plantedEvents().map(({ line }) => line);
    const transcoder = transcoderOf({ policy: undefined, rewriter });
    const wanted = lines.flatMap((line) => expected(line, undefined, rewriter));
    for (let round = 0; round < 3; round++) assert.deepEqual(shipped(transcoder, lines), wanted);
  });

  it('hold from the moment on that they are told', () => {
    const rewriter = new Rewriter(AS_IT_IS);
    const rules = new EventRules(undefined);
    const writer = new JsonWriter(new Shipper({ fields: {}, coordinates: false }));
    const transcoder = new BlockTranscoder(writer, () => 0, rules);
    const line = '{"level":"Metadata","verb":"get","user":{"username":"ada"}}';
    const all = policyOf(['{level: Metadata}']);
    const none = policyOf(['{level: None}']);
    assert.deepEqual(shipped(transcoder, [line]), [line]);
    for (const policy of [none, all, none]) {
      rules.use({ policy, rewriter });
      for (let round = 0; round < 2; round++) {
        assert.deepEqual(shipped(transcoder, [line]), policy === all ? [line] : []);
      }
    }
    rules.use(undefined);
    assert.deepEqual(shipped(transcoder, [line]), [line]);
  });
});

describe('what an event alone decides', () => {
  const eventFor = (path: string, name: string): string =>
    `{"level":"Metadata","verb":"get","requestURI":"${path}","user":{"username":"ada"},"objectRef":{"resource":"things","name":"${name}"}}`;

  it('a name: each is asked, whatever was decided for another', () => {
    const policy = policyOf([
      '{level: None, resources: [{group: "", resources: [things], resourceNames: [quiet]}]}',
      '{level: Metadata}',
    ]);
    const transcoder = transcoderOf({ policy, rewriter: new Rewriter(AS_IT_IS) });
    const [quiet, loud] = [
      eventFor('/api/v1/things/a', 'quiet'),
      eventFor('/api/v1/things/a', 'loud'),
    ];
    for (const lines of [
      [loud, quiet, loud, quiet],
      [quiet, loud],
    ]) {
      assert.deepEqual(
        shipped(transcoder, lines),
        lines.filter((line) => line === loud),
      );
    }
  });

  it('a secret in its URI: each is looked at, whatever stood in another', () => {
    const transcoder = transcoderOf({ policy: undefined, rewriter: new Rewriter(USUAL) });
    const harmless = eventFor('/api/v1/things/a?token=', 'a');
    const token = eventFor('/api/v1/things/a?token=pl4nt3d', 'a');
    for (const lines of [
      [harmless, token, harmless],
      [token, harmless, token],
    ]) {
      const [...out] = shipped(transcoder, lines);
      assert.equal(out.length, lines.length);
      assert.doesNotMatch(out.join('\n'), /pl4nt3d/);
      for (const [index, line] of lines.entries()) {
        assert.equal(out[index] === harmless, line === harmless);
      }
    }
  });
});

describe('a namespace that an object added to objectRef', () => {
  const create = (path: string, namespace: string): string =>
    `{"level":"Metadata","verb":"create","requestURI":"${path}","user":{"username":"eve"},"objectRef":{"resource":"things","namespace":"${namespace}","name":"a"}}`;

  it('chooses no rule, also not for those that come after', () => {
    const policy = policyOf(['{level: None, namespaces: [quiet]}', '{level: Metadata}']);
    const transcoder = transcoderOf({ policy, rewriter: new Rewriter(AS_IT_IS) });
    const added = create('/apis/a.example/v1/things', 'quiet');
    const own = create('/apis/a.example/v1/namespaces/quiet/things', 'quiet');
    for (const lines of [
      [added, own, added],
      [own, added, own],
    ]) {
      const kept = lines.filter((line) => line === added);
      assert.deepEqual(shipped(transcoder, lines), kept);
    }
  });
});

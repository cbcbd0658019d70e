/**
 * An event of which the core says where its fields are becomes, byte for byte, what it becomes when nobody knows and it
 * is gone through from its first byte on: whatever its members are, in whatever order, however often and however written.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Core } from '../../../src/event/core.ts';
import type { EventBytes } from '../../../src/event/rewrite/event-editor.ts';
import { Rewriter, type RewriteOptions } from '../../../src/event/rewrite/rewriter.ts';
import { space } from '../../support/json-texts.ts';
import { keysOf, scalar, textOf, trees, type Tree } from '../../support/json-trees.ts';
import { plantedEvents, PLANTED_REDACTION } from '../../support/planted.ts';
import { NOTHING_WISHED, whatOf } from '../../support/rewriting.ts';

const SLAB_BYTES = 256 * 1024;
const FIRST = '{"level":"Metadata","requestObject":{}}\n';
const RUNS = { numRuns: 3000 };

const core = new Core(SLAB_BYTES, 0);
core.setStyle({ format: 'json' });
core.setRuling({ asksWho: true, rule: () => 'stop' });

/** An event in the core's slab, behind another one, and what the core knows of it. */
function known(line: Buffer): EventBytes {
  const block = Buffer.concat([Buffer.from(FIRST), line, Buffer.from('\n')]);
  block.copy(core.slab);
  core.rewind();
  const { end: start, reason } = core.run(FIRST.length, block.length, 0);
  assert.equal(reason, 'ruled');
  return { bytes: core.slab, start, end: core.endOfRuled - 1, known: core };
}

const scalars = (...texts: readonly string[]): fc.Arbitrary<Tree> =>
  fc.constantFrom(...texts).map(scalar);

const odd = scalars('null', '7', '""', '"a"', '[]', '[{"data":{"a":"b"}}]');
const body = fc.oneof(
  { weight: 4, arbitrary: trees(['data', 'items', 'metadata', 'managedFields', 'message', 'a']) },
  { weight: 1, arbitrary: odd },
);
const annotations = fc.oneof(
  {
    weight: 4,
    arbitrary: trees([
      'a',
      'b',
      'audit-shipper.io/redacted',
      'patch.webhook.admission.k8s.io/round_0_index_0',
      'authorization.k8s.io/reason',
    ]),
  },
  { weight: 1, arbitrary: odd },
);
const VALUES: Readonly<Record<string, fc.Arbitrary<Tree>>> = {
  level: scalars('"Metadata"', '"Request"', '"RequestResponse"', '"Re\\u0071uest"', 'null', '{}'),
  requestURI: scalars(
    '"/a"',
    '"/a?command=ls\\u0026x=y\\u0026command=%2Fbin"',
    '"/a?to%6ben=é\\u00e9;b&c"',
    '"\\/a\\u003ftoken=b"',
    '"/a?next=%3Ftoken=b#token=c"',
    'null',
    '["?token=a"]',
  ),
  responseStatus: fc.oneof(
    scalars(
      '{"code":200,"message":"a"}',
      '{ "code" : 422,"message":"a","details":{"causes":[{"message":"b"}]}}',
      '{"code":200,"\\u0063ode":400,"message":"a"}',
    ),
    odd,
  ),
  requestObject: body,
  responseObject: body,
  annotations,
  user: body,
  verb: odd,
  unknown: body,
};

const member = fc
  .constantFrom(...Object.keys(VALUES))
  .chain((name) => fc.tuple(keysOf([name]), VALUES[name] ?? odd))
  .map(([key, value]) => ({ ...key, value }));
const event = fc
  .record({
    members: fc.array(member, { maxLength: 9 }),
    blank: space,
    before: space,
    behind: space,
  })
  .map(
    ({ before, behind, ...object }) => `${before}${textOf({ kind: 'object', ...object })}${behind}`,
  );

const PATHS = [
  'user.data',
  'annotations.a',
  'annotations',
  'level',
  'requestURI',
  'verb',
  'body.a',
];
const options: fc.Arbitrary<RewriteOptions> = fc.record({
  redaction: fc.option(
    fc.record({
      paths: fc.subarray(PATHS, { maxLength: 2 }),
      configMaps: fc.boolean(),
      env: fc.boolean(),
      hashKey: fc.constantFrom(undefined, undefined, Buffer.from('a key')),
    }),
    { nil: undefined },
  ),
  bodies: fc.constantFrom('object', 'object', 'string', 'drop'),
  dedot: fc.constantFrom(false, false, false, true),
});
const about = fc
  .tuple(
    fc.constantFrom('/secrets/', '/pods/exec', '/pods/', 'apps/deployments/', ''),
    fc.constantFrom('get', 'patch'),
  )
  .map(([of, verb]) => whatOf(of, verb));
const wish = fc.record({
  level: fc.constantFrom(undefined, 'Metadata' as const, 'Request' as const),
  omitManagedFields: fc.boolean(),
});

describe('an event whose fields the core knows', () => {
  it('becomes what it becomes without the core', () => {
    fc.assert(
      fc.property(options, about, wish, event, (some, what, wished, text) => {
        const rewriter = new Rewriter(some);
        const line = Buffer.from(text);
        const expected = rewriter.rewrite(line, what, wished);
        const { line: edited, redacted } = rewriter.edit(
          known(line),
          rewriter.planFor(what, wished),
        );
        assert.equal(edited.toBuffer().toString(), expected.line.toString());
        assert.equal(redacted, expected.redacted);
        assert.equal(edited.length, expected.line.length);
        JSON.parse(expected.line.toString());
      }),
      RUNS,
    );
  });

  it('loses what is planted as it does without the core', () => {
    const rewriter = new Rewriter({
      redaction: PLANTED_REDACTION,
      bodies: 'object',
      dedot: false,
    });
    for (const { line: text, what } of plantedEvents()) {
      const line = Buffer.from(text);
      const expected = rewriter.rewrite(line, what, NOTHING_WISHED).line.toString();
      const { line: edited } = rewriter.edit(known(line), rewriter.planFor(what, NOTHING_WISHED));
      assert.equal(edited.toBuffer().toString(), expected);
    }
  });
});

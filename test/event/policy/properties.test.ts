/** What must hold of any policy and any request, and of real events. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { attributesOf, heldBy, type Attributes } from '../../../src/event/policy/attributes.ts';
import { outcomeOf } from '../../../src/event/policy/outcome.ts';
import {
  judge,
  judgeWithoutName,
  LEVELS,
  STAGES,
  mismatchOf,
  type Policy,
} from '../../../src/event/policy/policy.ts';
import { readPolicy } from '../../../src/event/policy/read-policy.ts';
import { Scratch } from '../../../src/event/scratch.ts';
import { anyPolicy, anyRequest } from '../../support/audit-policies.ts';
import { projectRoot, sharedData } from '../../support/project.ts';

describe('any policy', () => {
  it('judges by the first rule that matches', () => {
    fc.assert(
      fc.property(anyPolicy, anyRequest, (policy, request) => {
        const { rule, level } = judge(policy, request);
        const before = policy.rules.slice(0, (rule ?? Infinity) - 1);
        assert.ok(before.every((one) => mismatchOf(one, request) !== undefined));
        const matching = rule === undefined ? undefined : policy.rules[rule - 1];
        if (matching === undefined) assert.equal(level, 'None');
        else assert.equal(mismatchOf(matching, request), undefined);
      }),
    );
  });

  it('says without name and path what it says with them, or nothing', () => {
    let known = 0;
    let unknown = 0;
    fc.assert(
      fc.property(anyPolicy, anyRequest, (policy, request) => {
        const early = judgeWithoutName(policy, request);
        if (early === undefined) unknown += 1;
        else {
          known += 1;
          assert.equal(early, judge(policy, request));
        }
      }),
      { numRuns: 1000 },
    );
    assert.ok(known > 0 && unknown > 0, `${known} known, ${unknown} unknown`);
  });

  it('says nothing only where another name or path could matter', () => {
    fc.assert(
      fc.property(anyPolicy, anyRequest, (policy, request) => {
        if (judgeWithoutName(policy, request) !== undefined) return;
        const asksFor = (one: Policy['rules'][number]): boolean =>
          one.urls.length > 0 || one.resources.some(({ names }) => names.size > 0);
        assert.ok(policy.rules.some(asksFor));
      }),
    );
  });

  it('only lowers, keeps, or drops', () => {
    const level = fc.constantFrom(...LEVELS, '', 'unknown');
    const stage = fc.constantFrom(...STAGES, '');
    fc.assert(
      fc.property(anyPolicy, anyRequest, level, stage, (policy, request, held, at) => {
        const verdict = judge(policy, request);
        const outcome = outcomeOf(verdict, { level: held, stage: at });
        assert.equal(
          outcome.kind === 'drop',
          verdict.level === 'None' || verdict.omitStages.has(at),
        );
        if (outcome.kind !== 'lower') return;
        assert.equal(outcome.level, verdict.level);
        const rank = LEVELS.findIndex((one) => one === held);
        assert.ok(rank === -1 || LEVELS.indexOf(outcome.level) < rank);
      }),
    );
  });
});

const data = sharedData() ?? '';
const skip = data === '' && 'there is no ../shared/data beside the checkout';
const files = data === '' ? [] : readdirSync(data, { recursive: true, encoding: 'utf8' });
const paths = files.filter((path) => /\/.*\.(?:log|jsonl?|gz|1)$/.test(path));
const scratch = new Scratch(0);

interface Seen {
  readonly attributes: Attributes;
  readonly level: string;
  readonly stage: string;
  readonly event: Readonly<Record<string, unknown>>;
}

function* eventsIn(path: string): Generator<Seen> {
  const bytes = readFileSync(join(data, path));
  const content = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(10, start);
    const line = content.subarray(start, newline === -1 ? content.length : newline);
    start += line.length + 1;
    const core = scratch.hold(line);
    if (core.judge(line.length) !== 'object') continue;
    const event = JSON.parse(line.toString('utf8')) as Seen['event'];
    yield { attributes: attributesOf(core), ...heldBy(core), event };
  }
}

interface ObjectRef {
  readonly namespace?: string;
  readonly name?: string;
}

describe('real events', { skip }, () => {
  const folder = join(projectRoot(), 'manifests', 'auditing');
  const policies = readdirSync(folder)
    .filter((name) => name.startsWith('policy-'))
    .map((name) => readPolicy(readFileSync(join(folder, name), 'utf8')));

  for (const path of paths) {
    it(`are judged alike with and without their names: ${path}`, () => {
      for (const { attributes } of eventsIn(path)) {
        for (const policy of policies) {
          const verdict = judge(policy, attributes);
          assert.equal(judgeWithoutName(policy, attributes) ?? verdict, verdict);
        }
      }
    });

    it(`have in their path what objectRef says, if kube-apiserver wrote them: ${path}`, () => {
      for (const { attributes, event } of eventsIn(path)) {
        const { resource, verb } = attributes;
        const ref = event['objectRef'] as ObjectRef | undefined;
        if (resource === undefined || verb === 'create') continue;
        assert.deepEqual(
          [resource.namespace, resource.name],
          [ref?.namespace ?? '', ref?.name ?? ''],
          `${verb} ${attributes.path}`,
        );
      }
    });
  }
});

/** What becomes of an event: every level that it may hold with every level of a policy, and stages. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcomeOf } from '../../../src/event/policy/outcome.ts';
import { LEVELS, STAGES, type Level, type Verdict } from '../../../src/event/policy/policy.ts';

const ENFORCE = 'pkg/audit/policy/enforce_test.go TestEnforcePolicy';

function verdict(level: Level, more: Partial<Verdict> = {}): Verdict {
  return { rule: 1, level, omitStages: new Set(), omitManagedFields: false, ...more };
}

function shown(held: string, wanted: Level): string {
  const outcome = outcomeOf(verdict(wanted), { level: held, stage: 'ResponseComplete' });
  return outcome.kind === 'lower' ? outcome.level : outcome.kind;
}

describe('the outcome', () => {
  const ROWS: readonly (readonly [held: string, ...string[]])[] = [
    // The policy says None, Metadata, Request, RequestResponse.
    ['Metadata', 'drop', 'keep', 'keep', 'keep'],
    ['Request', 'drop', 'Metadata', 'keep', 'keep'],
    ['RequestResponse', 'drop', 'Metadata', 'Request', 'keep'],
    ['None', 'drop', 'keep', 'keep', 'keep'],
    // Nobody knows what it holds.
    ['', 'drop', 'Metadata', 'Request', 'keep'],
    ['metadata', 'drop', 'Metadata', 'Request', 'keep'],
  ];
  for (const [held, ...expected] of ROWS) {
    it(`of an event at "${held}" [${ENFORCE}]`, () => {
      assert.deepEqual(
        LEVELS.map((level) => shown(held, level)),
        expected,
      );
    });
  }

  it('is a drop at a stage that is omitted, and at no other [pkg/endpoints/filters/audit.go processAuditEvent]', () => {
    for (const omitted of STAGES) {
      for (const stage of [...STAGES, '', 'panic']) {
        const said = verdict('Request', { omitStages: new Set([omitted]) });
        const outcome = outcomeOf(said, { level: 'Metadata', stage });
        if (stage === omitted) assert.deepEqual(outcome, { kind: 'drop', why: 'stage' });
        else assert.equal(outcome.kind, 'keep');
      }
    }
  });

  it('says why an event is dropped, the level first [evaluatePolicyAndCreateAuditEvent]', () => {
    const held = { level: 'Metadata', stage: 'Panic' };
    const omitStages = new Set(['Panic']);
    const byRule = outcomeOf(verdict('None', { omitStages }), held);
    assert.deepEqual(byRule, { kind: 'drop', why: 'rule' });
    const byNone = outcomeOf(verdict('None', { omitStages, rule: undefined }), held);
    assert.deepEqual(byNone, { kind: 'drop', why: 'no-rule' });
  });

  it('hands on whether managed fields are left out', () => {
    const said = { omitManagedFields: true };
    const held = { level: 'RequestResponse', stage: '' };
    assert.deepEqual(outcomeOf(verdict('Request', said), held), {
      kind: 'lower',
      level: 'Request',
      omitManagedFields: true,
    });
    assert.deepEqual(outcomeOf(verdict('RequestResponse', said), held), {
      kind: 'keep',
      omitManagedFields: true,
    });
  });
});

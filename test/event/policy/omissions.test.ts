/**
 * What a policy and its rules leave out, each with the place in kube-apiserver's source that it is derived from
 * (kubernetes/kubernetes, staging/src/k8s.io/apiserver).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge } from '../../../src/event/policy/policy.ts';
import { podRequest, policyOf } from '../../support/audit-policies.ts';

const CHECKER = 'pkg/audit/policy/checker.go';
const CHECKER_TEST = 'pkg/audit/policy/checker_test.go';
const POD = podRequest();

describe('what a policy omits', () => {
  const stages = (more: string, rules: readonly string[]): readonly string[] =>
    [...judge(policyOf(rules, more), POD).omitStages].toSorted();

  it(`is the union of both [${CHECKER_TEST} TestUnionStages, TestCheckerPolicyOmitStages]`, () => {
    assert.deepEqual(stages('', ['level: Request']), []);
    assert.deepEqual(stages('', ['level: Request\nomitStages: [Panic]']), ['Panic']);
    assert.deepEqual(stages('omitStages: [Panic]', ['level: Request']), ['Panic']);
    assert.deepEqual(
      stages('omitStages: [RequestReceived, Panic]', [
        'level: Request\nomitStages: [ResponseStarted, Panic, Panic]',
      ]),
      ['Panic', 'RequestReceived', 'ResponseStarted'],
    );
  });

  it(`is the policy's where no rule matches [${CHECKER} EvaluatePolicyRule]`, () => {
    const rules = ['level: Request\nverbs: [create]\nomitStages: [Panic]'];
    assert.deepEqual(stages('omitStages: [ResponseStarted]', rules), ['ResponseStarted']);
  });

  it(`is not taken over from other rules [${CHECKER} NewChecker]`, () => {
    const rules = ['level: None\nverbs: [create]\nomitStages: [Panic]', 'level: Request'];
    assert.deepEqual(stages('', rules), []);
  });

  const MANAGED: readonly (readonly [policy: string, rule: string, expected: boolean])[] = [
    ['', '', false],
    ['omitManagedFields: true', '', true],
    ['omitManagedFields: false', '', false],
    ['omitManagedFields: true', '\nomitManagedFields: false', false],
    ['omitManagedFields: false', '\nomitManagedFields: true', true],
    ['omitManagedFields: true', '\nomitManagedFields: null', true],
    ['omitManagedFields: null', '\nomitManagedFields: true', true],
    ['omitManagedFields: null', '', false],
  ];
  for (const [ofPolicy, ofRule, expected] of MANAGED) {
    const name = `managed fields: ${JSON.stringify([ofPolicy, ofRule])}`;
    it(`${name} [${CHECKER_TEST} TestOmitManagedFields]`, () => {
      const policy = policyOf([`level: Request${ofRule}`], ofPolicy);
      assert.equal(judge(policy, POD).omitManagedFields, expected);
    });
  }
});

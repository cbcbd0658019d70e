/**
 * `audit-shipper policy test|explain|diff`: what a policy would do to the events on disk. A policy that cannot be used is
 * wrong usage, with all that is wrong with it.
 */
import type { PolicyActions } from './policy/command-line.ts';
import { diffPolicies } from './policy/diff-policies.ts';
import { explainPolicy } from './policy/explain-policy.ts';
import { BadPolicy, complain } from './policy/load.ts';
import { testPolicy } from './policy/test-policy.ts';

const EXIT_USAGE = 2;

export const policyActions: PolicyActions = {
  policyTest: (options) => withGoodPolicy(() => testPolicy(options)),
  policyExplain: (options) => withGoodPolicy(() => explainPolicy(options)),
  policyDiff: (options) => withGoodPolicy(() => diffPolicies(options)),
};

async function withGoodPolicy(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    if (!(error instanceof BadPolicy)) throw error;
    complain(error.lines);
    return EXIT_USAGE;
  }
}

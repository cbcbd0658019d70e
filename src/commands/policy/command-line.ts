/**
 * The part of the command line below `policy`: its commands, options and help. Knows nothing of their work, and does not
 * load it.
 */
import type { Command } from 'commander';
import type { PolicyDiffOptions } from './diff-policies.ts';
import type { PolicyExplainOptions } from './explain-policy.ts';
import type { PolicyTestOptions } from './test-policy.ts';

/** Each resolves to the exit code. */
export interface PolicyActions {
  policyTest(options: PolicyTestOptions): Promise<number>;
  policyExplain(options: PolicyExplainOptions): Promise<number>;
  policyDiff(options: PolicyDiffOptions): Promise<number>;
}

const PATHS =
  'files, directories or globs of the audit log, as for shipping (default: /var/log/kubernetes)';

export function addPolicy(
  program: Command,
  actions: PolicyActions,
  finish: (exitCode: number) => void,
): void {
  const policy = program
    .command('policy')
    .summary('try an audit policy on the events on disk')
    .description(
      'try an audit policy (audit.k8s.io/v1, as kube-apiserver reads it) on the events on disk. Nothing is shipped.',
    );
  addTest(policy, actions, finish);
  addExplain(policy, actions, finish);
  addDiff(policy, actions, finish);
}

function addTest(
  policy: Command,
  actions: PolicyActions,
  finish: (exitCode: number) => void,
): void {
  policy
    .command('test')
    .summary('how much of the log a policy keeps, lowers and drops, rule by rule')
    .description(
      'replay what is on disk through a policy: for each rule how many events and bytes are kept, lowered to its ' +
        'level, or dropped, and which rules matched nothing',
    )
    .argument('<policy>', 'file of the policy, YAML or JSON')
    .argument('[paths...]', PATHS)
    .option('--strict', 'a rule that matched nothing, or can match nothing, is a fault')
    .option('--json', 'as JSON (default: a table)')
    .addHelpText('after', TEST_HELP)
    .action(async (file: string, paths: string[], flags: { strict?: true; json?: true }) => {
      const defaults = { strict: false, json: false };
      finish(await actions.policyTest({ ...defaults, ...flags, policy: file, paths }));
    });
}

const TEST_HELP = `
Examples:
  audit-shipper policy test policy.yaml /var/log/kubernetes
  # in CI, with events that were kept for it
  audit-shipper policy test --strict policy.yaml samples/audit.log.gz
  # how many bytes are left, for a program
  audit-shipper policy test --json policy.yaml | jq .all.shippedBytes

Exit codes: 0 done, 1 something could not be read, or --strict found a fault,
            2 wrong usage, or the policy is wrong`;

function addExplain(
  policy: Command,
  actions: PolicyActions,
  finish: (exitCode: number) => void,
): void {
  policy
    .command('explain')
    .summary('which rule an event matches, and why the others do not')
    .description(
      'say which rule of a policy an event matches, for each rule before it why it does not, and what is shipped. ' +
        'The event comes from a file or standard input, or from the log by its auditID',
    )
    .argument('<policy>', 'file of the policy, YAML or JSON')
    .argument(
      '[paths...]',
      'a file with an event (default: standard input); with --audit-id the audit log, as for shipping',
    )
    .option('--audit-id <id>', 'look for the events of this request in the log')
    .option('--json', 'as JSON, one line for each event (default: text)')
    .addHelpText('after', EXPLAIN_HELP)
    .action(async (file: string, paths: string[], flags: { auditId?: string; json?: true }) => {
      const defaults = { auditId: undefined, json: false };
      finish(await actions.policyExplain({ ...defaults, ...flags, policy: file, paths }));
    });
}

const EXPLAIN_HELP = `
Examples:
  tail -n 1 /var/log/kubernetes/audit.log | audit-shipper policy explain policy.yaml
  audit-shipper policy explain policy.yaml event.json
  audit-shipper policy explain policy.yaml /var/log/kubernetes \\
    --audit-id 5e1f4a2c-0000-4000-8000-000000000007

Exit codes: 0 explained, 1 there is no such event, or not all could be read,
            2 wrong usage, or the policy is wrong`;

function addDiff(
  policy: Command,
  actions: PolicyActions,
  finish: (exitCode: number) => void,
): void {
  policy
    .command('diff')
    .summary('which events another policy treats in another way')
    .description(
      'count the events on disk that two policies treat in different ways, by what is shipped of them, with examples',
    )
    .argument('<a>', 'file of a policy')
    .argument('<b>', 'file of the other one')
    .argument('[paths...]', PATHS)
    .option('--json', 'as JSON (default: a table and examples)')
    .addHelpText('after', DIFF_HELP)
    .action(async (a: string, b: string, paths: string[], flags: { json?: true }) => {
      finish(await actions.policyDiff({ json: false, ...flags, a, b, paths }));
    });
}

const DIFF_HELP = `
Examples:
  audit-shipper policy diff old.yaml new.yaml /var/log/kubernetes
  # what a commit changes
  git show HEAD~:policy.yaml | audit-shipper policy diff /dev/stdin policy.yaml samples

Exit codes, as those of diff(1): 0 all alike, 1 not, 2 wrong usage, a policy is wrong,
            or something could not be read`;

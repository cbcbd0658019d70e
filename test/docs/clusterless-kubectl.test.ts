/** What stands for kubectl in the documents refuses what a cluster would refuse. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { hasKubectl } from '../support/kubectl.ts';
import { projectRoot } from '../support/project.ts';

function kubectl(...args: readonly string[]) {
  const program = join(projectRoot(), 'dist', 'test', 'support', 'clusterless-kubectl.js');
  // It takes the first directory of the path for its own.
  const PATH = `/nowhere${delimiter}${process.env['PATH'] ?? ''}`;
  const options = { cwd: projectRoot(), env: { ...process.env, PATH } };
  return promisify(execFile)(process.execPath, [program, ...args], options);
}

describe('kubectl without a cluster', () => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['a flag that is not there', ['apply', '--kustom', 'manifests/base'], /unknown flag/],
    ['a directory that is not there', ['apply', '--kustomize', 'manifests/none'], /none/],
    ['a command that is not there', ['aply', '--kustomize', 'manifests/base'], /unknown command/],
    [
      'an object that is not ours',
      ['--namespace', 'logging', 'logs', 'daemonset/audit-shipper'],
      /daemonset\/audit-shipper is not in the manifests/,
    ],
    ['what needs no cluster', ['version', '--client'], /needs no cluster/],
  ];
  for (const [name, args, expected] of cases) {
    it(`refuses ${name}`, async (t) => {
      if (!hasKubectl(t)) return;
      await assert.rejects(kubectl(...args), ({ stderr }: { readonly stderr: string }) => {
        assert.match(stderr, expected);
        return true;
      });
    });
  }

  it('takes what a cluster would take', async (t) => {
    if (!hasKubectl(t)) return;
    await kubectl('--namespace', 'audit-shipper', 'logs', 'daemonset/audit-shipper', '--tail', '5');
  });
});

/** The audit policies and the patch for kubeadm: they are what kube-apiserver takes, and no policy writes a secret down. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { IPod } from 'kubernetes-models/v1/Pod';
import { parse } from 'yaml';
import { judge } from '../../src/event/policy/policy.ts';
import { readPolicy } from '../../src/event/policy/read-policy.ts';
import { hasKubectl, kustomize } from '../support/kubectl.ts';
import { objectsIn, schemaProblems } from '../support/kubernetes-objects.ts';
import { MANIFESTS } from '../support/manifests.ts';

const FOLDER = join(MANIFESTS, 'auditing');

interface Rule {
  readonly level: string;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly resources?: readonly { readonly group: string; readonly resources: readonly string[] }[];
}

interface Policy {
  readonly apiVersion: string;
  readonly kind: string;
  readonly omitStages: readonly string[];
  readonly rules: readonly Rule[];
}

/** A request for a resource, as kube-apiserver matches it. */
interface Asked {
  readonly user: string;
  readonly groups?: readonly string[];
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
}

const POLICIES = readdirSync(FOLDER).filter((name) => name.startsWith('policy-'));

function policyIn(name: string): Policy {
  return parse(readFileSync(join(FOLDER, name), 'utf8')) as Policy;
}

function levelOf(name: string, { groups = [], group, resource: full, ...asked }: Asked): string {
  const [resource = '', subresource = ''] = full.split('/');
  const about = { group, resource, subresource, namespace: '', name: '' };
  const policy = readPolicy(readFileSync(join(FOLDER, name), 'utf8'));
  return judge(policy, { ...asked, groups, resource: about, path: '' }).level;
}

/** https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/ */
const POLICY_KEYS = ['apiVersion', 'kind', 'omitManagedFields', 'omitStages', 'rules'];
const RULE_KEYS = ['level', 'nonResourceURLs', 'resources', 'userGroups', 'users', 'verbs'];
const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'];

describe('the audit policies', () => {
  it('are the three that the documents name', () => {
    assert.deepEqual(POLICIES.toSorted(), [
      'policy-full.yaml',
      'policy-minimal.yaml',
      'policy-writes.yaml',
    ]);
  });

  for (const name of POLICIES) {
    const policy = policyIn(name);

    it(`${name}: has only keys and levels that kube-apiserver knows`, () => {
      assert.deepEqual([policy.apiVersion, policy.kind], ['audit.k8s.io/v1', 'Policy']);
      const unknown = Object.keys(policy).filter((key) => !POLICY_KEYS.includes(key));
      const inRules = policy.rules.flatMap((rule) => [
        ...Object.keys(rule).filter((key) => !RULE_KEYS.includes(key)),
        ...(LEVELS.includes(rule.level) ? [] : [rule.level]),
        // kube-apiserver refuses a rule about both.
        ...(rule.resources !== undefined && rule.nonResourceURLs !== undefined ? ['both'] : []),
      ]);
      assert.deepEqual([...unknown, ...inRules], []);
      assert.deepEqual(policy.omitStages, ['RequestReceived']);
    });

    it(`${name}: never writes the body of a secret or a token`, () => {
      for (const [group, resource] of [
        ['', 'secrets'],
        ['', 'serviceaccounts/token'],
        ['authentication.k8s.io', 'tokenreviews'],
      ] as const) {
        for (const verb of ['get', 'list', 'create', 'update', 'patch', 'delete']) {
          const level = levelOf(name, { user: 'alice', verb, group, resource });
          assert.ok(['None', 'Metadata'].includes(level), `${verb} ${resource}: ${level}`);
        }
      }
    });
  }

  it('write what they are for', () => {
    const node = { user: 'system:node:n1', groups: ['system:nodes'] };
    const cases: readonly (readonly [Asked, minimal: string, writes: string, full: string])[] = [
      [
        { user: 'alice', verb: 'create', group: 'apps', resource: 'deployments' },
        ...(['Metadata', 'Request', 'RequestResponse'] as const),
      ],
      [
        { user: 'alice', verb: 'get', group: '', resource: 'pods' },
        ...(['Metadata', 'None', 'Metadata'] as const),
      ],
      [
        { user: 'alice', verb: 'get', group: '', resource: 'pods/exec' },
        ...(['Metadata', 'Metadata', 'Metadata'] as const),
      ],
      [
        { user: 'alice', verb: 'get', group: '', resource: 'secrets' },
        ...(['Metadata', 'None', 'Metadata'] as const),
      ],
      [
        { ...node, verb: 'update', group: 'coordination.k8s.io', resource: 'leases' },
        ...(['None', 'None', 'None'] as const),
      ],
      [
        { ...node, verb: 'patch', group: '', resource: 'pods/status' },
        ...(['Metadata', 'None', 'Metadata'] as const),
      ],
    ];
    for (const [asked, ...expected] of cases) {
      const levels = ['minimal', 'writes', 'full'].map((name) =>
        levelOf(`policy-${name}.yaml`, asked),
      );
      assert.deepEqual(levels, expected, JSON.stringify(asked));
    }
  });
});

/** What matters of the static pod that kubeadm writes. */
const STATIC_POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'kube-apiserver', namespace: 'kube-system' },
  spec: {
    containers: [
      {
        name: 'kube-apiserver',
        image: 'kube-apiserver:v1',
        command: ['kube-apiserver'],
        volumeMounts: [{ name: 'k8s-certs', mountPath: '/etc/kubernetes/pki', readOnly: true }],
      },
    ],
    volumes: [{ name: 'k8s-certs', hostPath: { path: '/etc/kubernetes/pki' } }],
  },
};

describe('the patch for kubeadm', () => {
  it('turns auditing on, in directories of the host', (t) => {
    if (!hasKubectl(t)) return;
    const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-patch-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const patch = readFileSync(join(FOLDER, 'kubeadm', 'kube-apiserver+json.yaml'), 'utf8');
    writeFileSync(join(directory, 'patch.yaml'), patch);
    writeFileSync(join(directory, 'pod.yaml'), JSON.stringify(STATIC_POD));
    const patches = [{ path: 'patch.yaml', target: { kind: 'Pod' } }];
    const kustomization = { resources: ['pod.yaml'], patches };
    writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(kustomization));

    const objects = objectsIn(kustomize(directory));
    assert.deepEqual(schemaProblems(objects), []);
    const { spec } = objects[0] as unknown as IPod;
    const [container] = spec?.containers ?? [];
    const flags = (container?.command ?? []).slice(1).map((flag) => flag.split('='));
    assert.deepEqual(Object.fromEntries(flags), {
      '--audit-policy-file': '/etc/kubernetes/audit/policy.yaml',
      '--audit-log-path': '/var/log/kubernetes/audit/audit.log',
      '--audit-log-maxsize': '100',
      '--audit-log-maxbackup': '10',
      '--audit-log-maxage': '30',
    });
    const volumes = (spec?.volumes ?? []).slice(1).map(({ hostPath }) => hostPath);
    assert.deepEqual(volumes, [
      { path: '/etc/kubernetes/audit', type: 'Directory' },
      { path: '/var/log/kubernetes/audit', type: 'DirectoryOrCreate' },
    ]);
    const mounts = (container?.volumeMounts ?? []).slice(1);
    assert.deepEqual(
      mounts.map(({ mountPath, readOnly }) => [mountPath, readOnly]),
      [
        ['/etc/kubernetes/audit', true],
        ['/var/log/kubernetes/audit', undefined],
      ],
    );
  });
});

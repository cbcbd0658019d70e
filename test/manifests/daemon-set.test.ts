/** What the DaemonSet promises to the nodes: where it runs, what it sees of the host, and what it may do there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { IDaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import { parseDuration } from '../../src/config/units.ts';
import { parse } from 'yaml';
import { hasKubectl } from '../support/kubectl.ts';
import { objectsIn, onlyOf, type KubernetesObject } from '../support/kubernetes-objects.ts';
import { kustomizationsIn, MANIFESTS, rendered, renderedWith } from '../support/manifests.ts';

/** Where distributions write: what the agent is told to read, and the directories that it sees. */
const DISTRIBUTIONS: Readonly<Record<string, readonly [paths: string, mounts: readonly string[]]>> =
  {
    k3s: ['/var/lib/rancher/k3s/server/logs', ['/var/lib/rancher/k3s/server/logs']],
    rke2: ['/var/lib/rancher/rke2/server/logs', ['/var/lib/rancher/rke2/server/logs']],
    kubespray: ['/var/log/kubernetes/audit', ['/var/log/kubernetes/audit']],
    kops: ['/var/log/kube-apiserver-audit.log', ['/var/log']],
    microk8s: ['/var/log/apiserver', ['/var/log/apiserver']],
    talos: ['/var/log/audit/kube', ['/var/log/audit/kube']],
    openshift: [
      [
        '/var/log/kube-apiserver/audit.log',
        '/var/log/openshift-apiserver/audit.log',
        '/var/log/oauth-apiserver/audit.log',
        '/var/log/oauth-server/audit.log',
      ].join(','),
      [
        '/var/log/kube-apiserver',
        '/var/log/openshift-apiserver',
        '/var/log/oauth-apiserver',
        '/var/log/oauth-server',
      ],
    ],
  };
const STATE = '/var/lib/audit-shipper';

type PodSpec = NonNullable<NonNullable<IDaemonSet['spec']>['template']['spec']>;

function podOf(objects: readonly KubernetesObject[]): PodSpec {
  const pod = onlyOf(objects, 'DaemonSet').spec?.template.spec;
  assert.ok(pod);
  return pod;
}

function containerOf(pod: PodSpec) {
  const [container, ...more] = pod.containers;
  assert.ok(container !== undefined && more.length === 0 && pod.initContainers === undefined);
  return container;
}

/** Each path of the host that a container sees, as `host path → path in the container, mode`. */
function hostMounts(pod: PodSpec): string[] {
  const hostPaths = (pod.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined);
  const mounts = containerOf(pod).volumeMounts ?? [];
  return hostPaths.map(({ name, hostPath }) => {
    const mount = mounts.find((candidate) => candidate.name === name);
    assert.equal(mount?.subPath, undefined);
    return `${hostPath?.path} → ${mount?.mountPath}, ${mount?.readOnly === true ? 'ro' : 'rw'}`;
  });
}

/** What every way of applying it must keep. */
function assertConfined(pod: PodSpec): void {
  const { securityContext, automountServiceAccountToken, hostNetwork, hostPID } = pod;
  const container = containerOf(pod);
  assert.equal(automountServiceAccountToken, false);
  assert.deepEqual([hostNetwork, hostPID], [undefined, undefined]);
  assert.equal(securityContext?.runAsUser, 0);
  assert.deepEqual(securityContext.seccompProfile, { type: 'RuntimeDefault' });
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: ['DAC_READ_SEARCH'] },
  });
  const writable = hostMounts(pod).filter((mount) => mount.endsWith('rw'));
  assert.deepEqual(writable, [`${STATE} → ${STATE}, rw`]);
}

function pathsOf(pod: PodSpec): string | undefined {
  return containerOf(pod).env?.find(({ name }) => name === 'AUDIT_SHIPPER_PATHS')?.value;
}

describe('the DaemonSet', () => {
  const base = objectsIn(readFileSync(join(MANIFESTS, 'install.yaml'), 'utf8'));
  const pod = podOf(base);
  const container = containerOf(pod);

  it('is confined', () => assertConfined(pod));

  it('sees the directory of the log, and writes its state', () => {
    assert.equal(pathsOf(pod), '/var/log/kubernetes');
    assert.deepEqual(hostMounts(pod), [
      '/var/log/kubernetes → /var/log/kubernetes, ro',
      `${STATE} → ${STATE}, rw`,
    ]);
    const types = (pod.volumes ?? []).map(({ hostPath }) => hostPath?.type);
    assert.deepEqual(types, ['Directory', 'DirectoryOrCreate', undefined]);
  });

  it('runs on control-plane nodes by any of their labels', () => {
    const terms =
      pod.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
    assert.deepEqual(
      (terms ?? []).map(({ matchExpressions }) => matchExpressions),
      [
        [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }],
        [{ key: 'node-role.kubernetes.io/master', operator: 'Exists' }],
        [{ key: 'node.kubernetes.io/microk8s-controlplane', operator: 'Exists' }],
        [{ key: 'audit-shipper.io/collect', operator: 'In', values: ['true'] }],
      ],
    );
    assert.deepEqual(
      (pod.tolerations ?? []).map(({ key, operator, effect }) => [key, operator, effect]),
      [
        ['node-role.kubernetes.io/control-plane', 'Exists', undefined],
        ['node-role.kubernetes.io/master', 'Exists', undefined],
        ['node-role.kubernetes.io/etcd', 'Exists', 'NoExecute'],
        ['CriticalAddonsOnly', 'Exists', undefined],
      ],
    );
    assert.equal(pod.priorityClassName, 'system-node-critical');
  });

  it('is asked at the port that the configuration names', () => {
    const { data = {} } = onlyOf(base, 'ConfigMap');
    const { listen } = parse(data['audit-shipper.yaml'] ?? '') as { readonly listen: string };
    const port = container.ports?.find(({ name }) => name === 'metrics')?.containerPort;
    assert.equal(listen, `0.0.0.0:${port}`);
    const probes = [container.livenessProbe, container.readinessProbe];
    assert.deepEqual(
      probes.map((probe) => probe?.httpGet),
      [
        { path: '/healthz', port: 'metrics' },
        { path: '/readyz', port: 'metrics' },
      ],
    );
  });

  it('is given longer to stop than it takes, and stops on one node at a time', () => {
    const { data = {} } = onlyOf(base, 'ConfigMap');
    const { grace } = parse(data['audit-shipper.yaml'] ?? '') as { readonly grace: string };
    const parsed = parseDuration(grace);
    assert.ok(parsed.ok && (pod.terminationGracePeriodSeconds ?? 0) * 1000 > parsed.value);
    assert.deepEqual(onlyOf(base, 'DaemonSet').spec?.updateStrategy, {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
    });
  });

  it('may use what was measured, and as much CPU as there is', () => {
    assert.deepEqual(container.resources, {
      requests: { cpu: '50m', memory: '128Mi' },
      limits: { memory: '384Mi' },
    });
  });

  it('lives in a namespace that admits hostPath', () => {
    const { labels } = onlyOf(base, 'Namespace').metadata;
    assert.equal(labels?.['pod-security.kubernetes.io/enforce'], 'privileged');
    const account = onlyOf(base, 'ServiceAccount');
    assert.equal(account.automountServiceAccountToken, false);
  });
});

describe('the overlays', () => {
  it('are those of the distributions', () => {
    const names = kustomizationsIn('overlays').map((name) => name.replace('overlays/', ''));
    assert.deepEqual(names.toSorted(), Object.keys(DISTRIBUTIONS).toSorted());
  });

  for (const [name, [paths, mounts]] of Object.entries(DISTRIBUTIONS)) {
    it(`${name}: mounts what it reads, by the host's own paths`, (t) => {
      if (!hasKubectl(t)) return;
      const pod = podOf(rendered(`overlays/${name}`));
      assertConfined(pod);
      assert.equal(pathsOf(pod), paths);
      const logs = hostMounts(pod).filter((mount) => mount.endsWith('ro'));
      assert.deepEqual(
        logs,
        mounts.map((path) => `${path} → ${path}, ro`),
      );
    });
  }

  it('openshift: its constraints allow what the pod asks for, under an SELinux type that may read logs', (t) => {
    if (!hasKubectl(t)) return;
    const objects = rendered('overlays/openshift');
    const scc = onlyOf(objects, 'SecurityContextConstraints');
    assert.deepEqual(scc['users'], ['system:serviceaccount:audit-shipper:audit-shipper']);
    assert.deepEqual(scc['allowedCapabilities'], ['DAC_READ_SEARCH']);
    assert.equal(scc['allowPrivilegedContainer'], false);
    const kinds = scc['volumes'] as readonly string[];
    const used = (podOf(objects).volumes ?? []).flatMap((volume) =>
      Object.keys(volume).filter((key) => key !== 'name'),
    );
    assert.deepEqual(
      used.filter((kind) => !kinds.includes(kind)),
      [],
    );
    assert.deepEqual(podOf(objects).securityContext?.seLinuxOptions, { type: 'spc_t' });
  });
});

describe('the components', () => {
  it('node-label: only nodes that the administrator has labelled', (t) => {
    if (!hasKubectl(t)) return;
    const { affinity } = podOf(renderedWith('base', ['components/node-label']));
    assert.deepEqual(affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution, {
      nodeSelectorTerms: [
        {
          matchExpressions: [{ key: 'audit-shipper.io/collect', operator: 'In', values: ['true'] }],
        },
      ],
    });
  });

  it('secrets come as files that only their owner may read', (t) => {
    if (!hasKubectl(t)) return;
    const pod = podOf(
      renderedWith('base', ['components/client-certificate', 'components/shared-key']),
    );
    assertConfined(pod);
    const secrets = (pod.volumes ?? []).flatMap(({ secret }) => secret ?? []);
    assert.deepEqual(secrets, [
      { secretName: 'audit-shipper-tls', defaultMode: 0o400 },
      { secretName: 'audit-shipper-shared-key', defaultMode: 0o400 },
    ]);
  });
});

/**
 * Every kustomization renders objects that Kubernetes takes, with one pinned image of ours, and with a configuration that
 * the agent takes.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { IDaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import { check } from '../../src/commands/check.ts';
import { VERSION } from '../../src/version.ts';
import { hasKubectl } from '../support/kubectl.ts';
import {
  objectsIn,
  onlyOf,
  schemaProblems,
  type KubernetesObject,
} from '../support/kubernetes-objects.ts';
import { kustomizationsIn, MANIFESTS, rendered, renderedWith } from '../support/manifests.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const COMPONENTS = kustomizationsIn('components');
const IMAGE = `audit-shipper:${VERSION}`;

/** Kinds that Kubernetes itself does not know: no schema, so what must be in them is named here. */
const CUSTOM: Readonly<Record<string, readonly string[]>> = {
  PodMonitor: ['apiVersion', 'kind', 'metadata', 'spec'],
  PrometheusRule: ['apiVersion', 'kind', 'metadata', 'spec'],
  SecurityContextConstraints:
    `apiVersion kind metadata users groups volumes readOnlyRootFilesystem fsGroup runAsUser seLinuxContext
    supplementalGroups seccompProfiles allowHostDirVolumePlugin allowHostIPC allowHostNetwork allowHostPID
    allowHostPorts allowPrivilegeEscalation allowPrivilegedContainer allowedCapabilities defaultAddCapabilities
    requiredDropCapabilities`.split(/\s+/),
};

/** Everything that can be applied: how to render it, by its name. */
const RENDERINGS: ReadonlyMap<string, () => KubernetesObject[]> = new Map([
  ['base', () => rendered('base')],
  ...kustomizationsIn('overlays').map((name) => [name, () => rendered(name)] as const),
  ...COMPONENTS.map((name) => [`base with ${name}`, () => renderedWith('base', [name])] as const),
  [
    'an overlay with all components',
    () =>
      // The client certificate brings TLS with it.
      renderedWith(
        'overlays/k3s',
        COMPONENTS.filter((name) => name !== 'components/tls'),
      ),
  ],
]);

/** The environment of the agent's container, its references expanded as the kubelet does. */
function environmentOf(daemonSet: IDaemonSet): Record<string, string> {
  const [container] = daemonSet.spec?.template.spec?.containers ?? [];
  const env: Record<string, string> = {};
  for (const { name, value = 'node-1' } of container?.env ?? []) {
    env[name] = value.replaceAll(/\$\((\w+)\)/g, (_, known: string) => env[known] ?? '?');
  }
  return env;
}

interface ConfigMap {
  readonly data?: Readonly<Record<string, string>>;
}

/** What `audit-shipper check` says to the configuration and the policy in ConfigMaps, in the environment of the DaemonSet. */
async function checked(t: TestContext, objects: readonly KubernetesObject[]) {
  const directory = temporaryDirectory(t);
  const [configuration, policy] = ['audit-shipper.yaml', 'policy.yaml'].map((name) => {
    const path = join(directory, name);
    const contents = objects
      .filter(({ kind }) => kind === 'ConfigMap')
      .flatMap((object) => (object as KubernetesObject & ConfigMap).data?.[name] ?? []);
    assert.ok(contents.length < 2, `${name} stands in more than one ConfigMap`);
    writeFileSync(path, contents[0] ?? '');
    return path;
  });
  const inCluster = environmentOf(onlyOf(objects, 'DaemonSet'));
  const hasPolicy = inCluster['AUDIT_SHIPPER_POLICY_FILE'] !== undefined;
  const env = { ...inCluster, ...(hasPolicy ? { AUDIT_SHIPPER_POLICY_FILE: policy } : {}) };
  const config = configuration ?? '';
  let out = '';
  let err = '';
  const exitCode = await check(
    { config },
    { env, nowMs: Date.now(), out: (text) => (out += text), err: (text) => (err += text) },
  );
  return { exitCode, out, err };
}

function imagesOf(objects: readonly KubernetesObject[]): string[] {
  const images = JSON.stringify(objects).matchAll(/"image":"([^"]*)"/g);
  return Array.from(images, ([, image = '']) => image);
}

describe('what is applied', () => {
  for (const [name, render] of RENDERINGS) {
    it(name, async (t) => {
      if (!hasKubectl(t)) return;
      const objects = render();
      const known = objects.filter(({ kind }) => CUSTOM[kind] === undefined);
      assert.deepEqual(schemaProblems(known), []);
      for (const object of objects) {
        const expected = CUSTOM[object.kind];
        if (expected === undefined) continue;
        assert.deepEqual(Object.keys(object).toSorted(), [...expected].toSorted());
      }
      assert.deepEqual([...new Set(imagesOf(objects))], [IMAGE]);
      const { exitCode, out, err } = await checked(t, objects);
      assert.equal(exitCode, 0, err);
      assert.match(out, /fields +\{ ?"?node"?: "?node-1"? ?\}/);
    });
  }
});

describe('install.yaml', () => {
  it('is the rendered base', (t) => {
    if (!hasKubectl(t)) return;
    assert.deepEqual(
      objectsIn(readFileSync(join(MANIFESTS, 'install.yaml'), 'utf8')),
      rendered('base'),
      'run: kubectl kustomize manifests/base --output manifests/install.yaml',
    );
  });
});

describe('the examples', () => {
  for (const name of kustomizationsIn('examples')) {
    it(`${name}: is for Kubernetes, with images pinned by digest`, (t) => {
      if (!hasKubectl(t)) return;
      const objects = rendered(name);
      assert.deepEqual(schemaProblems(objects), []);
      for (const image of imagesOf(objects)) assert.match(image, /:v?\d[^@]*@sha256:[0-9a-f]{64}$/);
    });
  }
});

describe('the example with Fluentd', () => {
  it('listens where the agents send, keeps its buffer on the volume, and stores each event once', (t) => {
    if (!hasKubectl(t)) return;
    const efk = JSON.stringify(rendered('examples/efk'));
    const fluentd = readFileSync(join(MANIFESTS, 'examples', 'efk', 'fluent.conf'), 'utf8');
    const agents = readFileSync(join(MANIFESTS, 'base', 'audit-shipper.yaml'), 'utf8');
    assert.match(agents, /forward:\/\/fluentd\.logging\.svc:24224/);
    assert.match(
      efk,
      /"kind":"Service","metadata":\{[^}]*\},"name":"fluentd","namespace":"logging"\}/,
    );
    for (const port of [24224, 24220]) {
      assert.match(fluentd, new RegExp(`^ {2}port ${port}$`, 'm'));
      assert.ok(efk.includes(`"containerPort":${port}`) && efk.includes(`"port":${port}`));
    }
    assert.match(fluentd, /^<match kube\.audit>$/m);
    assert.match(fluentd, /^ {2}id_key \$\.shipper\.id$/m);
    assert.match(fluentd, /^ {4}@type file\n {4}path \/buffer\//m);
    assert.ok(efk.includes('{"mountPath":"/buffer","name":"buffer"}'));
  });
});

describe('this test', () => {
  it('finds a wrong value and a misspelt key', () => {
    const object = (spec: object): KubernetesObject => {
      const metadata = { name: 'x' };
      return { apiVersion: 'v1', kind: 'Service', metadata, spec } as KubernetesObject;
    };
    assert.deepEqual(schemaProblems([object({ ports: [{ port: 1 }] })]), []);
    assert.match(String(schemaProblems([object({ ports: [{ port: 'x' }] })])), /must be integer/);
    assert.match(
      String(schemaProblems([object({ prots: [] })])),
      /known properties, and '"prots"'/,
    );
  });
});

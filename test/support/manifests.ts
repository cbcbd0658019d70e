/** The kustomizations of manifests/ as tests use them: where they are, and what they render. Expects nothing of it. */
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kustomize } from './kubectl.ts';
import { objectsIn, type KubernetesObject } from './kubernetes-objects.ts';
import { projectRoot } from './project.ts';

export const MANIFESTS = join(projectRoot(), 'manifests');

/** Names below manifests/, such as `overlays/k3s`. */
export function kustomizationsIn(folder: 'overlays' | 'components' | 'examples'): string[] {
  return readdirSync(join(MANIFESTS, folder)).map((name) => `${folder}/${name}`);
}

export function rendered(name: string): KubernetesObject[] {
  return objectsIn(kustomize(join(MANIFESTS, name)));
}

/** A kustomization as an administrator writes it: something of ours, and components of ours upon it. */
export function renderedWith(resource: string, components: readonly string[]): KubernetesObject[] {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-kustomization-'));
  try {
    // kustomize takes relative paths only.
    symlinkSync(MANIFESTS, join(directory, 'manifests'));
    const paths = (names: readonly string[]): string[] => names.map((name) => `manifests/${name}`);
    const content = { resources: paths([resource]), components: paths(components) };
    writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(content));
    return objectsIn(kustomize(directory));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

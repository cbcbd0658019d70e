/**
 * The kubectl of this machine, which is used without a cluster: it renders kustomizations. Knows nothing of what they
 * should be.
 */
import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** The kustomize inside kubectl that knows what the manifests use; kubectl 1.27 and newer have it. */
const KUSTOMIZE_MAJOR_MIN = 5;

function kustomizeMajor(): number {
  try {
    const version = execFileSync('kubectl', ['version', '--client', '--output=json'], {
      encoding: 'utf8',
    });
    const { kustomizeVersion = '' } = JSON.parse(version) as { readonly kustomizeVersion?: string };
    return Number(/^v(\d+)\./.exec(kustomizeVersion)?.[1] ?? 0);
  } catch {
    return 0; // not there, or so old that it knows no --output: both are named by who asks
  }
}

/** False, and the test is marked as skipped, without a kubectl that is new enough; in CI that is an error instead. */
export function hasKubectl(t: TestContext): boolean {
  if (kustomizeMajor() >= KUSTOMIZE_MAJOR_MIN) return true;
  const advice = 'the manifests are rendered by kubectl: install 1.27 or newer';
  if (process.env['CI'] !== undefined) throw new Error(advice);
  t.skip(advice);
  return false;
}

/** What `kubectl apply --kustomize` would send to a cluster, as YAML. Throws with kubectl's words. */
export function kustomize(directory: string): string {
  return execFileSync('kubectl', ['kustomize', directory], { encoding: 'utf8', stdio: 'pipe' });
}

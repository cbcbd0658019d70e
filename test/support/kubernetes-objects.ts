/**
 * Objects of Kubernetes as tests see them: read from YAML, and held against the schemas of Kubernetes. Knows nothing of
 * which objects there should be.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IDaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { IServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { parseAllDocuments } from 'yaml';
import { projectRoot } from './project.ts';

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export function objectsIn(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml).map((document) => {
    if (document.errors.length > 0) throw new Error(String(document.errors[0]));
    return document.toJS() as KubernetesObject;
  });
}

/** The kinds that tests look into. */
interface Kinds {
  readonly ConfigMap: IConfigMap;
  readonly DaemonSet: IDaemonSet;
  readonly Namespace: KubernetesObject;
  readonly SecurityContextConstraints: Readonly<Record<string, unknown>>;
  readonly ServiceAccount: IServiceAccount;
}

/** The only object of a kind. */
export function onlyOf<Kind extends keyof Kinds>(
  objects: readonly KubernetesObject[],
  kind: Kind,
): Kinds[Kind] {
  const [found, ...more] = objects.filter((object) => object.kind === kind);
  if (found === undefined || more.length > 0) throw new Error(`not exactly one ${kind}`);
  return found as unknown as Kinds[Kind];
}

/** What an API server would refuse: values by the schemas, unknown keys by the types, which are made from them. */
export function schemaProblems(objects: readonly KubernetesObject[]): string[] {
  return [...objects.flatMap(valueProblems), ...keyProblems(objects)];
}

const requireModel = createRequire(import.meta.url);

interface Model {
  validate(): void;
}

function valueProblems(object: KubernetesObject): string[] {
  const { apiVersion, kind, metadata } = object;
  try {
    const module = requireModel(`kubernetes-models/${apiVersion}/${kind}`) as Readonly<
      Record<string, new (data: KubernetesObject) => Model>
    >;
    const Kind = module[kind];
    if (Kind === undefined) return [`${apiVersion} ${kind}: is not known`];
    new Kind(object).validate();
    return [];
  } catch (error) {
    return [`${kind} ${metadata.name}: ${String(error)}`];
  }
}

/** The compiler refuses unknown keys in a literal. The schemas alone let a misspelt key pass. */
function keyProblems(objects: readonly KubernetesObject[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-objects-'));
  const models = join(projectRoot(), 'node_modules', 'kubernetes-models');
  const lines = objects.map((object, index) => {
    const { apiVersion, kind } = object;
    const type = `import('${models}/${apiVersion}/${kind}.js').I${kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(object)};\n`;
  });
  const file = join(directory, 'objects.ts');
  writeFileSync(file, lines.join(''));
  const compiler = join(projectRoot(), 'node_modules', 'typescript', 'bin', 'tsc');
  const options =
    '--ignoreConfig --noEmit --strict --skipLibCheck --pretty false --module nodenext';
  try {
    execFileSync(process.execPath, [compiler, ...options.split(' '), file], {
      cwd: directory,
      stdio: 'pipe',
      encoding: 'utf8',
    });
    return [];
  } catch (error) {
    return (error as { readonly stdout: string }).stdout.trim().split('\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

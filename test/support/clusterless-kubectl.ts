/**
 * Stands for kubectl where the documents use a cluster and there is none. It runs the real kubectl against a server that
 * is not there, and takes a refused connection for success: then every flag and argument was good. Before that, what
 * would be applied is rendered and held against the schemas, and what is named must be in our manifests. Prints nothing,
 * since there is nobody to answer.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { kustomize } from './kubectl.ts';
import { objectsIn, schemaProblems, type KubernetesObject } from './kubernetes-objects.ts';
import { MANIFESTS } from './manifests.ts';

/** Nothing listens on the first port of this machine. */
const NOBODY = 'http://127.0.0.1:1';
/** Groups of kinds that are no part of Kubernetes, and so have no schema here. */
const CUSTOM_GROUP = /\.(coreos\.com|openshift\.io)\//;
/** Whatever takes names as `kind/name`. */
const NAMED = /^(daemonset|statefulset|service)\/([\w-]+)$/i;

/** This program is found as the first kubectl on the path; the real one comes behind it. */
process.env['PATH'] = (process.env['PATH'] ?? '').split(delimiter).slice(1).join(delimiter);

function valueOf(args: readonly string[], ...flags: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => flags.includes(arg));
  return at === -1 ? undefined : args[at + 1];
}

function appliedBy(args: readonly string[]): KubernetesObject[] {
  const file = valueOf(args, '--filename', '-f');
  const directory = valueOf(args, '--kustomize', '-k');
  return [
    ...(file === undefined ? [] : objectsIn(readFileSync(file, 'utf8'))),
    ...(directory === undefined ? [] : objectsIn(kustomize(directory))),
  ];
}

/** What a command names that our manifests do not have in that namespace. */
function strangersIn(args: readonly string[]): string[] {
  const namespace = valueOf(args, '--namespace', '-n');
  const ours = [
    ...objectsIn(readFileSync(join(MANIFESTS, 'install.yaml'), 'utf8')),
    ...objectsIn(kustomize(join(MANIFESTS, 'examples', 'efk'))),
  ];
  return args.filter((arg) => {
    const [, kind = '', name] = NAMED.exec(arg) ?? [];
    const isOurs = ours.some(
      (object) =>
        object.kind.toLowerCase() === kind.toLowerCase() &&
        object.metadata.name === name &&
        object.metadata.namespace === namespace,
    );
    return name !== undefined && !isOurs;
  });
}

/** Undefined when all that was missing is the server. */
function syntaxProblem(args: readonly string[]): string | undefined {
  // Behind the command, as kubectl wants it, and before what is run in a pod.
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const withServer = args.toSpliced(end, 0, `--server=${NOBODY}`);
  try {
    execFileSync('kubectl', withServer, { stdio: 'pipe', encoding: 'utf8' });
    return 'it needs no cluster: run it as it is';
  } catch (error) {
    const { stderr } = error as { readonly stderr: string };
    return /connection refused|refused - did you specify/.test(stderr) ? undefined : stderr;
  }
}

const args = process.argv.slice(2);
const problems = [
  ...schemaProblems(appliedBy(args).filter(({ apiVersion }) => !CUSTOM_GROUP.test(apiVersion))),
  ...strangersIn(args).map((name) => `${name} is not in the manifests`),
  ...[syntaxProblem(args) ?? []].flat(),
];
process.stderr.write(problems.map((problem) => `${problem}\n`).join(''));
if (problems.length > 0) process.exitCode = 1;

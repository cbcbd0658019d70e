/**
 * What a request's path says it is about, read as kube-apiserver reads it before it asks its policy (RequestInfo in
 * pkg/endpoints/request/requestinfo.go). Pure; knows no events and no rules.
 */

/** What the path itself names. Both may be empty. */
export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** How many parts stand before the version: `/api/v1/…`, `/apis/apps/v1/…`. */
const PARTS_BEFORE_VERSION: ReadonlyMap<string | undefined, number> = new Map([
  ['api', 1],
  ['apis', 2],
]);
/** Old paths have the verb before the resource: `/api/v1/watch/pods`. */
const VERBS_IN_PATHS: ReadonlySet<string | undefined> = new Set(['watch', 'proxy']);
/** What stands behind a namespace's name is a resource in it, but for these, which are parts of the namespace. */
const PARTS_OF_NAMESPACES: ReadonlySet<string | undefined> = new Set(['status', 'finalize']);

/** A run of percent-encoded bytes: one character may take several. */
const ENCODED = /(?:%[0-9a-f]{2})+/gi;

/** A requestURI without its query, decoded: Go's URL.Path. */
export function pathOf(requestUri: string): string {
  const query = requestUri.indexOf('?');
  const path = query === -1 ? requestUri : requestUri.slice(0, query);
  if (!path.includes('%')) return path;
  return path.replace(ENCODED, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}

/** @returns undefined for a path that is not one of a resource. */
export function namedBy(path: string): Named | undefined {
  const parts = path.replace(/^\/+/, '').replace(/\/+$/, '').split('/');
  const before = PARTS_BEFORE_VERSION.get(parts[0]);
  if (before === undefined) return undefined;
  let rest = parts.slice(before + 1);
  if (rest.length > 1 && VERBS_IN_PATHS.has(rest[0])) rest = rest.slice(1);
  if (rest.length === 0) return undefined;
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 1;
  const namespace = isNamespaced ? (rest[1] ?? '') : '';
  if (isNamespaced && rest.length > 2 && !PARTS_OF_NAMESPACES.has(rest[2])) rest = rest.slice(2);
  return { namespace, name: rest[1] ?? '' };
}

/**
 * What the rules of a policy ask of a request, read from its event. Of the event only small members are parsed, never a
 * body. Pure; knows no rules.
 */
import type { Core, Field } from '../core.ts';
import { namedBy, pathOf } from './request-path.ts';

export interface Attributes {
  /** Who logged in, not whom they impersonate. Empty for a request without a user. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly verb: string;
  /** Undefined for a request that is about no resource (the event has no objectRef). */
  readonly resource:
    | {
        readonly group: string;
        readonly resource: string;
        readonly subresource: string;
        readonly namespace: string;
        readonly name: string;
      }
    | undefined;
  /** requestURI without its query, decoded. */
  readonly path: string;
}

/** What an event holds, as far as a policy can take something away. Empty where it does not say. */
export interface Held {
  readonly level: string;
  readonly stage: string;
}

/**
 * Of the event that the core judged, or wrote, last.
 *
 * They are those of the request when it arrived, as kube-apiserver's policy saw them. It completes objectRef later from
 * the object that the client sent (LogRequestObject in pkg/audit/request.go): a namespace and a name that the path does
 * not have. Those must not decide: whoever creates an object would choose the rule for it.
 */
export function attributesOf(core: Core): Attributes {
  const user = recordOf(parsed(core, 'user'));
  const verb = textOf(parsed(core, 'verb'));
  const path = pathOf(textOf(parsed(core, 'requestURI')));
  return {
    user: textOf(user?.['username']),
    groups: textsOf(user?.['groups']),
    verb,
    resource: resourceOf(recordOf(parsed(core, 'objectRef')), verb, path),
    path,
  };
}

export function heldBy(core: Core): Held {
  return { level: textOf(parsed(core, 'level')), stage: textOf(parsed(core, 'stage')) };
}

type JsonRecord = Readonly<Record<string, unknown>>;

function resourceOf(
  ref: JsonRecord | undefined,
  verb: string,
  path: string,
): Attributes['resource'] {
  if (ref === undefined) return undefined;
  const named = namedBy(path);
  const name = textOf(ref['name']);
  return {
    group: textOf(ref['apiGroup']),
    resource: textOf(ref['resource']),
    subresource: textOf(ref['subresource']),
    namespace: named?.namespace ?? textOf(ref['namespace']),
    // Other verbs have it in the path, or in the field selector of a list: no object that was sent can add it.
    name: verb === 'create' ? (named?.name ?? name) : name,
  };
}

function parsed(core: Core, field: Field): unknown {
  const member = core.member(field);
  if (member === undefined) return undefined;
  return JSON.parse(core.slab.toString('utf8', member.value, member.end));
}

function recordOf(value: unknown): JsonRecord | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as JsonRecord;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

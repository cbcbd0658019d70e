/**
 * An endless source of audit events as kube-apiserver writes them: requests pass through their stages, and
 * each stage is one line of JSON. Pure but for the clock it is given; knows nothing of files.
 *
 * Shape and key order: k8s.io/apiserver/pkg/apis/audit/v1 `Event`, as encoding/json writes it.
 */
import {
  type Body,
  jsonPatchBody,
  listBody,
  mergePatchBody,
  objectBody,
  statusPatchBody,
} from './bodies.ts';
import { createRandom, type Random } from './random.ts';
import { type ApiRequest, createRequest, type ResponseStatus } from './requests.ts';

/** From the least to the most; a policy's `None` writes no event and so is no choice here. */
export const AUDIT_LEVELS = ['Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof AUDIT_LEVELS)[number];

type Stage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';

export interface EventSourceOptions {
  /** The same seed and the same clock give the same lines. */
  readonly seed: number;
  /** The highest level that an event may have. */
  readonly level: AuditLevel;
  readonly now: () => Date;
}

export interface EventSource {
  /** The next event: one line of JSON, without its newline. Sequence numbers start at 1. */
  next(): string;
}

const SEQUENCE_DIGITS = 12;
const AUDIT_ID =
  /"auditID":"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-(?<sequence>[0-9a-f]{12})"/;

/** The number of a simulated event: the last 12 hexadecimal digits of its auditID. Undefined for other lines. */
export function sequenceOf(line: string): number | undefined {
  const digits = AUDIT_ID.exec(line)?.groups?.['sequence'];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** A request whose next stage is still to come. */
interface OpenRequest {
  readonly request: ApiRequest;
  /** The part of the auditID that all stages share. */
  readonly idPrefix: string;
  readonly level: AuditLevel;
  readonly receivedUs: number;
  readonly stages: readonly Stage[];
  /** The sequence number at which the next stage is written. */
  readonly dueAt: number;
}

/** Watches that are open at a time; one more than this ends the oldest. Bounds memory. */
const OPEN_REQUESTS_MAX = 64;
const PANIC_SHARE = 1 / 2_000;
const PLAIN_GAP_EVENTS = 8;
const STREAM_GAP_EVENTS = 1_500;
const MICROSECONDS_PER_MS = 1_000;
/** Between two stages of one request at least this much passes. */
const STAGE_GAP_MIN_US = 150;

export function createEventSource(options: EventSourceOptions): EventSource {
  const random = createRandom(options.seed);
  const open: OpenRequest[] = [];
  let sequence = 0;

  const takeOpen = (): OpenRequest | undefined => {
    const due = open.findIndex((candidate) => candidate.dueAt <= sequence);
    if (due >= 0) return open.splice(due, 1)[0];
    return open.length > OPEN_REQUESTS_MAX ? open.shift() : undefined;
  };

  return {
    next(): string {
      sequence += 1;
      const nowMs = options.now().getTime();
      const nowUs = nowMs * MICROSECONDS_PER_MS + random.below(MICROSECONDS_PER_MS);
      const current = takeOpen() ?? begin(random, options.level, nowUs);
      const [stage = 'ResponseComplete', ...later] = current.stages;
      if (later.length > 0) {
        const gap = current.request.shape === 'stream' ? STREAM_GAP_EVENTS : PLAIN_GAP_EVENTS;
        const dueAt = sequence + 1 + random.below(gap);
        open.push({ ...current, stages: later, dueAt });
      }
      // RequestReceived is written at once; every other stage comes after it, also when the clock stood still.
      const stageUs =
        stage === 'RequestReceived'
          ? current.receivedUs
          : Math.max(nowUs, current.receivedUs + STAGE_GAP_MIN_US);
      const auditID = `${current.idPrefix}-${sequence.toString(16).padStart(SEQUENCE_DIGITS, '0')}`;
      return goJson(auditEvent(random, current, stage, auditID, stageUs));
    },
  };
}

function begin(random: Random, maxLevel: AuditLevel, nowUs: number): OpenRequest {
  const request = createRequest(random);
  const stages = stagesOf(random, request);
  const digits = random.hex(18);
  // A plain request without RequestReceived is only seen at its end: it began a moment ago.
  const receivedUs = stages[0] === 'RequestReceived' ? nowUs : nowUs - latencyUs(random);
  return {
    request,
    idPrefix: `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(12, 15)}-9${digits.slice(15)}`,
    level: levelOf(request, maxLevel),
    receivedUs,
    stages,
    dueAt: 0,
  };
}

/** From 0.3 ms to about 400 ms, most of them short. */
function latencyUs(random: Random): number {
  return Math.floor(300 * Math.exp(7.2 * random.next() ** 3));
}

/** What is worth a RequestReceived stage to the imitated policy; it omits the stage for all other resources. */
const RECEIVED_RESOURCES: ReadonlySet<string> = new Set(['secrets', 'rolebindings', 'configmaps']);

function stagesOf(random: Random, request: ApiRequest): readonly Stage[] {
  const resource = request.objectRef?.resource ?? '';
  const received: readonly Stage[] = RECEIVED_RESOURCES.has(resource) ? ['RequestReceived'] : [];
  // Authentication fails before the request is received: there is this one stage only.
  if (request.shape === 'refused') return ['ResponseStarted'];
  if (request.shape === 'stream') return [...received, 'ResponseStarted', 'ResponseComplete'];
  return [...received, random.next() < PANIC_SHARE ? 'Panic' : 'ResponseComplete'];
}

/** What holds secrets is never written with its body, as the documented policies have it. */
const METADATA_RESOURCES: ReadonlySet<string> = new Set(['secrets', 'tokenreviews']);
const REQUEST_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'exec', 'log', 'proxy']);

function levelOf({ objectRef, verb }: ApiRequest, maxLevel: AuditLevel): AuditLevel {
  if (maxLevel === 'Metadata' || objectRef === undefined) return 'Metadata';
  if (METADATA_RESOURCES.has(objectRef.resource) || objectRef.subresource === 'token') {
    return 'Metadata';
  }
  if (verb === 'watch' || REQUEST_SUBRESOURCES.has(objectRef.subresource ?? '')) return 'Request';
  return maxLevel;
}

const PANIC_STATUS: ResponseStatus = {
  metadata: {},
  status: 'Failure',
  message: "APIServer panic'd: runtime error: invalid memory address or nil pointer dereference",
  reason: 'InternalError',
  code: 500,
};

/** The literal's order is the order in the file; what is undefined is left out. */
function auditEvent(
  random: Random,
  { request, level, receivedUs }: OpenRequest,
  stage: Stage,
  auditID: string,
  stageUs: number,
): object {
  const { caller } = request;
  const answered = stage !== 'RequestReceived';
  const status = stage === 'Panic' ? PANIC_STATUS : request.responseStatus;
  const time = new Date(stageUs / MICROSECONDS_PER_MS);
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID,
    stage,
    requestURI: request.requestURI,
    verb: request.verb,
    user: caller.user,
    impersonatedUser: caller.impersonatedUser,
    sourceIPs: caller.sourceIPs,
    userAgent: caller.userAgent,
    objectRef: request.objectRef,
    responseStatus: answered ? status : undefined,
    requestObject: answered ? requestObject(random, request, level, time) : undefined,
    responseObject: answered ? responseObject(random, request, level, stage, time) : undefined,
    requestReceivedTimestamp: formatMicroseconds(receivedUs),
    stageTimestamp: formatMicroseconds(stageUs),
    annotations: answered ? annotations(request) : undefined,
  };
}

function annotations(request: ApiRequest): Readonly<Record<string, string>> | undefined {
  if (request.shape === 'refused') return undefined;
  return {
    'authorization.k8s.io/decision': request.decision,
    'authorization.k8s.io/reason': request.decision === 'allow' ? request.caller.reason : '',
  };
}

const HUGE_BODY_SHARE = 1 / 400;
const HUGE_BODY_BYTES = 1_000_000;
const BODY_MIN_BYTES = 4_000;
const BODY_SPAN_BYTES = 70_000;

/** Mostly a few kilobytes, up to some 80 KB, rarely 1 MB: the sizes seen in the field. */
function bodyBytes(random: Random): number {
  if (random.next() < HUGE_BODY_SHARE) return HUGE_BODY_BYTES;
  return Math.floor(BODY_MIN_BYTES + BODY_SPAN_BYTES * random.next() ** 4);
}

function subjectOf({ kind, objectRef }: ApiRequest, time: Date) {
  const group = objectRef?.apiGroup;
  const version = objectRef?.apiVersion ?? 'v1';
  const apiVersion = group === undefined ? version : `${group}/${version}`;
  return { kind, apiVersion, namespace: objectRef?.namespace, name: objectRef?.name, time };
}

function requestObject(
  random: Random,
  request: ApiRequest,
  level: AuditLevel,
  time: Date,
): Body | undefined {
  if (level === 'Metadata' || request.shape !== 'plain') return undefined;
  switch (request.verb) {
    case 'create':
    case 'update':
      return objectBody(random, subjectOf(request, time), bodyBytes(random) / 2);
    case 'patch':
      return patchBody(random, request.objectRef?.subresource, time);
    case 'delete':
      return { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' };
    default:
      return undefined;
  }
}

function patchBody(random: Random, subresource: string | undefined, time: Date): Body {
  if (subresource === 'scale') return jsonPatchBody(random);
  return subresource === 'status' ? statusPatchBody(random, time) : mergePatchBody(random);
}

function responseObject(
  random: Random,
  request: ApiRequest,
  level: AuditLevel,
  stage: Stage,
  time: Date,
): Body | ResponseStatus | undefined {
  if (level !== 'RequestResponse' || stage === 'Panic' || request.shape === 'stream') {
    return undefined;
  }
  const { responseStatus } = request;
  if (responseStatus.status === 'Failure') {
    return { kind: 'Status', apiVersion: 'v1', ...responseStatus };
  }
  const subject = subjectOf(request, time);
  const bytes = bodyBytes(random);
  return request.verb === 'list'
    ? listBody(random, subject, bytes)
    : objectBody(random, subject, bytes);
}

/** RFC 3339 with microseconds, as `meta/v1` MicroTime is written. */
function formatMicroseconds(epochUs: number): string {
  const epochMs = Math.floor(epochUs / MICROSECONDS_PER_MS);
  const rest = String(epochUs - epochMs * MICROSECONDS_PER_MS).padStart(3, '0');
  return `${new Date(epochMs).toISOString().slice(0, -1)}${rest}Z`;
}

const GO_ESCAPED = /[&<>\u2028\u2029]/g;

/** JSON as Go's encoding/json writes it: it also escapes what could end a script element in HTML. */
function goJson(value: object): string {
  return JSON.stringify(value).replace(
    GO_ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The simulated events: real shapes in kube-apiserver's key order, numbered, and the same for the same seed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  AUDIT_LEVELS,
  type AuditLevel,
  createEventSource,
  sequenceOf,
} from '../../../src/commands/simulate/events.ts';

const KEY_ORDER = [
  'kind',
  'apiVersion',
  'level',
  'auditID',
  'stage',
  'requestURI',
  'verb',
  'user',
  'impersonatedUser',
  'sourceIPs',
  'userAgent',
  'objectRef',
  'responseStatus',
  'requestObject',
  'responseObject',
  'requestReceivedTimestamp',
  'stageTimestamp',
  'annotations',
];

interface AuditEvent {
  readonly [key: string]: unknown;
  readonly auditID: string;
  readonly level: AuditLevel;
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username?: string };
  readonly objectRef?: { readonly resource: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

function lines(count: number, seed = 1, level: AuditLevel = 'Metadata'): readonly string[] {
  let ms = Date.UTC(2026, 2, 4, 5, 6, 7);
  const source = createEventSource({ seed, level, now: () => new Date(ms++) });
  return Array.from({ length: count }, () => source.next());
}

function events(count: number, seed?: number, level?: AuditLevel): readonly AuditEvent[] {
  return lines(count, seed, level).map((line) => JSON.parse(line) as AuditEvent);
}

const ORDINARY = events(20_000);

describe('simulated events', () => {
  it('are one line of JSON each, with the keys in the order of kube-apiserver', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...AUDIT_LEVELS), (seed, level) => {
        for (const line of lines(50, seed, level)) {
          assert.ok(!line.includes('\n'));
          const keys = Object.keys(JSON.parse(line) as object);
          assert.deepEqual(
            keys,
            KEY_ORDER.filter((key) => keys.includes(key)),
          );
        }
      }),
      { numRuns: 30 },
    );
  });

  it('carry their sequence number, from 1 on', () => {
    assert.deepEqual(
      lines(5_000).map(sequenceOf),
      Array.from({ length: 5_000 }, (_, index) => index + 1),
    );
  });

  it('are the same for the same seed and others for another', () => {
    assert.deepEqual(lines(300, 7, 'RequestResponse'), lines(300, 7, 'RequestResponse'));
    assert.notDeepEqual(lines(300, 7), lines(300, 8));
  });

  it('show every stage, and a stage other than the last one for watches', () => {
    const stages = new Set(ORDINARY.map((event) => event.stage));
    assert.deepEqual(
      stages,
      new Set(['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic']),
    );
    assert.ok(ORDINARY.some(({ stage, verb }) => stage === 'ResponseStarted' && verb === 'watch'));
  });

  it('let each request begin once, go on with the same part of its auditID, and end after it began', () => {
    const open = new Map<string, string>();
    for (const { auditID, stage, requestReceivedTimestamp, stageTimestamp } of ORDINARY) {
      const prefix = auditID.slice(0, -12);
      const received = open.get(prefix);
      assert.ok(received === undefined || received === requestReceivedTimestamp);
      assert.match(stageTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      if (stage === 'RequestReceived') assert.equal(stageTimestamp, requestReceivedTimestamp);
      else assert.ok(stageTimestamp > requestReceivedTimestamp);
      open.set(prefix, requestReceivedTimestamp);
    }
  });

  it('show the usual callers, failures and shapes', () => {
    const users = new Set(ORDINARY.map((event) => event.user.username?.split(':').at(0)));
    assert.ok(users.has('system') && users.has('oidc') && users.has('kubernetes-admin'));
    assert.ok(ORDINARY.some((event) => event.user.username === 'system:anonymous'));
    assert.ok(ORDINARY.some((event) => event['impersonatedUser'] !== undefined));
    assert.ok(ORDINARY.some((event) => event.objectRef === undefined));
    assert.ok(ORDINARY.some((event) => event['userAgent'] === undefined));
    const codes = new Set(ORDINARY.map((event) => event.responseStatus?.code));
    for (const code of [200, 201, 401, 403, 404, 409, 500]) assert.ok(codes.has(code), `${code}`);
    const subresources = new Set(ORDINARY.map((event) => event.objectRef?.subresource));
    for (const name of ['status', 'exec', 'log', 'scale', 'token', 'binding']) {
      assert.ok(subresources.has(name), name);
    }
  });

  it('never exceed the level', () => {
    for (const level of AUDIT_LEVELS) {
      const highest = AUDIT_LEVELS.indexOf(level);
      for (const event of events(500, 3, level)) {
        assert.ok(AUDIT_LEVELS.indexOf(event.level) <= highest);
        if (event.level !== 'RequestResponse') assert.equal(event['responseObject'], undefined);
        if (event.level === 'Metadata') assert.equal(event['requestObject'], undefined);
      }
    }
  });

  it('never carry a body of what holds secrets', () => {
    for (const event of events(2_000, 4, 'RequestResponse')) {
      if (event.objectRef?.resource === 'secrets') assert.equal(event.level, 'Metadata');
    }
  });

  it('have long bodies at level RequestResponse, rarely a very long one', () => {
    const sizes = lines(4_000, 5, 'RequestResponse').map((line) => line.length);
    assert.ok(sizes.filter((size) => size > 4_000 && size < 100_000).length > 400);
    assert.ok(sizes.some((size) => size > 900_000));
    assert.ok(sizes.filter((size) => size > 900_000).length < 40);
  });

  it('escape what encoding/json of Go escapes', () => {
    const text = lines(2_000, 6, 'RequestResponse').join('\n');
    assert.doesNotMatch(text, /[&<>\u2028\u2029]/);
    assert.match(text, /\\u0026watch=true/);
  });
});

describe('sequenceOf', () => {
  it('is undefined for lines without a numbered auditID', () => {
    for (const line of ['', '{}', '{"auditID":"x-000000000001"}', '\u0000\u0000', '[1]']) {
      assert.equal(sequenceOf(line), undefined);
    }
  });

  it('reads all twelve digits', () => {
    const line = '{"auditID":"10a7be27-1a3c-4b5d-8e6f-ffffffffffff"}';
    assert.equal(sequenceOf(line), 2 ** 48 - 1);
  });
});

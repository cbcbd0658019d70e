/** What is left of an event that could not be gone through. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bareEvent } from '../../../src/event/rewrite/fallback.ts';

const EVENT = {
  kind: 'Event',
  auditID: '1',
  requestURI: '/a?token=x',
  verb: 'get',
  user: { username: 'a', extra: { x: ['y'] } },
  userAgent: 'z',
  objectRef: { resource: 'secrets' },
  responseStatus: { message: 'm' },
  requestObject: {},
  annotations: { a: 'b' },
};

function bare(event: unknown, isWithheld: (name: string) => boolean = () => false): unknown {
  return JSON.parse(
    bareEvent(Buffer.from(JSON.stringify(event)), 'x/redacted', isWithheld).toString(),
  );
}

it('an event that cannot be gone through says who did what to what', () => {
  assert.deepEqual(bare(EVENT), {
    kind: 'Event',
    auditID: '1',
    verb: 'get',
    objectRef: { resource: 'secrets' },
    user: { username: 'a' },
    annotations: { 'x/redacted': '*' },
  });
});

it('what the user wants redacted is not left of it', () => {
  const { user, auditID, ...rest } = bare(EVENT, (name) => name === 'user') as Record<
    string,
    unknown
  >;
  assert.equal(user, undefined);
  assert.equal(auditID, '1');
  assert.equal(rest['verb'], 'get');
});

it('of what is no event nothing is left', () => {
  for (const odd of [null, 1, 'text', []])
    assert.deepEqual(bare(odd), { annotations: { 'x/redacted': '*' } });
});

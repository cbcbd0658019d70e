/** Real events: nothing of them changes but what is to be changed, however it is looked at. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { What } from '../../../src/event/rewrite/rewriter.ts';
import { eventsOf, NO_REAL_FILES, REAL_FILES, realContent } from '../../support/real-files.ts';
import { NOTHING_WISHED, redacting, shaping } from '../../support/rewriting.ts';

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function whatOf(event: Fields): What {
  const ref = fieldsOf(event['objectRef']);
  return {
    group: textOf(ref['apiGroup']),
    resource: textOf(ref['resource']),
    subresource: textOf(ref['subresource']),
    verb: textOf(event['verb']),
    isResource: event['objectRef'] !== undefined,
  };
}

const SENSITIVE = /^(?:secrets|tokenreviews|serviceaccounts)$/;
const SECRET_URI = /[?&](?:token|access_token|id_token|command)=/;

/** With managed fields removed wherever an object may be. */
function withoutManaged(value: unknown, isRoot = true): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const object: Record<string, unknown> = { ...value };
  const { managedFields: _, ...metadata } = fieldsOf(object['metadata']);
  if (object['metadata'] !== undefined) object['metadata'] = metadata;
  if (isRoot && Array.isArray(object['items'])) {
    object['items'] = object['items'].map((item) => withoutManaged(item, false));
  }
  if (isRoot && Array.isArray(object['rows'])) {
    object['rows'] = object['rows'].map((row: Fields) => {
      return row['object'] === undefined
        ? row
        : { ...row, object: withoutManaged(row['object'], false) };
    });
  }
  return object;
}

/** Showing the difference of large values would take minutes. */
function assertSame(actual: unknown, expected: unknown, line: Buffer): void {
  assert.ok(isDeepStrictEqual(actual, expected), line.toString('utf8', 0, 300));
}

describe('real files', { skip: NO_REAL_FILES }, () => {
  const plain = redacting();
  const wide = redacting({ configMaps: true, env: true, paths: ['body.nobody.has.this'] });
  const strings = shaping({ bodies: 'string' });
  const managed = { ...NOTHING_WISHED, omitManagedFields: true };
  const metadata = { ...NOTHING_WISHED, level: 'Metadata' } as const;

  for (const path of REAL_FILES) {
    it(`change where they must: ${path}`, () => {
      for (const { line, value } of eventsOf(realContent(path))) {
        const event = fieldsOf(value);
        const what = whatOf(event);
        const { line: redacted } = plain.rewrite(line, what, NOTHING_WISHED);
        const isSensitive = !what.isResource || SENSITIVE.test(what.resource);
        if (!isSensitive && !SECRET_URI.test(textOf(event['requestURI']))) {
          assert.equal(redacted, line);
        }
        const { annotations } = fieldsOf(JSON.parse(redacted.toString()));
        assert.notEqual(fieldsOf(annotations)['audit-shipper.io/redacted'], '*');
        const again = wide.rewrite(line, what, NOTHING_WISHED).line;
        assert.deepEqual(Object.keys(event), withoutAdded(event, JSON.parse(again.toString())));
      }
    });

    it(`are shaped as they should be: ${path}`, () => {
      for (const { line, value } of eventsOf(realContent(path))) {
        const event = fieldsOf(value);
        const what = whatOf(event);
        const { requestObject, responseObject, ...rest } = event;
        const asString = fieldsOf(
          JSON.parse(strings.rewrite(line, what, NOTHING_WISHED).line.toString()),
        );
        const parsed = { ...asString };
        for (const body of ['requestObject', 'responseObject']) {
          if (event[body] === undefined) continue;
          parsed[body] = JSON.parse(textOf(asString[body]));
        }
        assertSame(parsed, event, line);
        const lean = fieldsOf(JSON.parse(strings.rewrite(line, what, metadata).line.toString()));
        const level = event['level'] === undefined ? {} : { level: 'Metadata' };
        assertSame(lean, { ...rest, ...level }, line);
        const slim = fieldsOf(JSON.parse(shaping({}).rewrite(line, what, managed).line.toString()));
        const expected = {
          ...(requestObject !== undefined && {
            requestObject: what.verb === 'patch' ? requestObject : withoutManaged(requestObject),
          }),
          ...(responseObject !== undefined && { responseObject: withoutManaged(responseObject) }),
        };
        assertSame(slim, { ...event, ...expected }, line);
      }
    });
  }
});

/** The keys, without the annotations when they were not there before. */
function withoutAdded(before: Fields, after: unknown): readonly string[] {
  return Object.keys(fieldsOf(after)).filter((key) => key !== 'annotations' || key in before);
}

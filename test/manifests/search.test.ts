/**
 * The templates for search engines: they are JSON, they map every field of an event and of what is added to it, and
 * nothing that a client sends makes a field of its own. No search engine is asked.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { BODIES } from '../../src/event/bodies.ts';
import { FIELDS } from '../../src/event/core.ts';
import { lossPairs } from '../../src/event/loss-notice.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { MANIFESTS } from '../support/manifests.ts';

const FOLDER = join(MANIFESTS, 'search');

interface Mapping {
  readonly type?: string;
  readonly enabled?: boolean;
  readonly dynamic?: boolean;
  readonly ignore_above?: number;
  readonly properties?: Readonly<Record<string, Mapping>>;
}

interface Template {
  readonly template?: { readonly mappings?: Mapping };
  readonly composed_of?: readonly string[];
}

function read(name: string): Template {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Template;
}

function mappingOf(name: string): Mapping {
  return read(name).template?.mappings ?? {};
}

/** All mappings, by their paths. */
function flat({ properties = {} }: Mapping, path = ''): readonly (readonly [string, Mapping])[] {
  return Object.entries(properties).flatMap(([key, mapping]) => [
    [path + key, mapping] as const,
    ...flat(mapping, `${path}${key}>`),
  ]);
}

/** What is below the fields of an event that are objects (audit.k8s.io/v1, its types.go). */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  user: ['username', 'uid', 'groups', 'extra'],
  impersonatedUser: ['username', 'uid', 'groups', 'extra'],
  objectRef: 'resource namespace name uid apiGroup apiVersion resourceVersion subresource'.split(
    ' ',
  ),
  responseStatus: ['metadata', 'status', 'message', 'reason', 'details', 'code'],
};
/** The longest text that Lucene takes has 32,766 bytes, and a character has at most four. */
const MAX_INDEXED_CHARS = 8191;

const events = readdirSync(FOLDER).filter((name) => name.startsWith('event-'));
const bodies = readdirSync(FOLDER).filter((name) => name.startsWith('bodies-'));

it('the templates are those that the documents name', () => {
  assert.deepEqual(events, ['event-elasticsearch.json', 'event-opensearch.json']);
  assert.deepEqual(bodies, ['bodies-object.json', 'bodies-string.json']);
  assert.deepEqual(read('index-template.json').composed_of, [
    'kube-audit-event',
    'kube-audit-bodies',
  ]);
  const text = readFileSync(join(MANIFESTS, '..', 'docs', 'search-engines.md'), 'utf8');
  for (const name of readdirSync(FOLDER))
    assert.ok(text.includes(`manifests/search/${name}`), name);
});

for (const name of events) {
  describe(name, () => {
    const mapping = mappingOf(name);
    const all = new Map(flat(mapping));

    it('maps every field of an event', () => {
      const wanted = FIELDS.filter((field) => !BODIES.some((body) => body === field));
      for (const field of wanted) assert.ok(all.has(field), field);
      for (const [field, names] of Object.entries(BELOW)) {
        for (const inner of names) assert.ok(all.has(`${field}>${inner}`), `${field}.${inner}`);
      }
    });

    it('maps all that is added to an event, and what is no event', () => {
      const place = { log: '', offset: 0, id: '' };
      const added = new Shipper({ fields: {}, coordinates: true }).forRecord(place, [
        ['error', ''],
        ['part', 'more'],
        ...lossPairs({
          generation: 1,
          log: '',
          fingerprint: '',
          start: 0,
          end: 1,
          path: '',
          reason: 'deleted',
          isAtLeast: true,
          since: '',
          until: '',
        }),
      ]);
      for (const [key] of added) assert.ok(all.has(`shipper>${key}`), key);
      for (const key of ['log', 'log_base64', '@timestamp']) assert.ok(all.has(key), key);
    });

    it('makes no field of what a client sends', () => {
      const open = ['shipper'];
      assert.equal(mapping.dynamic, false);
      for (const [path, { type, dynamic, properties }] of all) {
        if (properties !== undefined && !open.includes(path)) assert.equal(dynamic, false, path);
        assert.ok(type !== undefined || properties !== undefined, path);
        if (type === 'object') assert.equal(all.get(path)?.enabled, false, path);
      }
    });

    it('refuses no event for a text that is too long', () => {
      for (const [path, { type, ignore_above: most, ...rest }] of all) {
        if ('index' in rest || (type !== 'keyword' && type !== 'flattened')) continue;
        assert.ok((most ?? Infinity) <= MAX_INDEXED_CHARS, path);
      }
    });

    it('keeps the nanoseconds of times', () => {
      for (const field of ['stageTimestamp', 'requestReceivedTimestamp', '@timestamp']) {
        assert.equal(all.get(field)?.type, 'date_nanos');
      }
    });
  });
}

it('the template of OpenSearch needs keys without dots, and has none', () => {
  for (const [path] of flat(mappingOf('event-opensearch.json')))
    assert.ok(!path.includes('.'), path);
});

for (const name of bodies) {
  it(`${name} maps the bodies and nothing else`, () => {
    const all = flat(mappingOf(name));
    assert.deepEqual(
      all.map(([path]) => path),
      BODIES,
    );
    const isText = name === 'bodies-string.json';
    for (const [, { type, enabled }] of all) {
      assert.equal(type, isText ? 'text' : 'object');
      assert.equal(enabled, isText ? undefined : false);
    }
  });
}

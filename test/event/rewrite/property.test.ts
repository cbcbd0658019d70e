/**
 * For any JSON at all: what is redacted is what a second, slower opinion redacts, and every other byte stays. The
 * second opinion changes a tree that knows how it is written, and so knows each byte of the result.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  isNull,
  mapChildren,
  mapMembers,
  scalar,
  textOf,
  trees,
  type Tree,
} from '../../support/json-trees.ts';
import { NOTHING_WISHED, redacting, rewritten, shaping, whatOf } from '../../support/rewriting.ts';

const COPY = 'kubectl.kubernetes.io/last-applied-configuration';
const KEYS = [
  '',
  COPY,
  ...'data stringData metadata annotations items rows object'.split(' '),
  ...'kind type a dryRun message value op path'.split(' '),
];
const MARK = scalar('"[redacted]"');
const RUNS = { numRuns: 2000 };

/** Without the annotation at the end, which is there when something was redacted. */
function unannotated(line: string): string {
  return line.replace(
    /,?"annotations":\{"audit-shipper\.io\/redacted":"(?:[^"\\]|\\.)*"\}\}$/,
    '}',
  );
}

/** Anything else than an object is redacted whole. */
function asObject(tree: Tree, change: (object: Tree) => Tree): Tree {
  if (isNull(tree)) return tree;
  return tree.kind === 'object' ? change(tree) : MARK;
}

function marked(tree: Tree): Tree {
  return isNull(tree) ? tree : MARK;
}

describe('a Secret of any shape', () => {
  const KNOWN = ['kind', 'apiVersion', 'type', 'immutable', '$patch', '$retainKeys'];
  const OF_REQUESTS = ['dryRun'];

  const annotations = (tree: Tree): Tree =>
    asObject(tree, (map) =>
      mapMembers(map, ({ key, value }) => (key === COPY ? marked(value) : value)),
    );

  function object(tree: Tree, rest: (key: string, value: Tree) => Tree): Tree {
    return asObject(tree, (map) =>
      mapMembers(map, ({ key, value }) => {
        if (key === 'data' || key === 'stringData') {
          return asObject(value, (values) => mapChildren(values, marked));
        }
        if (key === 'metadata') {
          return asObject(value, (metadata) =>
            mapMembers(metadata, (one) =>
              one.key === 'annotations' ? annotations(one.value) : one.value,
            ),
          );
        }
        if (KNOWN.includes(key) || OF_REQUESTS.includes(key)) return value;
        return rest(key, value);
      }),
    );
  }

  const inner = (tree: Tree): Tree => object(tree, (_, value) => marked(value));

  function listed(value: Tree, change: (child: Tree) => Tree): Tree {
    if (isNull(value)) return value;
    return value.kind === 'scalar' ? MARK : mapChildren(value, change);
  }

  const row = (tree: Tree): Tree =>
    mapMembers(tree, ({ key, value }) => (key === 'object' ? inner(value) : value));

  const body = (tree: Tree): Tree =>
    object(tree, (key, value) => {
      if (key === 'items') return listed(value, inner);
      return key === 'rows' ? listed(value, row) : marked(value);
    });

  it('is redacted as the second opinion says, and stays so', () => {
    const rewriter = redacting();
    fc.assert(
      fc.property(trees(KEYS), trees(KEYS), (request, other) => {
        const event = (first: Tree): string =>
          `{"a":${textOf(other)},"requestObject":${textOf(first)} ,"responseStatus":{"code":200}}`;
        const line = event(request);
        const result = rewritten(rewriter, line);
        assert.equal(unannotated(result), event(body(request)));
        assert.equal(unannotated(result) === result, textOf(body(request)) === textOf(request));
        assert.equal(rewritten(rewriter, result), result);
        JSON.parse(result);
      }),
      RUNS,
    );
  });

  it('is the object that a JSON patch makes of it', () => {
    const rewriter = redacting();
    const segment = fc.constantFrom(...KEYS, 'a~1b', '0', '-');
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), trees(KEYS), (keys, tree) => {
        const pointer = keys.map((key) => `/${key.includes('~') ? key : key.replace('/', '~1')}`);
        const path = pointer.join('');
        // Of the empty key the object itself is made, which the other test looks at.
        fc.pre(path !== '/');
        const patch = (value: string): string =>
          `{"requestObject":[{"value":${value},"op":"add","path":${JSON.stringify(path)}}]}`;
        const result = rewritten(rewriter, patch(textOf(tree)));
        const made = keys.reduceRight<Tree>((value, key) => {
          return { kind: 'object', members: [{ key, keyText: '""', value }], blank: '' };
        }, tree);
        const expected = atDepth(body(made), keys.length) ?? MARK;
        assert.equal(unannotated(result), patch(textOf(expected)));
      }),
      RUNS,
    );
  });
});

/** The value in the only member of the only member; undefined where it is not there any more. */
function atDepth(tree: Tree, depth: number): Tree | undefined {
  if (depth === 0) return tree;
  return tree.kind === 'object' && tree.members[0] !== undefined
    ? atDepth(tree.members[0].value, depth - 1)
    : undefined;
}

describe('paths of the user', () => {
  type Step = string | undefined;
  const NAMES = ['a', 'b', 'items', 'é"\\'];
  const steps = fc.array(fc.constantFrom<Step>(...NAMES, undefined), {
    minLength: 1,
    maxLength: 4,
  });

  /** @param wanted places, of which the first steps lead here. */
  function redactedAt(tree: Tree, wanted: readonly (readonly Step[])[]): Tree {
    if (isNull(tree)) return tree;
    const isWanted = wanted.some((path) => path.length === 0);
    const isAllWanted = wanted.some((path) => path.length === 1 && path[0] === undefined);
    if (isWanted || (isAllWanted && tree.kind === 'scalar')) return MARK;
    const each = wanted.filter(([first]) => first === undefined).map((path) => path.slice(1));
    if (tree.kind === 'array') return mapChildren(tree, (child) => redactedAt(child, each));
    return mapMembers(tree, ({ key, value }) => {
      const named = wanted.filter(([first]) => first === key).map((path) => path.slice(1));
      return redactedAt(value, [...each, ...named]);
    });
  }

  function written(path: readonly Step[]): string {
    return path.map((step) => (step === undefined ? '[*]' : `[${JSON.stringify(step)}]`)).join('');
  }

  const paths = fc.array(steps, { minLength: 1, maxLength: 3 });

  it('are followed in the fields of an event', () => {
    fc.assert(
      fc.property(paths, trees(NAMES), (wanted, tree) => {
        const rewriter = redacting({ paths: wanted.map((path) => `user${written(path)}`) });
        const line = (user: Tree): string => `{"user":${textOf(user)}}`;
        const result = rewritten(rewriter, line(tree), whatOf('/pods/'));
        assert.equal(unannotated(result), line(redactedAt(tree, wanted)));
      }),
      RUNS,
    );
  });

  it('are followed in bodies, and in each object of a list', () => {
    fc.assert(
      fc.property(paths, trees(NAMES), (wanted, tree) => {
        const rewriter = redacting({ paths: wanted.map((path) => `body${written(path)}`) });
        const line = (user: Tree): string => `{"requestObject":${textOf(user)}}`;
        const result = rewritten(rewriter, line(tree), whatOf('/pods/'));
        const listed = wanted.map((path) => ['items', undefined, ...path]);
        assert.equal(unannotated(result), line(redactedAt(tree, [...wanted, ...listed])));
      }),
      RUNS,
    );
  });
});

describe('keys without dots', () => {
  const NAMES = ['a', 'a.b', 'a_b', 'a_b_2', 'a.b_2', '.', '_', 'é.🚀', 'a.b.c'];

  /** The scalars in their order, and how many members and elements stand around them. */
  function shapeOf(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    return Object.values(value).map(shapeOf);
  }

  it('lose no member, however they collide', () => {
    const rewriter = shaping({ dedot: true });
    fc.assert(
      fc.property(trees(NAMES), (tree) => {
        const line = `{"root":${textOf(withoutTwins(tree))}}`;
        const result = rewritten(rewriter, line);
        assert.ok(!/"(?:[^"\\]|\\.)*\.(?:[^"\\]|\\.)*"\s*:/.test(withoutValues(result)), result);
        const [before, after] = [line, result].map((text) => shapeOf(JSON.parse(text)));
        assert.deepEqual(after, before);
        assert.equal(rewritten(rewriter, result), result);
      }),
      RUNS,
    );
  });

  function withoutValues(text: string): string {
    return text.replace(/:\s*"(?:[^"\\]|\\.)*"/g, ':0');
  }

  /** JSON.parse would keep only the last of several members with one key. */
  function withoutTwins(tree: Tree): Tree {
    if (tree.kind !== 'object') return mapChildren(tree, withoutTwins);
    const members = tree.members.filter(
      ({ key }, index) => tree.members.findIndex((other) => other.key === key) === index,
    );
    return mapChildren({ ...tree, members }, withoutTwins);
  }
});

describe('managed fields', () => {
  const NAMES = ['metadata', 'managedFields', 'items', 'rows', 'object', 'a'];
  type Value = Readonly<Record<string, unknown>>;
  const isMap = (value: unknown): value is Value =>
    typeof value === 'object' && value !== null && !Array.isArray(value);

  function without(value: unknown): unknown {
    if (!isMap(value) || !isMap(value['metadata'])) return value;
    const { managedFields: _, ...metadata } = value['metadata'];
    return { ...value, metadata };
  }

  function eachOf(value: unknown, change: (one: unknown) => unknown): unknown {
    if (Array.isArray(value)) return value.map(change);
    if (!isMap(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one)]));
  }

  function expected(value: unknown): unknown {
    const object = without(value);
    if (!isMap(object)) return object;
    const row = (one: unknown): unknown =>
      isMap(one) && 'object' in one ? { ...one, object: without(one['object']) } : one;
    return {
      ...object,
      ...('items' in object && { items: eachOf(object['items'], without) }),
      ...('rows' in object && { rows: eachOf(object['rows'], row) }),
    };
  }

  it('are left out wherever an object is, and nothing else', () => {
    const wish = { ...NOTHING_WISHED, omitManagedFields: true };
    fc.assert(
      fc.property(trees(NAMES), (tree) => {
        const line = `{"responseObject":${textOf(tree)}}`;
        const result = rewritten(shaping({}), line, whatOf('/pods/'), wish);
        const { responseObject } = JSON.parse(line) as Value;
        assert.deepEqual(JSON.parse(result), { responseObject: expected(responseObject) });
      }),
      RUNS,
    );
  });
});

/**
 * The line a person reads at three in the morning: what it says, that it stays in its columns, and that no event,
 * however hostile, breaks the terminal or the program.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { prettyEvent, prettyInvalid, type PrettyOptions } from '../../src/event/pretty.ts';
import { sharedData } from '../support/project.ts';

const PLAIN: PrettyOptions = { color: false, width: undefined, wide: false, timeZone: 'UTC' };

/** An event as kube-apiserver writes it; `changes` replaces top-level fields. */
function eventWith(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: '0d0d0d0d-0000-4000-8000-000000000001',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/prod/secrets/db-password',
    verb: 'get',
    user: { username: 'alice', groups: ['system:authenticated'] },
    sourceIPs: ['203.0.113.9', '10.0.0.7'],
    userAgent: 'kubectl/v1.30.1 (linux/amd64)',
    objectRef: { resource: 'secrets', namespace: 'prod', name: 'db-password', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: '2026-03-04T05:06:07.089000Z',
    stageTimestamp: '2026-03-04T05:06:07.096700Z',
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    ...changes,
  };
}

function shown(
  changes: Readonly<Record<string, unknown>>,
  options: Partial<PrettyOptions> = {},
): string {
  return prettyEvent(eventWith(changes), { ...PLAIN, ...options });
}

/** The words of a line, without the blanks that align them. */
function wordsOf(line: string): string {
  return line.replace(/ +/g, ' ');
}

/** The SGR sequences that colour is made of; nothing else may begin with ESC. */
const SGR = /\u001b\[(?:0|1|2|31|32|33|1;31)m/g;
/** What a terminal acts upon. Written down apart from observe/terminal.ts on purpose. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\p{Surrogate}]/u;
/** Certainly two columns; a second opinion on src/event/columns.ts. */
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Emoji_Presentation}\uff01-\uff60\uac00-\ud7a3]/u;

function columnsAtLeast(text: string): number {
  return Array.from(text).reduce((sum, char) => sum + (WIDE.test(char) ? 2 : 1), 0);
}

function assertHarmless(line: string, width: number | undefined): void {
  const bare = line.replace(SGR, '');
  assert.doesNotMatch(bare, CONTROL);
  if (width !== undefined) assert.ok(columnsAtLeast(bare) <= width, `${width} columns: ${bare}`);
}

describe('what a line says', () => {
  it('tells when, what came of it, who, did what, to what', () => {
    assert.equal(
      shown({}),
      '2026-03-04 05:06:07.096 ok       200  7.7ms alice                        get    secrets                      prod/db-password',
    );
  });

  it('fits 80 columns with the date and the whole name', () => {
    assert.equal(
      shown({}, { width: 80 }),
      '03-04 05:06:07 ok       200  7.7ms alice         get    secrets prod/db-password',
    );
  });

  const verdicts: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['a protocol switch', { responseStatus: { code: 101 } }, / ok +101 /],
    ['a missing login', { responseStatus: { code: 401 } }, / denied +401 /],
    ['a refusal', { responseStatus: { code: 403 } }, / denied +403 /],
    ['a missing object', { responseStatus: { code: 404 } }, / failed +404 /],
    ['a server error', { responseStatus: { code: 503 } }, / error +503 /],
    ['a panic', { stage: 'Panic', responseStatus: { code: 500 } }, / panic +500 /],
    ['a request', { stage: 'RequestReceived', responseStatus: undefined }, / received - +- alice /],
    ['the start of a watch', { stage: 'ResponseStarted' }, / started +200 /],
    ['a stage of the future', { stage: 'Teleported' }, / Teleported 200 /],
    ['an old event without a stage', { stage: undefined }, / ok +200 /],
    ['no response', { responseStatus: undefined }, / - +- +7\.7ms /],
    ['a Failure without a code', { responseStatus: { status: 'Failure' } }, / failed +- /],
    ['a Success without a code', { responseStatus: { status: 'Success' } }, / ok +- /],
    ['a code that is none', { responseStatus: { code: '200' } }, / - +- /],
  ];
  for (const [name, changes, expected] of verdicts) {
    it(`gives a verdict on ${name}`, () => {
      assert.match(shown(changes), expected);
    });
  }

  const targets: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    [
      'a group',
      { resource: 'deployments', apiGroup: 'apps', name: 'web' },
      / deployments\.apps +web$/,
    ],
    [
      'a subresource',
      { resource: 'pods', subresource: 'exec', namespace: 'a', name: 'b' },
      / pods\/exec +a\/b$/,
    ],
    ['a namespace without a name', { resource: 'pods', namespace: 'prod' }, / pods +prod\/$/],
    ['a resource alone', { resource: 'nodes' }, / nodes$/],
    ['a name with a blank', { resource: 'pods', name: 'x 200 ok' }, / pods +"x 200 ok"$/],
  ];
  for (const [name, objectRef, expected] of targets) {
    it(`names ${name}`, () => {
      assert.match(shown({ objectRef }), expected);
    });
  }

  it('shows the URI of a request about no object, and drops its query before its path', () => {
    const changes = {
      objectRef: undefined,
      requestURI: '/apis/metrics.k8s.io/v1beta1?timeout=32s',
    };
    assert.match(shown(changes), / get +\/apis\/metrics\.k8s\.io\/v1beta1\?timeout=32s$/);
    assert.match(shown(changes, { width: 100 }), / \/apis\/metrics\.k8s\.io\/v1beta1\?…$/);
  });

  it('says why a request failed', () => {
    const responseStatus = { code: 403, reason: 'Forbidden', message: 'pods is\nforbidden' };
    const annotations = {
      'authorization.k8s.io/decision': 'forbid',
      'authorization.k8s.io/reason': 'no RBAC policy matched',
    };
    assert.match(
      shown({ responseStatus, annotations }),
      /prod\/db-password {2}Forbidden: pods is\\nforbidden \(no RBAC policy matched\)$/,
    );
  });

  it('is silent about the authorizer of a request that succeeded', () => {
    const annotations = {
      'authorization.k8s.io/decision': 'allow',
      'authorization.k8s.io/reason': 'RBAC: allowed by ClusterRoleBinding "x"',
    };
    assert.doesNotMatch(shown({ annotations }), /RBAC/);
  });

  it('adds source addresses and user agent on request', () => {
    assert.match(
      shown({}, { wide: true }),
      /db-password {2}from 203\.0\.113\.9,10\.0\.0\.7 {2}"kubectl\/v1\.30\.1 \(linux\/amd64\)"$/,
    );
    const sourceIPs = Array.from({ length: 1000 }, (_, index) => `10.0.0.${index % 250}`);
    assert.match(shown({ sourceIPs }, { wide: true }), /10\.0\.0\.7,\+992 /);
  });

  it('takes the timestamp of v1beta1 when there is no stageTimestamp', () => {
    const changes = { stageTimestamp: undefined, timestamp: '2017-09-11T19:55:05Z' };
    assert.match(shown(changes), /^2017-09-11 19:55:05\.000 ok +200 +- /);
  });

  it('shows an event without anything as dashes', () => {
    assert.equal(wordsOf(prettyEvent({}, PLAIN)), '- - - - - - -');
  });
});

describe('who', () => {
  const names: readonly (readonly [string, string])[] = [
    ['alice@example.com', 'alice@example.com'],
    ['system:serviceaccount:prod:deployer', 'sa:prod/deployer'],
    ['sa:prod/deployer', '"sa:prod/deployer"'],
    ['system:serviceaccount:prod:x/../y', 'system:serviceaccount:prod:x/../y'],
    ['system:node:worker-1', 'system:node:worker-1'],
    ['bob "the builder"', '"bob \\"the builder\\""'],
    ['admin as bob', '"admin as bob"'],
    ['-', '"-"'],
    ['', '-'],
    ['root\u001b[2K\r', '"root\\x1b[2K\\r"'],
  ];
  for (const [username, expected] of names) {
    it(`shows ${JSON.stringify(username)} as ${expected}`, () => {
      const line = wordsOf(shown({ user: { username } }));
      assert.ok(line.includes(` 7.7ms ${expected} get `), line);
    });
  }

  it('shows who acted as whom', () => {
    const impersonatedUser = { username: 'system:serviceaccount:prod:deployer' };
    assert.match(shown({ impersonatedUser }), / alice as sa:prod\/deployer +get /);
  });

  it('keeps both names of an impersonation recognisable on a narrow terminal', () => {
    const line = shown(
      {
        user: { username: 'kubernetes-administrator' },
        impersonatedUser: { username: 'alice@engineering.example.com' },
      },
      { width: 80 },
    );
    assert.match(line, / kube\S*…\S*tor as alice…\S*com /);
  });

  it('never gives two different users the same text', () => {
    const part = fc.constantFrom(
      'a',
      ' as ',
      'sa:',
      '"',
      '\\',
      '/',
      ':',
      'system:serviceaccount:',
      '-',
    );
    const name = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(name, name, (one, other) => {
        fc.pre(one !== other);
        assert.notEqual(shown({ user: { username: one } }), shown({ user: { username: other } }));
      }),
    );
  });
});

describe('colour', () => {
  it('only adds colour', () => {
    for (const code of [200, 403, 404, 500]) {
      const changes = { responseStatus: { code, reason: 'Because' } };
      const colored = shown(changes, { color: true, width: 120 });
      assert.match(colored, SGR);
      assert.equal(colored.replace(SGR, ''), shown(changes, { width: 120 }));
    }
  });

  it('is red for a refusal and green for a success', () => {
    assert.match(shown({}, { color: true }), /\u001b\[32mok\u001b\[0m/);
    const refused = shown({ responseStatus: { code: 403 } }, { color: true });
    assert.match(refused, /\u001b\[31mdenied\u001b\[0m/);
  });
});

describe('columns', () => {
  it('begin at the same place whatever the event', () => {
    const lines = [
      shown({}, { width: 120 }),
      shown({ user: { username: '用户-zoë-🚀' }, verb: 'delete' }, { width: 120 }),
      shown({ responseStatus: { code: 403, reason: 'Forbidden' }, verb: '' }, { width: 120 }),
      shown({ stage: 'RequestReceived', responseStatus: undefined }, { width: 120 }),
      shown({ user: { username: 'u'.repeat(300) } }, { width: 120 }),
    ];
    const starts = lines.map((line) => columnsAtLeast(line.slice(0, line.indexOf('secrets'))));
    assert.deepEqual(new Set(starts), new Set([starts[0]]));
  });

  it('a terminal that does not know its width (0) cuts nothing', () => {
    assert.equal(shown({}, { width: 0 }), shown({}));
  });
});

describe('a line that is no event', () => {
  const where = { file: '/var/log/audit.log', offset: 4711, error: 'not JSON' };

  it('says where, why, and how it begins', () => {
    assert.equal(
      wordsOf(prettyInvalid('{"kind":"Ev\u0000\u001b[2J', where, PLAIN)),
      '- invalid /var/log/audit.log:4711 not JSON: {"kind":"Ev\\x00\\x1b[2J',
    );
  });

  it('is cut even where there is no width', () => {
    assert.ok(prettyInvalid('x'.repeat(5_000_000), where, PLAIN).length < 300);
  });
});

/** Any JSON value, and often one that nearly fits. */
const junk = fc.oneof(
  fc.jsonValue({ stringUnit: 'binary' }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constantFrom('RequestReceived', 'ResponseStarted', 'Panic', '\u001b]0;x\u0007', '__proto__'),
  fc.constantFrom<unknown>(0, -1, 200, 403, 500, 1e308, '2026-03-04T05:06:07.089000Z'),
  fc.constantFrom('9999-12-31T23:59:59.999999999-14:00', '0000-01-01T00:00:00Z'),
);

function junkFields(...names: readonly string[]): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(names.map((name) => [name, junk]));
  return fc.oneof({ weight: 4, arbitrary: fc.record(fields, { requiredKeys: [] }) }, junk);
}

const hostileEvent = fc.record(
  {
    stage: junk,
    verb: junk,
    requestURI: junk,
    userAgent: junk,
    timestamp: junk,
    stageTimestamp: junk,
    requestReceivedTimestamp: junk,
    sourceIPs: fc.oneof(fc.array(junk), junk),
    user: junkFields('username'),
    impersonatedUser: junkFields('username'),
    objectRef: junkFields('resource', 'apiGroup', 'subresource', 'namespace', 'name'),
    responseStatus: junkFields('code', 'status', 'reason', 'message'),
    annotations: junkFields('authorization.k8s.io/decision', 'authorization.k8s.io/reason'),
  },
  { requiredKeys: [] },
);

const anyOptions: fc.Arbitrary<PrettyOptions> = fc.record({
  color: fc.boolean(),
  width: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
  wide: fc.boolean(),
  timeZone: fc.constantFrom('UTC', 'Pacific/Chatham'),
});

describe('hostile events', () => {
  it('never throw, never reach the terminal raw, never exceed its width', () => {
    fc.assert(
      fc.property(hostileEvent, anyOptions, (event, options) => {
        assertHarmless(prettyEvent(event, options), options.width);
      }),
      { numRuns: 1000 },
    );
  });

  it('nor do lines that are no events', () => {
    const text = fc.string({ unit: 'binary', maxLength: 500 });
    fc.assert(
      fc.property(text, text, text, anyOptions, (line, file, error, options) => {
        assertHarmless(prettyInvalid(line, { file, offset: 1, error }, options), options.width);
      }),
    );
  });
});

// --- real events ---

/** A file's events: one a line, one in the whole file, or a list of them. */
function* eventsOf(path: string): Generator<Record<string, unknown>> {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  for (const candidate of [...text.split('\n'), text.replace('\ufeff', '')]) {
    const value = parsed(candidate);
    if (!isRecord(value)) continue;
    yield value;
    if (Array.isArray(value['items'])) yield* value['items'].filter(isRecord);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // A torn line, legacy text, or a line of a file that is one value: not what we look for.
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe('real events', () => {
  const folder = sharedData();

  it(
    'all become one harmless line',
    { skip: folder === undefined && 'no shared data here' },
    () => {
      let count = 0;
      for (const entry of readdirSync(folder ?? '', { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        for (const event of eventsOf(join(entry.parentPath, entry.name))) {
          count += 1;
          assertHarmless(prettyEvent(event, PLAIN), undefined);
          const narrow = { ...PLAIN, color: true, wide: true, width: 90 };
          assertHarmless(prettyEvent(event, narrow), narrow.width);
        }
      }
      assert.ok(count > 10_000, `only ${count} events found`);
    },
  );
});

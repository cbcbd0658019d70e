/** What becomes of an event, byte for byte: redacted values, bodies, levels, managed fields, the annotation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Rewriter, Wish } from '../../../src/event/rewrite/rewriter.ts';
import { NOTHING_WISHED, redacting, rewritten, shaping, whatOf } from '../../support/rewriting.ts';

const plain = redacting();
const X = '"[redacted]"';

/** The annotation with these paths, as a member. */
function said(paths: string): string {
  return `"audit-shipper.io/redacted":${JSON.stringify(paths)}`;
}

/** Rewrites an event about a Secret, without annotations, and expects this and these paths. */
function becomes(line: string, expected: string, paths: string, rewriter = plain): void {
  const annotated = expected.replace(/\}$/, `,"annotations":{${said(paths)}}}`);
  assert.equal(rewritten(rewriter, line), annotated);
}

describe('a redacted event', () => {
  it('keeps its keys and everything else, byte for byte', () => {
    becomes(
      ' {"n":9007199254740993, "requestObject" : {"data":{ "a" : "x" ,"b":"y"},"type":"é\\u00e9\\/"} ,"f":1.50e+2,"n":1}',
      ` {"n":9007199254740993, "requestObject" : {"data":{ "a" : ${X} ,"b":${X}},"type":"é\\u00e9\\/"} ,"f":1.50e+2,"n":1}`,
      'requestObject.data.a, requestObject.data.b',
    );
  });

  it('keeps null, which holds nothing, and says when a value is removed', () => {
    const line = '{"requestObject":{"data":{"a":null},"stringData":null,"metadata":null}}';
    assert.equal(rewritten(plain, line), line);
  });

  it('is the same buffer when there is nothing to redact', () => {
    const line = Buffer.from('{"requestObject":{"kind":"Secret","type":"Opaque"}}');
    const result = plain.rewrite(line, whatOf('/secrets/'), NOTHING_WISHED);
    assert.equal(result.line, line);
    assert.equal(result.redacted, 0);
  });

  it('has the paths of its values once, with indices as stars', () => {
    becomes(
      '{"responseObject":{"items":[{"data":{"a":"x"}},{"data":{"a":"y","b.c":"z"}}]}}',
      `{"responseObject":{"items":[{"data":{"a":${X}}},{"data":{"a":${X},"b.c":${X}}}]}}`,
      'responseObject.items[*].data.a, responseObject.items[*].data["b.c"]',
    );
  });

  it('has the annotation beside its others', () => {
    const line = '{"annotations":{"a":"b"},"requestObject":{"data":{"a":"x"}}}';
    const expected = `{"annotations":{"a":"b",${said('requestObject.data.a')}},"requestObject":{"data":{"a":${X}}}}`;
    assert.equal(rewritten(plain, line), expected);
  });

  it('has one annotation also where somebody has forged it', () => {
    const forged = '"audit-shipper.io/redacted":"no","audit-shipper.io\\/redacted":"none"';
    for (const [others, left] of [
      ['', ''],
      ['"a":"b",', '"a":"b",'],
    ] as const) {
      const line = `{"requestObject":{"data":{"a":"x"}},"annotations":{${others}${forged}}}`;
      const expected = `{"requestObject":{"data":{"a":${X}}},"annotations":{${left}${said('requestObject.data.a')}}}`;
      assert.equal(rewritten(plain, line), expected);
    }
  });

  it('has an annotation also where annotations are null', () => {
    const line = '{"annotations":null,"requestObject":{"data":{"a":"x"}}}';
    const event = JSON.parse(rewritten(plain, line)) as { annotations: unknown };
    assert.deepEqual(event.annotations, { 'audit-shipper.io/redacted': 'requestObject.data.a' });
  });

  it('bounds the annotation, whatever keys a client chooses', () => {
    const keys = Array.from({ length: 1000 }, (_, index) => `${index}${'"\\\u2028é'.repeat(50)}`);
    const data = Object.fromEntries(keys.map((key) => [key, 'x']));
    const line = rewritten(plain, JSON.stringify({ requestObject: { data } }));
    const event = JSON.parse(line) as { annotations: Record<string, string> };
    const text = event.annotations['audit-shipper.io/redacted'] ?? '';
    assert.match(text, /^requestObject\.data\["0\\"/);
    assert.match(text, /, … and 968 more$/);
    assert.ok(text.length < 32 * 600);
  });

  it('cuts a long key in its annotation, and nowhere else', () => {
    const key = 'k'.repeat(100);
    becomes(
      `{"requestObject":{"data":{"${key}":"x"}}}`,
      `{"requestObject":{"data":{"${key}":${X}}}}`,
      `requestObject.data["${'k'.repeat(64)}…"]`,
    );
  });

  it('shows with a key which values are equal, whatever their escapes', () => {
    const rewriter = redacting({ hashKey: Buffer.from('secret') });
    const line = '{"requestObject":{"data":{"a":"k\\u00e9y","b":"kéy","c":"other","d":[1]}}}';
    const event = JSON.parse(rewritten(rewriter, line)) as {
      requestObject: { data: Record<string, string> };
    };
    const { a, b, c, d } = event.requestObject.data;
    assert.equal(a, b);
    assert.match(a ?? '', /^hmac-sha256:[0-9a-f]{32}$/);
    assert.equal(new Set([a, c, d]).size, 3);
    const other = redacting({ hashKey: Buffer.from('another') });
    assert.notEqual(rewritten(other, line), rewritten(rewriter, line));
  });

  it('keeps nothing that a refusal says when its code may be one that quotes', () => {
    for (const codes of ['"a":1', '"code":"x","code":400', '"code":422,"code":200', '"code":5e2']) {
      const status = (message: string): string =>
        `"responseStatus":{${codes},"message":${message}}`;
      becomes(`{${status('"b"')}}`, `{${status(X)}}`, 'responseStatus.message');
    }
  });

  it('keeps what a refusal says when it names objects only', () => {
    for (const code of [403, 404, 409]) {
      const line = `{"responseStatus":{"message":"secrets \\"a\\" …","code":${code}},"responseObject":{"kind":"Status","message":"b"}}`;
      assert.equal(rewritten(plain, line), line);
    }
  });
});

describe('bodies', () => {
  const line =
    '{"a":1,"requestObject":{"n":9007199254740993, "s":"\\u00e9\\n"},"responseObject":null,"b":2}';

  it('stay as they are', () => {
    assert.equal(rewritten(shaping({ bodies: 'object' }), line), line);
  });

  it('are one string of JSON each; null stays null', () => {
    const text = JSON.stringify('{"n":9007199254740993, "s":"\\u00e9\\n"}');
    const expected = `{"a":1,"requestObject":${text},"responseObject":null,"b":2}`;
    const rewriter = shaping({ bodies: 'string' });
    assert.equal(rewritten(rewriter, line), expected);
    assert.equal(rewritten(rewriter, expected), expected);
  });

  it('are redacted before they are strings', () => {
    const rewriter = redacting({}, { bodies: 'string' });
    becomes(
      '{"requestObject":{"data":{"a":"x"}}}',
      `{"requestObject":"{\\"data\\":{\\"a\\":\\"[redacted]\\"}}"}`,
      'requestObject.data.a',
      rewriter,
    );
  });

  it('that are redacted whole are the mark, and no string of it', () => {
    for (const body of ['7', '"text"', 'true']) {
      const rewriter = redacting({}, { bodies: 'string' });
      becomes(`{"requestObject":${body}}`, `{"requestObject":${X}}`, 'requestObject', rewriter);
    }
    const all = redacting({ paths: ['body'] }, { bodies: 'string' });
    becomes('{"requestObject":{"a":1}}', `{"requestObject":${X}}`, 'requestObject', all);
  });

  const dropped: readonly (readonly [string, string])[] = [
    ['{"a":1,"requestObject":{},"responseObject":[],"b":2}', '{"a":1,"b":2}'],
    ['{"requestObject":{},"responseObject":[],"b":2}', '{"b":2}'],
    ['{"a":1,"requestObject":{},"responseObject":[]}', '{"a":1}'],
    ['{"requestObject":{},"a":1,"responseObject":[],"b":2}', '{"a":1,"b":2}'],
    ['{"requestObject":{"requestObject":1}}', '{}'],
    [
      '{"request\\u004fbject":1,"requestObject":2,"a":{"requestObject":3}}',
      '{"a":{"requestObject":3}}',
    ],
  ];
  for (const [before, after] of dropped) {
    it(`are left out of ${before}`, () => {
      assert.equal(rewritten(shaping({ bodies: 'drop' }), before), after);
    });
  }
});

describe('a lowered level', () => {
  const event = (level: string, bodies: string): string => `{"level":${level}${bodies}}`;
  const both = ',"requestObject":1,"responseObject":2';
  const cases: readonly (readonly [string, Wish['level'], string])[] = [
    [event('"RequestResponse"', both), 'Request', event('"Request"', ',"requestObject":1')],
    [event('"RequestResponse"', both), 'Metadata', event('"Metadata"', '')],
    [event('"Request"', ',"requestObject":1'), 'Metadata', event('"Metadata"', '')],
    [event('"Metadata"', ''), 'Request', event('"Metadata"', '')],
    [event('"Requ\\u0065st"', ''), 'Request', event('"Requ\\u0065st"', '')],
    [event('"Future"', both), 'Metadata', event('"Metadata"', '')],
    [event('7', ''), 'Request', event('"Request"', '')],
    ['{"a":1}', 'Metadata', '{"a":1}'],
  ];
  for (const [before, level, after] of cases) {
    it(`is ${level} for ${before}`, () => {
      assert.equal(rewritten(shaping({}), before, whatOf('/pods/'), { level }), after);
    });
  }

  it('takes the patches of webhooks with the bodies they are about', () => {
    const webhook = (rest: string): string =>
      `{"annotations":{"mutation.webhook.admission.k8s.io/round_0_index_0":"a"${rest}}}`;
    const patch = ',"patch.webhook.admission.k8s.io/round_0_index_0":"{}"';
    const what = whatOf('/pods/');
    const lower = (level: Wish['level']): string =>
      rewritten(shaping({}), webhook(patch), what, { level });
    assert.equal(lower('Metadata'), webhook(''));
    assert.equal(lower('Request'), webhook(patch));
  });
});

describe('managed fields', () => {
  const MANAGED = '"managedFields":[{"manager":"a","fieldsV1":{"f:a":{}}}]';
  const without = (line: string, verb = 'update'): string =>
    rewritten(shaping({}), line, whatOf('/pods/', verb), { omitManagedFields: true });

  it('are left out of an object, of lists and tables', () => {
    const object = (more: string): string => `{"metadata":{"name":"a"${more}},"managedFields":1}`;
    const all = (more: string): string =>
      `{"requestObject":${object(more)},"responseObject":{"items":[${object(more)},${object(more)}],"rows":[{"object":${object(more)}}]}}`;
    assert.equal(without(all(`,${MANAGED}`)), all(''));
  });

  it('leave no comma behind', () => {
    assert.equal(
      without(`{"requestObject":{"metadata":{${MANAGED}}}}`),
      '{"requestObject":{"metadata":{}}}',
    );
    assert.equal(
      without(
        `{"requestObject":{"metadata":{${MANAGED} , ${MANAGED},"a":1,${MANAGED},${MANAGED}}}}`,
      ).replaceAll(' ', ''),
      '{"requestObject":{"metadata":{"a":1}}}',
    );
  });

  it('stay in a patch, which kube-apiserver writes as it came', () => {
    const line = `{"requestObject":{"metadata":{${MANAGED}}},"responseObject":{"metadata":{${MANAGED}}}}`;
    const left = `{"requestObject":{"metadata":{${MANAGED}}},"responseObject":{"metadata":{}}}`;
    assert.equal(without(line, 'patch'), left);
  });
});

describe('events are rewritten', () => {
  const concern = (rewriter: Rewriter, of: string, wish: Partial<Wish> = {}): string =>
    rewriter.concerns(whatOf(of), { ...NOTHING_WISHED, ...wish });

  it('with a body, or when a refusal may quote a secret', () => {
    for (const of of ['/secrets/', '/secrets/status', '/serviceaccounts/token']) {
      assert.equal(concern(plain, of), 'quotes');
    }
    assert.equal(concern(plain, 'authentication.k8s.io/tokenreviews/'), 'quotes');
  });

  it('never when they are about something else', () => {
    for (const of of [
      '/pods/',
      '/configmaps/',
      '/serviceaccounts/',
      'x/secrets/',
      'constructor/pods/',
    ]) {
      assert.equal(concern(plain, of), 'never');
    }
    assert.equal(concern(shaping({}), '/secrets/'), 'never');
  });

  it('when they are about what the user wants', () => {
    assert.equal(concern(redacting({ configMaps: true }), '/configmaps/'), 'quotes');
    assert.equal(concern(redacting({ env: true }), 'apps/deployments/'), 'quotes');
    assert.equal(concern(redacting({ env: true }), '/services/'), 'never');
    assert.equal(concern(redacting({ paths: ['body.a'] }), '/services/'), 'bodies');
    assert.equal(concern(redacting({ paths: ['user.extra.*'] }), '/services/'), 'always');
    assert.equal(concern(shaping({ bodies: 'drop' }), '/services/'), 'bodies');
    assert.equal(concern(shaping({ dedot: true }), '/services/'), 'always');
  });

  it('when the policy wants it', () => {
    assert.equal(concern(shaping({}), '/services/', { level: 'Request' }), 'always');
    assert.equal(concern(shaping({}), '/services/', { omitManagedFields: true }), 'bodies');
  });

  it('when nobody knows what their bodies are', () => {
    assert.equal(concern(plain, ''), 'bodies');
  });
});

describe('an event of very many secrets', () => {
  it('is gone through to its end', () => {
    const many = 300_000;
    const values = (value: string): string => `${`"":${value},`.repeat(many)}"a":${value}`;
    const line = `{"requestObject":{"data":{${values('1')}}}}`;
    const { line: result, redacted } = plain.rewrite(
      Buffer.from(line),
      whatOf('/secrets/'),
      NOTHING_WISHED,
    );
    assert.equal(redacted, many + 1);
    assert.ok(result.toString().startsWith(`{"requestObject":{"data":{${values(X)}}},`));
  });

  it('is gone through to its end where they stand in its URI', () => {
    const many = 300_000;
    const line = `{"requestURI":"/a?${'token=x&'.repeat(many)}"}`;
    const { redacted } = plain.rewrite(Buffer.from(line), whatOf('/pods/'), NOTHING_WISHED);
    assert.equal(redacted, many);
    const torn = `{"kind":"Event","apiVersion":"audit.k8s.io/v1",${line.slice(1, -1)}`;
    assert.equal(plain.rewriteInvalid(Buffer.from(torn)).redacted, many);
  });
});

describe('a patch of a patch', () => {
  it('is gone through however deep it is', () => {
    const deep = 3000;
    const head = '[{"op":"add","path":"","value":';
    const line = `{"requestObject":${head.repeat(deep)}1${'}]'.repeat(deep)}}`;
    assert.equal(rewritten(redacting({ paths: ['body.a'] }), line, whatOf('/pods/')), line);
    assert.match(
      rewritten(plain, line),
      /^\{"requestObject":\[\{"op":"add","path":"","value":"\[redacted\]"\}\],/,
    );
  });
});

describe('an event that cannot be gone through', () => {
  it('has only who did what left', () => {
    const line =
      '{"auditID":"1","verb":"get","user":{"username":"a","extra":{"x":["y"]}},"userAgent":"z","requestObject":{}} x';
    // JSON.parse does not take it either.
    assert.equal(rewritten(plain, line), '{"annotations":{"audit-shipper.io/redacted":"*"}}');
  });
});

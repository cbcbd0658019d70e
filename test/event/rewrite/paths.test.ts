/** Paths of the user's choice: what they redact, and what is said about one that is none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { redacting, rewritten, whatOf } from '../../support/rewriting.ts';

const COPY = 'kubectl.kubernetes.io/last-applied-configuration';

/** An event about a database, with these paths redacted; without the annotation. */
function after(paths: readonly string[], line: string): string {
  const result = rewritten(redacting({ paths }), line, whatOf('example.com/databases/', 'update'));
  return result
    .replace(/,"annotations":\{"audit-shipper[^}]*\}/, '')
    .replaceAll('"[redacted]"', 'X');
}

describe('a path', () => {
  const cases: readonly (readonly [path: string, line: string, expected: string])[] = [
    ['requestObject.a', '{"requestObject":{"a":{"b":1},"c":2}}', '{"requestObject":{"a":X,"c":2}}'],
    ['requestObject.a', '{"responseObject":{"a":1}}', '{"responseObject":{"a":1}}'],
    [
      'body.a',
      '{"requestObject":{"a":1},"responseObject":{"a":2}}',
      '{"requestObject":{"a":X},"responseObject":{"a":X}}',
    ],
    [
      'body',
      '{"requestObject":{"a":1},"responseObject":3}',
      '{"requestObject":X,"responseObject":X}',
    ],
    [
      'requestObject.a[*].b',
      '{"requestObject":{"a":[{"b":1,"c":2},{"b":3}]}}',
      '{"requestObject":{"a":[{"b":X,"c":2},{"b":X}]}}',
    ],
    [
      'requestObject.a.*',
      '{"requestObject":{"a":{"b":1,"c":[2]}}}',
      '{"requestObject":{"a":{"b":X,"c":X}}}',
    ],
    ['requestObject.a.*', '{"requestObject":{"a":"text"}}', '{"requestObject":{"a":X}}'],
    [
      'requestObject["a.b/c"]["\\u0064"]',
      '{"requestObject":{"a.b/c":{"d":1}}}',
      '{"requestObject":{"a.b/c":{"d":X}}}',
    ],
    [
      'user.extra.*',
      '{"user":{"username":"a","extra":{"b":["c"]}}}',
      '{"user":{"username":"a","extra":{"b":X}}}',
    ],
    [
      'annotations["a.b/c"]',
      '{"annotations":{"a.b/c":"d","e":"f"}}',
      '{"annotations":{"a.b/c":X,"e":"f","audit-shipper.io/redacted":"annotations[\\"a.b/c\\"]"}}',
    ],
    ['sourceIPs[*]', '{"sourceIPs":["a","b"]}', '{"sourceIPs":[X,X]}'],
    ['requestURI', '{"requestURI":"/a?token=b"}', '{"requestURI":X}'],
    ['level', '{"level":"Request"}', '{"level":X}'],
    [
      'body.a',
      '{"requestObject":{"items":[{"a":1}],"rows":[{"object":{"a":1}}]}}',
      '{"requestObject":{"items":[{"a":X}],"rows":[{"object":{"a":X}}]}}',
    ],
    [
      'body.a.b',
      '{"requestObject":[{"op":"add","path":"/a","value":{"b":1,"c":2}},{"op":"add","path":"/c","value":3}]}',
      '{"requestObject":[{"op":"add","path":"/a","value":{"b":X,"c":2}},{"op":"add","path":"/c","value":3}]}',
    ],
    [
      'body.a[*].b',
      '{"requestObject":[{"op":"add","path":"/a/-","value":{"b":1}},{"op":"add","path":"/a/0/b/c","value":2}]}',
      '{"requestObject":[{"op":"add","path":"/a/-","value":{"b":X}},{"op":"add","path":"/a/0/b/c","value":X}]}',
    ],
    ['body.a', '{"requestObject":[{"a":1}]}', '{"requestObject":[{"a":X}]}'],
    [
      'body.constructor.a',
      '{"requestObject":{"constructor":{"a":1},"__proto__":{"a":1}}}',
      '{"requestObject":{"constructor":{"a":X},"__proto__":{"a":1}}}',
    ],
  ];
  for (const [path, line, expected] of cases) {
    it(`${path} in ${line.slice(0, 60)}`, () => assert.equal(after([path], line), expected));
  }

  it('is followed into the copy that kubectl keeps, and changes nothing else of it', () => {
    const event = (copy: string): string =>
      `{"requestObject":{"metadata":{"annotations":{"${COPY}":${JSON.stringify(copy)}}}}}`;
    assert.equal(
      rewritten(
        redacting({ paths: ['body.spec.a'] }),
        event('{"spec":{"a":"x", "b":"\\u00e9"}}\n'),
        whatOf('/pods/'),
      ).split(',"annotations"')[0],
      event('{"spec":{"a":"[redacted]", "b":"\\u00e9"}}\n').slice(0, -1),
    );
    const untouched = event('{"spec":{"b":"x"}}');
    assert.equal(after(['body.spec.a'], untouched), untouched);
  });

  it('is followed into the patches of webhooks', () => {
    const event = (value: string): string => {
      const patch = `{"webhook":"w","patch":[{"op":"add","path":"/spec","value":${value}}]}`;
      return `{"annotations":{"patch.webhook.admission.k8s.io/round_0_index_0":${JSON.stringify(patch)}`;
    };
    const paths = ['requestObject.spec.a'];
    const line = `${event('{"a":"x","b":"y"}')}}}`;
    const result = rewritten(redacting({ paths }), line, whatOf('/pods/'));
    assert.ok(result.startsWith(`${event('{"a":"[redacted]","b":"y"}')},`), result);
  });

  it('is followed into texts in texts only so far; what is deeper is redacted whole', () => {
    let body = '{"a":"secret","b":"innocent"}';
    for (let depth = 0; depth < 12; depth += 1) {
      body = `{"b":"innocent","metadata":{"annotations":{"${COPY}":${JSON.stringify(body)}}}}`;
      const result = after(['body.a'], `{"requestObject":${body}}`);
      assert.doesNotMatch(result, /secret/);
      assert.ok(result.split('innocent').length - 1 <= Math.min(depth + 2, 5), `depth ${depth}`);
      assert.match(result, /innocent/);
      JSON.parse(result.replaceAll('X', '0'));
    }
  });
});

describe('a path that is none', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /the path "", character 1: a path begins with one of body, kind, /],
    ['requestobject.a', /character 1: a path begins with one of body, .*requestObject/],
    ['$.requestObject', /character 1: a path begins/],
    ['spec.a', /a path begins with/],
    [
      'requestObject.',
      /"requestObject\.", character 14: here may stand \.name, \.\*, \[\*\] or \["any key"\]/,
    ],
    ['requestObject..a', /character 14:/],
    ['requestObject.a[0]', /character 16:/],
    ['requestObject.a[*', /character 16:/],
    ['requestObject["a]', /character 14:/],
    ['requestObject["\\x"]', /character 14:/],
    ["requestObject['a']", /character 14:/],
    ['requestObject.a*', /character 16:/],
    ['requestObject. a', /character 14:/],
    [`body${'.a'.repeat(33)}`, /more than 32 steps/],
  ];
  for (const [path, expected] of cases) {
    it(`${path.slice(0, 30)} is an error that says where`, () => {
      assert.throws(() => redacting({ paths: [path] }), expected);
    });
  }

  it('one of too many is an error as well', () => {
    const paths = Array.from({ length: 257 }, (_, index) => `body.a${index}`);
    assert.throws(() => redacting({ paths }), /redact\.paths has 257 paths; 256 are possible/);
  });
});

/** JSON patches: what of an operation's value is redacted, by where its pointer points. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { redacting, rewritten, whatOf } from '../../support/rewriting.ts';

const COPY = 'kubectl.kubernetes.io~1last-applied-configuration';
const rewriter = redacting({ paths: ['body.a.b', 'body["x~/y"]', 'body.list[*].c'] });

/** The members of an operation about an object with these paths redacted. */
function after(operation: string): string {
  const line = `{"requestObject":[{${operation}}]}`;
  const result = rewritten(rewriter, line, whatOf('example.com/databases/', 'patch'));
  const found = /^\{"requestObject":\[\{(.*?)\}\](?:,"annotations":.*)?\}$/.exec(result);
  return (found?.[1] ?? '').replaceAll('"[redacted]"', 'X');
}

describe('the value of an operation', () => {
  const cases: readonly (readonly [path: string, value: string, expected: string])[] = [
    ['/a/b', '1', 'X'],
    ['/a/b', 'null', 'null'],
    ['/a/b/c', '{"d":1}', 'X'],
    ['/a', '{"b":1,"c":2}', '{"b":X,"c":2}'],
    ['/a', '[{"b":1}]', '[{"b":1}]'],
    ['/a/c', '{"b":1}', '{"b":1}'],
    ['', '{"a":{"b":1,"c":2}}', '{"a":{"b":X,"c":2}}'],
    ['/', '{"a":{"b":1,"c":2}}', '{"a":{"b":X,"c":2}}'],
    ['a/b', '1', 'X'],
    ['/x~0~1y', '1', 'X'],
    ['/x~1~0y', '1', '1'],
    ['/x~01y', '1', '1'],
    ['/list/0/c', '1', 'X'],
    ['/list/-', '{"c":1,"d":2}', '{"c":X,"d":2}'],
    ['/list', '[{"c":1},{"d":2}]', '[{"c":X},{"d":2}]'],
    ['/items/3/a/b', '1', 'X'],
    [
      `/metadata/annotations/${COPY}`,
      '"{\\"a\\":{\\"b\\":1,\\"c\\":2}}"',
      '"{\\"a\\":{\\"b\\":\\"[redacted]\\",\\"c\\":2}}"',
    ],
    [`/metadata/annotations/${COPY}`, '"no JSON"', 'X'],
    [`/metadata/annotations/${COPY}/deeper`, '"x"', 'X'],
    ['/metadata/annotations/other', '"x"', '"x"'],
  ];
  for (const [path, value, expected] of cases) {
    it(`${value} at "${path}" becomes ${expected}`, () => {
      const operation = (text: string): string =>
        `"op":"add","path":${JSON.stringify(path)},"value":${text}`;
      assert.equal(after(operation(value)), operation(expected));
    });
  }

  const operations: readonly (readonly [string, string])[] = [
    ['"value":1,"path":"/a/b","op":"test"', '"value":X,"path":"/a/b","op":"test"'],
    ['"path":"/a/b","path":"/c","value":1', '"path":"/a/b","path":"/c","value":X'],
    [
      '"path":"/c","path":"/a/b","value":1,"value":2',
      '"path":"/c","path":"/a/b","value":X,"value":X',
    ],
    ['"op":"copy","from":"/a/b","path":"/c"', '"op":"copy","from":"/a/b","path":"/c"'],
    ['"op":"remove","path":"/a/b"', '"op":"remove","path":"/a/b"'],
    ['"path":1,"value":{"c":1}', '"path":1,"value":X'],
    ['"a":{"b":1}', '"a":{"b":X}'],
  ];
  for (const [operation, expected] of operations) {
    it(`${operation} becomes ${expected}`, () => assert.equal(after(operation), expected));
  }

  it('costs no more when a path stands there ever so often', () => {
    const paths = '"path":"",'.repeat(50_000);
    const values = Array.from({ length: 50_000 }, (_, index) => `"${index}":1`).join(',');
    const operation = `${paths}"value":{${values},"a":{"b":1}}`;
    assert.ok(after(operation).endsWith('"a":{"b":X}}'));
  });
});

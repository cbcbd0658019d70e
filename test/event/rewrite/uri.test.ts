/** Secrets in a requestURI: what is removed of it, and that the rest stays byte for byte. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { redacting, rewritten, shaping, whatOf } from '../../support/rewriting.ts';

const plain = redacting();

/** The requestURI of an event, as it stands in JSON. */
function after(uri: string, of = '/pods/exec', rewriter = plain): string {
  const result = rewritten(rewriter, `{"requestURI":"${uri}","verb":"get"}`, whatOf(of, 'get'));
  return /^\{"requestURI":"((?:[^"\\]|\\.)*)"/.exec(result)?.[1] ?? '';
}

describe('a requestURI', () => {
  const cases: readonly (readonly [uri: string, expected: string])[] = [
    ['/a?token=x', '/a?token=REDACTED'],
    ['/a?token=x\\u0026limit=5', '/a?token=REDACTED\\u0026limit=5'],
    ['/a?x=1&access_token=y&z=%20+', '/a?x=1&access_token=REDACTED&z=%20+'],
    ['/a?id_token=a&id_token=b', '/a?id_token=REDACTED&id_token=REDACTED'],
    ['/a?%74oken=x&t%6Fken=y', '/a?%74oken=REDACTED&t%6Fken=REDACTED'],
    ['/a?\\u0074oken=x', '/a?\\u0074oken=REDACTED'],
    ['/a?TOKEN=x', '/a?TOKEN=REDACTED'],
    ['/a?x=1;token=y', '/a?x=1;token=REDACTED'],
    ['/a?token=x;y=z?u&v=w', '/a?token=REDACTED&v=w'],
    ['/a?token=x=y==', '/a?token=REDACTED'],
    ['/a?b=/c?token=x', '/a?b=/c?token=REDACTED'],
    ['/a?b=%2Fc%3Ftoken%3Dx&d=e', '/a?b=REDACTED&d=e'],
    ['/a\\u003ftoken\\u003dx', '/a\\u003ftoken\\u003dREDACTED'],
    ['/a?command=sh&command=-c&container=d', '/a?command=REDACTED&command=REDACTED&container=d'],
    ['/a?token=é\\u00e9\\ud83d\\ude80&b', '/a?token=REDACTED&b'],
  ];
  for (const [uri, expected] of cases) {
    it(`${uri} is ${expected}`, () => {
      assert.equal(after(uri), expected);
      assert.equal(after(expected), expected);
      assert.equal(plain.concernsUri(Buffer.from(uri)), true);
    });
  }

  const untouched = [
    '/a',
    '/a?',
    '/a?token=',
    '/a?token',
    '/token=x',
    '/a?tokens=x&mytoken=y',
    '/a?limit=500\\u0026resourceVersion=0\\u0026watch=true',
    '/a?fieldSelector=metadata.name%3Dtoken',
    '/a?labelSelector=token%3Dx',
    '/a?&&;;==&%&%4&+',
    '\\u0000\\ud800\\\\\\"',
  ];
  for (const uri of untouched) {
    it(`${uri} stays`, () => assert.equal(after(uri), uri));
  }

  it('keeps a command that is none', () => {
    const uri = '/a?command=ls&cmd=x';
    assert.equal(after(uri, 'example.com/jobs/'), uri);
    assert.equal(after(uri, '/nodes/proxy'), '/a?command=REDACTED&cmd=REDACTED');
    assert.equal(after(uri, ''), '/a?command=REDACTED&cmd=REDACTED');
  });

  it('is not looked at without a query, or without redaction', () => {
    for (const uri of ['/a', '/token=x', '/a?limit=5']) {
      assert.equal(plain.concernsUri(Buffer.from(uri)), false);
    }
    const off = shaping({});
    assert.equal(off.concernsUri(Buffer.from('/a?token=x')), false);
    assert.equal(after('/a?token=x', '/pods/exec', off), '/a?token=x');
  });

  it('shows with a key which values mean the same', () => {
    const rewriter = redacting({ hashKey: Buffer.from('secret') });
    const uri = after('/a?token=a+%C3%A9&token=a%20\\u00e9&token=é', '', rewriter);
    const [first, second, third] = uri.split('&').map((part) => part.split('=')[1]);
    assert.match(first ?? '', /^hmac-sha256:[0-9a-f]{32}$/);
    assert.equal(second, first);
    assert.notEqual(third, first);
  });

  it('keeps what is behind an ampersand, whatever stands there', () => {
    const harmless = fc.constantFrom('a', 'b=c', '%', '', ';', '?', 'é', '\\u0026', '=', 'limit=5');
    const part = fc.oneof(harmless, fc.constantFrom('token=s3cret', '%74oken=s3cret;s3cret'));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const uri = `/x?${parts.join('&')}`;
        const expected = parts.map((one) => one.replace(/=s3cret.*/, '=REDACTED'));
        assert.equal(after(uri), `/x?${expected.join('&')}`);
        const isConcerned = parts.some((one) => one.includes('s3cret'));
        assert.equal(plain.concernsUri(Buffer.from(uri)), isConcerned);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes time that grows with its length only', () => {
    const parts = ['?', '&', ';', '=', 'token=;', 'a=%3Ftoken', '\\u0026', '%', '?token=?'];
    for (const part of parts) {
      const uri = `/a?${part.repeat(400_000 / part.length)}`;
      JSON.parse(rewritten(plain, `{"requestURI":"${uri}"}`, whatOf('/pods/exec')));
    }
  });
});

/** What leaves of bytes that are no event: what stands before the bodies, and a note of the rest. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Rewriter } from '../../../src/event/rewrite/rewriter.ts';
import { redacting, shaping } from '../../support/rewriting.ts';

const plain = redacting();
const HEAD =
  '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","requestURI":"/a?x=1"';
const LEGACY = '2026-11-21T19:41:03.03559899Z AUDIT: id="1" user="a \\" uri=\\"" uri=';

function after(text: string | Buffer, rewriter: Rewriter = plain): string {
  return rewriter.rewriteInvalid(Buffer.from(text)).bytes.toString('latin1');
}

function note(rest: string): string {
  const digest = createHash('sha256').update(rest).digest('hex');
  return `[redacted: ${Buffer.byteLength(rest)} bytes, sha256 ${digest}]`;
}

describe('bytes that are no event', () => {
  /** What is kept, and what is not. */
  const cases: readonly (readonly [kept: string, rest: string])[] = [
    ['', 'garbage'],
    ['', '{"kind":"Ev'],
    ['', '{"kind":"Event","user":"secret"'],
    ['', '{"user":"secret","kind":"Event"}'],
    ['', '"data":{"a":"secret"}},"responseObject":{}}'],
    ['', HEAD.slice(0, 45)],
    [HEAD, ',"requestObject":{"data":{"a":"secret'],
    [HEAD, ',"request\\u004fbject":{"data":{"a":"secret'],
    [HEAD, ',"responseStatus":{"message":"secret"},"requestObject":{}'],
    [HEAD, ',"verb":"ge'],
    [HEAD, ',"user":{"username":"a"'],
    [`${HEAD},"user":{"username":"a"}`, ',"annotations":{}}'],
    [HEAD, ',"user":{"username":"a{"kind":"Event","requestObject":{"a":"secret"}}}'],
    [HEAD, ',"userAgent":"a{"kind":"Event","requestObject":{"a":"secret"}}'],
    [HEAD, ',"stage":{"kind":"Event","level":"Request","requestObject":{"a":"secret"}}'],
    [HEAD, ',"user":{"extra":{"a":[{"kind":"Event","\\u0072equestObject":{"a":"secret"}}]}}'],
    [`${HEAD},"objectRef":{"apiVersion":"v1"}`, ',"stage":{"stage":"secret"}'],
    [HEAD, ',"verb" "get","user":{}'],
    [HEAD, ',"verb":x,"user":{}'],
    [HEAD, ', "verb" : "get" "user":"secret"'],
    [`${HEAD} , "verb" : "get" `.trim(), ' , "user":"secret'],
  ];
  for (const [kept, rest] of cases) {
    it(`${kept.slice(0, 20)}|${rest.slice(0, 40)}`, () => {
      assert.equal(after(kept + rest), kept + note(rest));
    });
  }

  it('show nothing of an event that follows a torn one, wherever that was torn', () => {
    const torn =
      `${HEAD},"user":{"username":"a","groups":["g"],"extra":{"e":["x"]}},"sourceIPs":["::1"],` +
      '"objectRef":{"resource":"secrets"},"responseStatus":{"code":200}}';
    const next =
      '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","requestURI":"/a?token=secret","user":{},' +
      '"requestObject":{"data":{"a":"secret"}},"annotations":{"a":"secret"}}';
    for (let cut = 0; cut < torn.length; cut++) {
      const left = after(torn.slice(0, cut) + next);
      // Where nothing is left of the first, the next one keeps its beginning, without what is secret of its URI.
      assert.doesNotMatch(left, /secret(?!s)/, torn.slice(0, cut));
    }
  });

  it('are kept when they are the beginning of an event and no more', () => {
    const { bytes, redacted } = plain.rewriteInvalid(Buffer.from(HEAD));
    assert.equal(bytes.toString(), HEAD);
    assert.equal(redacted, 0);
  });

  it('count the rest, and secrets of the URI, as redacted', () => {
    const torn = HEAD.replace('x=1', 'token=secret&command=secret');
    const { bytes, redacted } = plain.rewriteInvalid(Buffer.from(`${torn},"requestObject":{`));
    const expected = HEAD.replace('x=1', 'token=REDACTED&command=REDACTED');
    assert.equal(bytes.toString(), expected + note(',"requestObject":{'));
    assert.equal(redacted, 3);
  });

  it('keep nothing that the user wants redacted', () => {
    const rewriter = redacting({ paths: ['user.extra.*'] });
    assert.equal(after(`${HEAD},"user":{}`, rewriter), HEAD + note(',"user":{}'));
    assert.equal(after(`${LEGACY}"/a"`, rewriter), note(`${LEGACY}"/a"`));
  });

  it('of the legacy format stay, without the secrets of their URI', () => {
    const line = (uri: string): string => `${LEGACY}"${uri}" response="200"`;
    assert.equal(after(line('/a?b=c')), line('/a?b=c'));
    assert.equal(after(line('/a?token=x&b=\\x00')), line('/a?token=REDACTED&b=\\x00'));
    assert.equal(after(`${LEGACY}"/a?token=x`), note(`${LEGACY}"/a?token=x`));
    assert.equal(after(`x${line('/a')}`), note(`x${line('/a')}`));
  });

  it('that are nothing, or no text, are no exception', () => {
    assert.equal(after(''), '');
    assert.equal(after('\0 \r\t'), '\0 \r\t');
    const binary = Buffer.from('fffe00c328', 'hex');
    assert.match(after(binary), /^\[redacted: 5 bytes, sha256 /);
    const torn = Buffer.concat([Buffer.from(`${HEAD},"verb":"`), binary]);
    assert.match(after(torn), /^\{"kind".*x=1"\[redacted: 14 bytes, sha256 [0-9a-f]{64}\]$/);
  });

  it('have a digest that nobody else can make, where there is a key', () => {
    const key = Buffer.from('secret');
    const digest = createHmac('sha256', key).update('garbage').digest('hex');
    const text = after('garbage', redacting({ hashKey: key }));
    assert.equal(text, `[redacted: 7 bytes, hmac-sha256 ${digest}]`);
  });

  it('stay as they are where nothing is redacted', () => {
    const bytes = Buffer.from('{"requestObject":{"data":{"a":"secret');
    const result = shaping({ bodies: 'drop' }).rewriteInvalid(bytes);
    assert.equal(result.bytes, bytes);
    assert.equal(result.redacted, 0);
  });
});

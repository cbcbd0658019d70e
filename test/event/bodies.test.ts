/** An event without its bodies: the rest byte for byte, and an annotation that says what was there. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { withoutBodies } from '../../src/event/bodies.ts';
import { bodyEvent } from '../support/blocks.ts';

const ANNOTATION = 'audit-shipper.io/truncated';

/** What the annotation of a line without its newline holds. */
function digestOf(line: string): string {
  const bytes = Buffer.from(line);
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The event as text, without its newline. */
function stripped(line: string): string | undefined {
  const text = withoutBodies(Buffer.from(line))?.toString('utf8');
  if (text === undefined) return undefined;
  assert.ok(text.endsWith('\n') && !text.slice(0, -1).endsWith('\n'));
  return text.slice(0, -1);
}

/** Strips, and expects exactly this text, in which DIGEST stands for what the annotation holds. */
function becomes(line: string, expected: string): void {
  assert.equal(stripped(line), expected.replace('DIGEST', `"${ANNOTATION}":"${digestOf(line)}"`));
}

describe('an event without its bodies', () => {
  it('has the annotation beside its others, at the place where they were', () => {
    becomes(
      '{"a":1,"annotations":{"x":"}"},"requestObject":{"b":2},"responseObject":[],"c":3}',
      '{"a":1,"annotations":{"x":"}",DIGEST},"c":3}',
    );
  });

  it('has annotations of its own when it had none', () => {
    becomes('{"a":1,"requestObject":null}', '{"a":1,"annotations":{DIGEST}}');
    becomes('{"responseObject":{}}', '{"annotations":{DIGEST}}');
  });

  it('has the annotation alone in annotations that were empty', () => {
    becomes('{"annotations":{},"requestObject":1}', '{"annotations":{DIGEST}}');
    becomes('{"annotations": { \t} ,"requestObject":1}', '{"annotations": { \tDIGEST}}');
  });

  it('has annotations behind what is no map', () => {
    for (const odd of ['null', '"x"', '[{}]', '3']) {
      const line = `{"annotations":${odd},"requestObject":1}`;
      becomes(line, `{"annotations":${odd},"annotations":{DIGEST}}`);
      const { annotations } = JSON.parse(stripped(line) ?? '') as { annotations: unknown };
      assert.deepEqual(annotations, { [ANNOTATION]: digestOf(line) });
    }
  });

  it('knows its keys also where they are written with escapes', () => {
    becomes('{"request\\u004fbject":{"a":1},"b":2}', '{"b":2,"annotations":{DIGEST}}');
    becomes(
      '{"\\u0061nnotations":{"x":1},"responseObject":2}',
      '{"\\u0061nnotations":{"x":1,DIGEST}}',
    );
  });

  it('loses every body where a key stands twice, and annotates the last annotations', () => {
    becomes(
      '{"requestObject":1,"annotations":{"a":1},"requestObject":2,"annotations":{"b":2}}',
      '{"annotations":{"a":1},"annotations":{"b":2,DIGEST}}',
    );
  });

  it('keeps what only looks like a body', () => {
    const kept = '"objectRef":{"requestObject":{"a":1}},"requestobject":1,"requestObjects":[2]';
    becomes(`{${kept},"responseObject":{}}`, `{${kept},"annotations":{DIGEST}}`);
  });

  it('keeps every digit, escape and character of the rest', () => {
    const rest = '"n":9007199254740993,"f":1.50e+2,"s":"\\u00e9é\\/🚀\\u0000","sp": [ 1 ,2 ]';
    becomes(` {${rest} , "requestObject":1} `, `{${rest},"annotations":{DIGEST}}`);
  });

  it('hashes the line without its newline, whether it has one or not', () => {
    const line = bodyEvent('a');
    assert.equal(stripped(`${line}\n`), stripped(line));
    assert.ok(stripped(line)?.includes(digestOf(line)));
    assert.equal(stripped(line)?.includes('forged'), false);
    const dos = '{"requestObject":1}\r';
    assert.equal(stripped(`${dos}\n`), `{"annotations":{"${ANNOTATION}":"${digestOf(dos)}"}}`);
  });

  it('is what JSON.parse finds without the bodies, for any event', () => {
    const key = fc.constantFrom('requestObject', 'responseObject', 'annotations', 'a', 'é"\\', '');
    const member = fc.tuple(key, fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.string())));
    const space = fc.constantFrom('', ' ', '\t');
    fc.assert(
      fc.property(fc.array(member, { maxLength: 8 }), space, (members, blank) => {
        const texts = members.map(([name, value]) => {
          return `${blank}${JSON.stringify(name)}${blank}:${blank}${JSON.stringify(value)}${blank}`;
        });
        const line = `${blank}{${texts.join(',')}}${blank}`;
        const names = members.map(([name]) => name);
        const text = stripped(line);
        const hasBodies = names.includes('requestObject') || names.includes('responseObject');
        assert.equal(text !== undefined, hasBodies);
        if (text === undefined) return;
        const expected = JSON.parse(line) as Record<string, unknown>;
        delete expected['requestObject'];
        delete expected['responseObject'];
        const { annotations } = expected;
        const isMap = JSON.stringify(annotations)?.startsWith('{');
        const annotation = { [ANNOTATION]: digestOf(line) };
        expected['annotations'] = Object.assign({}, isMap ? annotations : {}, annotation);
        assert.deepEqual(JSON.parse(text), expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('nothing is taken from', () => {
  const untouched = [
    ['an event that has no bodies', '{"a":1,"annotations":{}}'],
    ['what is no object', '["requestObject"]'],
    ['what is no JSON', '{"requestObject":1'],
    ['several events in one line', '{"requestObject":1}{"requestObject":2}'],
    ['a blank line', '\n'],
    ['nothing', ''],
  ] as const;
  for (const [name, line] of untouched) {
    it(name, () => assert.equal(withoutBodies(Buffer.from(line)), undefined));
  }

  it('what is no UTF-8, since it could not be written back', () => {
    const line = Buffer.from('{"a":"\xff","requestObject":1}\n', 'latin1');
    assert.equal(withoutBodies(line), undefined);
  });
});

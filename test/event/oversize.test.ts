/** A line without its bodies, fed in pieces: what is left is what is left of a line that is held whole. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { withoutBodies } from '../../src/event/bodies.ts';
import { Reducer, REFUSALS, type Reduction } from '../../src/event/oversize.ts';
import { bodyEvent, FORGED } from '../support/blocks.ts';
import { feedsOf } from '../support/byte-feeds.ts';
import {
  anyBytes,
  changesOf,
  nearlyJson,
  objectText,
  space,
  valueText,
} from '../support/json-texts.ts';

const PLENTY = 1024 * 1024;

function reduced(pieces: readonly Buffer[], maxBytes = PLENTY): Reduction {
  const reducer = new Reducer(maxBytes);
  for (const piece of pieces) reducer.add(piece);
  return reducer.end();
}

/** The line as text, or why there is none. */
function told(result: Reduction): string {
  return 'line' in result ? result.line.toString('utf8') : result.refusal;
}

const reducedText = (line: string, maxBytes?: number): string =>
  told(reduced([Buffer.from(line)], maxBytes));

function digestOf(line: string | Buffer): string {
  const bytes = Buffer.from(line);
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Bytes in pieces of any length, some of them empty. */
function piecesOf(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index]));
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });
const bodyKey = fc.constantFrom(
  '"requestObject"',
  '"responseObject"',
  '"\\u0072equestObject"',
  '"respons\\u0065\\u004Fbject"',
);
/** An object with bodies at its top, between other members of all kinds. */
const withBodies = fc
  .tuple(objectText, fc.array(fc.tuple(bodyKey, space, valueText, space)), fc.nat(), space)
  .map(([object, bodies, place, blank]) => {
    const members = bodies.map(([key, before, value, after]) => {
      return `${blank}${key}${before}:${blank}${value}${after}`;
    });
    const inner = object.trim().slice(1, -1);
    const rest = inner.trim() === '' ? [] : [inner];
    const at = place % (members.length + 1);
    const all = [...members.slice(0, at), ...rest, ...members.slice(at)];
    return Buffer.from(`${blank}{${all.join(',')}}${blank}`);
  });

describe('what is left of a line', () => {
  it('is the same as of a line that is held whole, however it comes', () => {
    fc.assert(
      fc.property(withBodies, cuts, (line, places) => {
        const whole = withoutBodies(line);
        const result = reduced(piecesOf(line, places));
        assert.equal(told(result), whole === undefined ? REFUSALS.noBodies : whole.toString());
      }),
      { numRuns: 2000 },
    );
  });

  it('is the same at every cut, and byte by byte', () => {
    const body = '{"a\\\\":["\\\\\\"]}",{"b\\"{":[]}],"c":"\\u0022","é🚀":-1.5e3}';
    const line = Buffer.from(
      ` {"requestObject" :${body}, "annotations":{"x":"}"},"\\u0072equestObject":"\\\\\\"," , ` +
        `"objectRef":{"requestObject":${body}},"responseObject":null ,"n":12 }\r`,
    );
    const expected = withoutBodies(line)?.toString();
    assert.match(expected ?? '', /^\{"annotations".*"objectRef":\{"requestObject".*"n":12\}\n$/);
    for (const pieces of feedsOf(line)) assert.equal(told(reduced(pieces)), expected);
  });

  it('of an event of kube-apiserver has neither body, and the digest of the whole', () => {
    const line = bodyEvent('a');
    const text = reducedText(line);
    assert.equal(text, withoutBodies(Buffer.from(line))?.toString());
    assert.equal(text.includes(FORGED), false);
    assert.ok(text.includes(`"audit-shipper.io/truncated":"${digestOf(line)}"`));
  });

  it('of any bytes is one JSON object with the annotation, or nothing', () => {
    const lines = fc.oneof(anyBytes, nearlyJson, changesOf(withBodies));
    fc.assert(
      fc.property(lines, cuts, (line, places) => {
        const whole = withoutBodies(line);
        const result = reduced(piecesOf(line, places));
        if (whole !== undefined) assert.equal(told(result), whole.toString());
        if (!('line' in result)) return;
        // Whatever was wrong stood in a body: those are not looked at.
        const { annotations } = JSON.parse(result.line.toString()) as Record<string, object>;
        assert.equal(Object.values(annotations ?? {}).at(-1), digestOf(line));
      }),
      { numRuns: 2000 },
    );
  });

  it('has nothing of a body that is no JSON, if only its end is found', () => {
    const line = '{"a":1,"requestObject":{"b":nonsense,"c":[},"d":"\u0001\ud800"},"e":2}';
    assert.match(reducedText(line), /^\{"a":1,"e":2,"annotations":\{[^{}]*\}\}\n$/);
  });
});

describe('a limit', () => {
  const kept = `"a":"${'x'.repeat(1000)}"`;
  const line = `{${kept},"requestObject":"${'y'.repeat(5000)}"}`;
  const annotation = `"annotations":{"audit-shipper.io/truncated":"${digestOf(line)}"}`;
  const { length } = `{${kept},${annotation}}\n`;

  it('holds for the reduced line with its annotation and its newline', () => {
    assert.equal(reducedText(line, length).length, length);
    assert.equal(reducedText(line, length - 1), REFUSALS.tooLong);
    assert.equal(reducedText(line, 500), REFUSALS.tooLong);
  });

  it('that is passed still tells an event from what is none', () => {
    const long = `{"k${'x'.repeat(300_000)}":1,"responseObject":{}`;
    assert.equal(reducedText(`${long}}`, 100), REFUSALS.tooLong);
    assert.equal(reducedText(`{${kept}}`, 100), REFUSALS.noBodies);
    assert.equal(reducedText(long, 100), REFUSALS.noObject);
  });

  it('is all that is held: what is left out, and what is none, takes no memory', () => {
    const piece = Buffer.from(`"${'z'.repeat(65_533)}",`);
    const reducer = new Reducer(4096);
    reducer.add(Buffer.from('{"a":1,"responseObject":['));
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 1000; count++) reducer.add(piece);
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 1024 * 1024, `${grown} bytes`);
    reducer.add(Buffer.from('1]}'));
    const digits = String('{"a":1,"responseObject":['.length + 1000 * piece.length + 3);
    assert.ok(told(reducer.end()).includes(`truncated":"${digits} `));
  });
});

describe('nothing is made of', () => {
  const lines = [
    ['an event without bodies', '{"a":{"requestObject":1},"requestobject":2}', 'noBodies'],
    ['an empty object', ' {} ', 'noBodies'],
    ['a key that is longer than any', `{"requestObject${'\\u0000'.repeat(20)}":1}`, 'noBodies'],
    ['nothing', '', 'noObject'],
    ['blanks', '  \t', 'noObject'],
    ['an array', '[{"requestObject":1}]', 'noObject'],
    ['an event that is cut in a body', '{"a":1,"requestObject":{"b":"c', 'noObject'],
    ['two events in one line', '{"requestObject":1}{"requestObject":2}', 'noObject'],
    ['a comma too much', '{"requestObject":1,}', 'noObject'],
    ['a comma at the beginning', '{,"requestObject":1}', 'noObject'],
    ['a key that is no text', '{requestObject:1}', 'noObject'],
    ['a key without a value', '{"requestObject":}', 'noObject'],
    ['a key without a colon', '{"requestObject" 1}', 'noObject'],
    ['a value behind a value', '{"requestObject":1 2}', 'noObject'],
    ['no JSON outside of the bodies', '{"a":nonsense,"requestObject":1}', 'noObject'],
    ['no UTF-8 outside of the bodies', '{"a":"\xff","requestObject":1}', 'noObject'],
  ] as const;
  for (const [name, line, refusal] of lines) {
    it(name, () => {
      for (const pieces of feedsOf(Buffer.from(line, 'latin1'))) {
        assert.equal(told(reduced(pieces)), REFUSALS[refusal]);
      }
    });
  }
});

/**
 * Taking one line apart: a whole event is never divided, what a crash has glued together is, and no byte is lost.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { piecesOf, type InvalidReason, type Piece } from '../../src/event/line.ts';
import { Scratch } from '../../src/event/scratch.ts';
import { bodyEvent, FORGED } from '../support/blocks.ts';

const FIRST = Buffer.from(bodyEvent('11111111-0000-4000-8000-000000000001'));
const SECOND = Buffer.from(bodyEvent('22222222-0000-4000-8000-000000000002'));
const NULS = Buffer.alloc(4096);

const scratch = new Scratch(0);
const judge = (bytes: Uint8Array) => scratch.judge(bytes);

function pieces(...parts: readonly (Buffer | string)[]): readonly Piece[] {
  const line = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return piecesOf(line, 0, line.length, judge);
}

const event = (start: number, end: number): Piece => ({ kind: 'event', start, end });
const invalid = (start: number, end: number, reason: InvalidReason): Piece => {
  return { kind: 'invalid', start, end, reason };
};

describe('a line that is one JSON object', () => {
  const objects: readonly (readonly [string, string])[] = [
    ['an event', bodyEvent('1')],
    ['an event of an older version', '{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"}'],
    ['an object without any key', '{}'],
    ['a carriage return behind it', '{"a":1}\r'],
    ['blanks around it', ' \t{"a":1} \t '],
    ['a forged event first in it', `{"a":${FORGED},"b":1}`],
    ['a forged event last in it', `{"a":1,"b":${FORGED}}`],
    [
      'nothing but a forged event in it',
      `{"kind":"Event","apiVersion":"audit.k8s.io/v1","a":${FORGED}}`,
    ],
    ['the same key twice', '{"a":1,"a":2}'],
    ['numbers of many digits', '{"a":12345678901234567890123456789}'],
    ['half a surrogate pair, escaped', '{"a":"\\ud800"}'],
    ['an event as text', JSON.stringify({ log: bodyEvent('1') })],
    ['very deep nesting', `{"a":${'['.repeat(9_999)}${']'.repeat(9_999)}}`],
  ];
  for (const [name, text] of objects) {
    it(`is one event: ${name}`, () => {
      assert.deepEqual(pieces(text), [event(0, Buffer.byteLength(text))]);
    });
  }

  it('is one event, whatever the object', () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(json, (value) => {
        const text = Buffer.from(JSON.stringify(value));
        assert.deepEqual(pieces(text), [event(0, text.length)]);
      }),
    );
  });
});

describe('a line that is nothing', () => {
  for (const [name, line] of [
    ['no byte', ''],
    ['blanks', ' \t \r'],
    ['NULs', NULS],
    ['NULs and blanks', '\0 \0\r'],
  ] as const) {
    it(`has no pieces: ${name}`, () => {
      assert.deepEqual(pieces(line), []);
    });
  }
});

describe('a line that is no event', () => {
  const bad: readonly (readonly [string, Buffer | string, InvalidReason])[] = [
    ['text', 'panic: runtime error', 'not-json'],
    ['legacy format', '2026-03-04T05:06:07Z AUDIT: id="1" stage="ResponseComplete"', 'not-json'],
    ['an event that was cut', FIRST.subarray(0, -1), 'not-json'],
    ['two objects that are no events', '{"a":1}{"b":2}', 'not-json'],
    ['text behind an event', `${bodyEvent('1')} and more`, 'not-json'],
    ['a byte order mark', '\ufeff{"a":1}', 'not-json'],
    ['single quotes', "{'a':1}", 'not-json'],
    ['a list', '[1]', 'not-an-object'],
    ['a list of events', `[${bodyEvent('1')}]`, 'not-an-object'],
    ['a number', '42', 'not-an-object'],
    ['null', 'null', 'not-an-object'],
    ['text in quotes', '"text"', 'not-an-object'],
    ['an event in Latin-1', Buffer.from('{"a":"größe"}', 'latin1'), 'not-utf8'],
    ['a byte that no UTF-8 has', Buffer.from([0x7b, 0xff, 0x7d]), 'not-utf8'],
    [
      'half a surrogate pair, encoded',
      Buffer.from('7b22ed a08022 7d'.replace(/ /g, ''), 'hex'),
      'not-utf8',
    ],
  ];
  for (const [name, line, reason] of bad) {
    it(`stays whole: ${name}`, () => {
      const { length } = Buffer.from(line);
      assert.deepEqual(pieces(line), [invalid(0, length, reason)]);
    });
  }

  it('keeps the blanks at its ends', () => {
    assert.deepEqual(pieces(' \ttext\r'), [invalid(0, 7, 'not-json')]);
  });
});

describe('a hole of NULs', () => {
  it('before an event is left out', () => {
    assert.deepEqual(pieces(NULS, FIRST), [event(NULS.length, NULS.length + FIRST.length)]);
  });

  it('behind an event is left out', () => {
    assert.deepEqual(pieces(FIRST, NULS), [event(0, FIRST.length)]);
  });

  it('around what is no event is left out', () => {
    assert.deepEqual(pieces('\0\0text\0'), [invalid(2, 6, 'not-json')]);
  });

  it('between two events is left out', () => {
    const at = FIRST.length + NULS.length;
    assert.deepEqual(pieces(FIRST, NULS, SECOND), [
      event(0, FIRST.length),
      event(at, at + SECOND.length),
    ]);
  });

  it('between a torn event and a whole one is left out', () => {
    const torn = FIRST.subarray(0, 50);
    assert.deepEqual(pieces(NULS, torn, NULS, SECOND), [
      invalid(NULS.length, NULS.length + 50, 'torn'),
      event(2 * NULS.length + 50, 2 * NULS.length + 50 + SECOND.length),
    ]);
  });
});

describe('a torn event with a whole one glued to it', () => {
  it('is divided where the whole one begins, wherever the first was cut', () => {
    for (let cut = 1; cut < FIRST.length; cut++) {
      assert.deepEqual(
        pieces(FIRST.subarray(0, cut), SECOND),
        [invalid(0, cut, 'torn'), event(cut, cut + SECOND.length)],
        `cut at ${cut}`,
      );
    }
  });

  it('is two events when only the newline was cut off', () => {
    assert.deepEqual(pieces(FIRST, SECOND), [
      event(0, FIRST.length),
      event(FIRST.length, FIRST.length + SECOND.length),
    ]);
  });

  it('is divided also after several crashes', () => {
    const torn = Buffer.concat([FIRST.subarray(0, 99), FIRST.subarray(0, 300)]);
    assert.deepEqual(pieces(torn, SECOND), [
      invalid(0, torn.length, 'torn'),
      event(torn.length, torn.length + SECOND.length),
    ]);
  });

  it('does not make an event of a body, also when it was cut right behind one', () => {
    const cut = FIRST.indexOf(FORGED) + FORGED.length;
    const [torn] = pieces(FIRST.subarray(0, cut), SECOND);
    assert.deepEqual(torn, invalid(0, cut, 'torn'));
  });

  it('stays whole when bodies hold more beginnings than are tried', () => {
    const crowded = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","a":[${Array(70).fill(FORGED).join()}]}`;
    const line = FIRST.subarray(0, 50).toString('latin1') + crowded;
    assert.deepEqual(pieces(line), [invalid(0, line.length, 'not-json')]);
  });
});

describe('any line at all', () => {
  const fragment = fc.oneof(
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.string().map((text) => Buffer.from(text)),
    fc.integer({ min: 0, max: FIRST.length }).map((end) => FIRST.subarray(0, end)),
    fc.integer({ min: 0, max: FIRST.length }).map((start) => FIRST.subarray(start)),
    fc.constantFrom(FIRST, SECOND, Buffer.from(FORGED), Buffer.alloc(3), Buffer.from(' \r\t')),
  );
  const lines = fc.array(fragment, { maxLength: 5 }).map((fragments) => Buffer.concat(fragments));

  it('is covered by its pieces, in order; only NULs and blanks fall through', () => {
    fc.assert(
      fc.property(lines, fc.nat(10), (line, offset) => {
        const buffer = Buffer.concat([Buffer.alloc(offset, 0x7b), line, Buffer.from('}')]);
        const end = offset + line.length;
        let at = offset;
        for (const piece of [...piecesOf(buffer, offset, end, judge), event(end, end)]) {
          assert.match(buffer.toString('latin1', at, piece.start), /^[\0\t\r ]*$/);
          assert.ok(piece.start >= at && piece.end <= end);
          at = piece.end;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('gives only events that are objects', () => {
    fc.assert(
      fc.property(lines, (line) => {
        for (const { kind, start, end } of piecesOf(line, 0, line.length, judge)) {
          if (kind !== 'event') continue;
          const text = line.toString('utf8', start, end);
          const value: unknown = JSON.parse(text);
          assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
        }
      }),
      { numRuns: 500 },
    );
  });
});

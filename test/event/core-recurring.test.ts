/**
 * The core remembers users, annotations, answers and how events begin: what it writes, finds and refuses is the same
 * whatever came before.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { Core, type Elsewhere } from '../../src/event/core.ts';
import { assertMadeAsAnew, newMaker } from '../support/made.ts';

/** What is kept of values, and the longest one (assembly/recurring.ts). */
const STORE_BYTES = 512 * 1024;
const LONGEST_BYTES = 2048;

const OPENING = '"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",';
const USER = '{"username":"system:node:worker-1","groups":["system:nodes"],"extra":{"a/b":["c"]}}';
const DECISION = '{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"';
const ANNOTATIONS = `${DECISION}RBAC: allowed by \\"system:node\\""}`;
const STATUS = '{"metadata":{},"code":200}';
const EVENT = `{${OPENING}"auditID":"a","user":${USER},"responseStatus":${STATUS},"stageTimestamp":"2026-01-01T00:00:00Z","annotations":${ANNOTATIONS}}`;

/** Of any length, and alike but for one place. */
const filler = fc
  .tuple(fc.integer({ min: 0, max: 120 }), fc.nat({ max: 120 }), fc.constantFrom('x', 'y', '\\n'))
  .map(([length, at, odd]) => 'z'.repeat(length).slice(0, at) + odd + 'z'.repeat(length).slice(at));
const user = fc.oneof(
  filler.map((name) => `{"username":"${name}","groups":["g"]}`),
  fc.tuple(filler, filler).map(([name, group]) => `{"username":"${name}","groups":["${group}"]}`),
  filler.map((name) => `["${name}", {"a": [1, -0, null]}]`),
);
const space = fc.constantFrom('', '', '', ' ', '\t ');
const annotations = filler.map((reason) => `${DECISION}${reason}"}`);
const status = fc
  .tuple(space, fc.constantFrom(200, 201, 404, 1e21, -1))
  .map(([before, code]) => `{"metadata":{},${before}"code":${code}}`);
const opening = fc.oneof(
  fc.constantFrom(OPENING, OPENING.replace('Metadata', 'Request'), OPENING.replaceAll(',', ', ')),
  fc.constantFrom(
    '',
    '"kind":"Event",',
    '"level":"2026-01-01T00:00:00Z","kind":"Event","verb":"a",',
  ),
  fc.constantFrom('"kind":"Event","kind":"Event","kind":"Event",', '"kind":[1],"level":{},"a":1,'),
  filler.map((text) => `"kind":"${text}","apiVersion":"${text}","level":"${text}",`),
);
const line = fc
  .record({ opening, space, user, status, annotations })
  .map(
    (of) =>
      `{${of.opening}${of.space}"user":${of.user},"responseStatus":${of.status},${of.space}"verb":"get","annotations":${of.space}${of.annotations}${of.space}}`,
  );
/** As it is, or with one byte that is another, or cut there. */
const damaged = fc
  .tuple(
    line,
    fc.nat({ max: 800 }),
    fc.constantFrom('', '', '"', '}', ']', ',', '\u0000', '\u00ff'),
  )
  .map(([text, at, byte]) => (byte === '' ? text : text.slice(0, at) + byte + text.slice(at + 1)));

/** What follows a value is looked at, too, to find it: it is always the same. */
function lineOf(name: string): string {
  return `{"user":{"username":"${name}"},"userAgent":"${'a'.repeat(100)}"}`;
}

/** So many bytes are kept of the user in such a line: as it is read, and as it is written. */
function keptBytes(nameLength: number): number {
  return (
    `{"username":""}`.length + nameLength + encode({ username: 'n'.repeat(nameLength) }).length + 2
  );
}

function elsewhere(text: string): Elsewhere {
  const bytes = Buffer.from(text);
  return {
    length: bytes.length,
    writeTo: (to, start) => start + bytes.copy(to, start),
  };
}

describe('what came before', () => {
  it('changes nothing of what is made of a line', () => {
    const used = newMaker();
    const check = fc.property(fc.array(damaged, { minLength: 1, maxLength: 6 }), (lines) => {
      for (const one of [...lines, ...lines]) assertMadeAsAnew(used, one);
    });
    fc.assert(check, { numRuns: 150 });
  });

  it('is told from what differs in one byte, or ends early', () => {
    const used = newMaker();
    for (let at = 0; at < EVENT.length; at += 1) {
      used(EVENT);
      const byte = EVENT.charCodeAt(at);
      for (const other of ['"', String.fromCharCode(byte ^ 1)]) {
        assertMadeAsAnew(used, EVENT.slice(0, at) + other + EVENT.slice(at + 1));
      }
      assertMadeAsAnew(used, EVENT.slice(0, at));
    }
  });

  it('is the value of its field, wherever that stands', () => {
    const used = newMaker();
    used(EVENT);
    for (const fields of [
      ['annotations', 'user'],
      ['responseStatus', 'annotations'],
      ['user', 'responseStatus'],
    ]) {
      const members = fields.flatMap((field) => [USER, STATUS].map((one) => `"${field}":${one}`));
      assertMadeAsAnew(used, `{${members.join(',')}}`);
      assertMadeAsAnew(used, `{${OPENING.replace('Event', 'E')}${members.join(' , ')} }`);
    }
  });

  it('may have space behind it, or none', () => {
    const used = newMaker();
    for (const blank of ['', ' ', '\t\r ', '']) {
      assertMadeAsAnew(used, EVENT.replace(OPENING, OPENING + blank));
      for (const value of [USER, STATUS, ANNOTATIONS]) {
        assertMadeAsAnew(used, EVENT.replace(value, blank + value + blank));
      }
    }
  });

  it('is written over by what comes later', () => {
    const few = Array.from({ length: 12 }, (_, index) => `${index}`.padStart(40, 'u'));
    // Of what is kept, so many bytes of the oldest are written over, in the middle of one or between two.
    for (let over = 40; over < 700; over += 11) {
      const used = newMaker();
      let left = STORE_BYTES + over;
      const keep = (name: string): void => {
        used(lineOf(name));
        left -= keptBytes(name.length);
      };
      few.forEach(keep);
      let length = LONGEST_BYTES - 20;
      for (let index = 0; length === LONGEST_BYTES - 20; index += 1) {
        keep(`${index}`.padStart(length, 'v'));
        length = Math.min(length, Math.floor(left / 4));
      }
      keep('w'.repeat(length));
      keep('w'.repeat(Math.ceil((left - keptBytes(0)) / 2)));
      keep('x'.repeat(30));
      for (const name of few) assertMadeAsAnew(used, lineOf(name));
    }
  });

  it('has a length up to which it is remembered', () => {
    const used = newMaker();
    for (let length = LONGEST_BYTES - 40; length < LONGEST_BYTES + 20; length += 1) {
      const text = `{"username":"${'u'.repeat(length)}"}`;
      for (const end of ['a', 'b', 'a']) {
        assertMadeAsAnew(used, `{"user":${text.slice(0, -3)}${end}"},"verb":"x"}`);
      }
    }
  });

  it('is not looked for behind the end of the memory', () => {
    const core = new Core(64 * 1024, 0);
    core.setStyle({ format: 'forward' });
    core.setClock(1, 0);
    // Long ones, and shorter ones that begin alike; and so short that what is hashed is not theirs.
    for (const length of [LONGEST_BYTES - 20, 100, LONGEST_BYTES - 200, 120, 0]) {
      const text = `{"annotations":{"${'a'.repeat(length)}":1}}`;
      assert.ok(core.replace(elsewhere(text), 0), `${length}`);
      assert.ok(core.take().includes('a'.repeat(length)));
    }
  });

  it('holds for the time that is asked for', () => {
    const core = new Core(64 * 1024, 0);
    const text = '{"kind":"Event","level":"2026-01-01T00:00:00Z","verb":"get","user":1}';
    const bytes = Buffer.from(text);
    const secondsBy = (timeField: 'level' | 'verb'): number => {
      core.slab.set(bytes);
      core.rewind();
      core.setStyle({ format: 'forward', timeField });
      core.setClock(7, 0);
      core.run(0, bytes.length, 0);
      return core.take().readUInt32BE(3);
    };
    const time = Date.parse('2026-01-01T00:00:00Z') / 1000;
    const found = (['verb', 'verb', 'level', 'level', 'verb'] as const).map(secondsBy);
    assert.deepEqual(found, [7, 7, time, time, 7]);
  });
});

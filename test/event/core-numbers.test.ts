/** Numbers: whole ones with all their digits as long as 64 bits hold them, any other as the double of JSON.parse. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { judged, valueBytes } from '../support/one-core.ts';

describe('a whole number', () => {
  const powers = [3, 5, 7, 8, 15, 16, 31, 32, 33, 50, 52, 53, 54, 62, 63, 64, 65].map(
    (bits) => 1n << BigInt(bits),
  );
  const near = powers.flatMap((power) => [-1n, 0n, 1n].map((more) => power + more));
  const tens = Array.from({ length: 22 }, (_, digits) => 10n ** BigInt(digits));
  const numbers = [...near, ...tens, ...tens.map((ten) => ten - 1n)];

  function assertExact(value: bigint): void {
    const bytes = valueBytes(String(value));
    const isInside = value >= -(1n << 63n) && value < 1n << 64n;
    // With BigInt this encoder makes doubles of numbers that 32 bits do not hold.
    const isSmall = value >= -(1n << 31n) && value < 1n << 32n;
    const expected = isInside && !isSmall ? value : Number(value);
    assert.deepEqual(bytes, Buffer.from(encode(expected, { useBigInt64: true })), String(value));
  }

  it('keeps all its digits up to 64 bits, in as few bytes as hold it', () => {
    for (const value of numbers) {
      assertExact(value);
      if (value !== 0n) assertExact(-value);
    }
    fc.assert(fc.property(fc.bigInt(-(1n << 66n), 1n << 66n), assertExact), { numRuns: 1000 });
    fc.assert(fc.property(fc.maxSafeInteger().map(BigInt), assertExact), { numRuns: 1000 });
    fc.assert(fc.property(fc.integer({ min: -70_000, max: 70_000 }).map(BigInt), assertExact));
  });

  const known: readonly (readonly [string, string])[] = [
    ['0', '00'],
    ['127', '7f'],
    ['128', 'cc80'],
    ['255', 'ccff'],
    ['256', 'cd0100'],
    ['65535', 'cdffff'],
    ['65536', 'ce00010000'],
    ['4294967295', 'ceffffffff'],
    ['4294967296', 'cf0000000100000000'],
    ['9007199254740993', 'cf0020000000000001'],
    ['18446744073709551615', 'cfffffffffffffffff'],
    ['18446744073709551616', 'cb43f0000000000000'],
    ['20000000000000000000', 'cb43f158e460913d00'],
    ['-1', 'ff'],
    ['-32', 'e0'],
    ['-33', 'd0df'],
    ['-128', 'd080'],
    ['-129', 'd1ff7f'],
    ['-32768', 'd18000'],
    ['-32769', 'd2ffff7fff'],
    ['-2147483648', 'd280000000'],
    ['-2147483649', 'd3ffffffff7fffffff'],
    ['-9223372036854775808', 'd38000000000000000'],
    ['-9223372036854775809', 'cbc3e0000000000000'],
    ['-0', 'cb8000000000000000'],
  ];
  for (const [text, hex] of known) {
    it(`is written as it should be: ${text}`, () => {
      assert.equal(valueBytes(text).toString('hex'), hex);
    });
  }

  it('is a double when it has any more digits than that', () => {
    const digits = fc.stringMatching(/^[1-9][0-9]{19,60}$/);
    fc.assert(
      fc.property(digits, fc.constantFrom('', '-'), (text, sign) => {
        const value = BigInt(sign + text);
        if (value >= 0n && value < 1n << 64n) return;
        const bytes = valueBytes(sign + text);
        assert.deepEqual([bytes.length, bytes[0]], [9, 0xcb]);
        assert.equal(bytes.readDoubleBE(1), JSON.parse(sign + text));
      }),
      { numRuns: 500 },
    );
  });
});

describe('any other number', () => {
  const doubles: readonly string[] = [
    '-0',
    '0.0',
    '-0.0',
    '1.0',
    '1e0',
    '0e5',
    '1.5',
    '-2.5E-3',
    '1E+2',
    '1e999',
    '-1e999',
    '5e-324',
    '1e-999',
    '1.7976931348623157e308',
    '0.1',
    '1e+21',
    '123456789012345678901234567890',
    '99999999999999999999',
    '9007199254740993.0',
    `1${'0'.repeat(400)}`,
    `0.${'0'.repeat(400)}1`,
  ];
  for (const text of doubles) {
    it(`is the double of JSON.parse: ${text.slice(0, 40)}`, () => {
      const bytes = valueBytes(text);
      assert.deepEqual([bytes.length, bytes[0]], [9, 0xcb]);
      assert.ok(Object.is(bytes.readDoubleBE(1), JSON.parse(text)));
    });
  }

  it('is the double of JSON.parse for any fraction', () => {
    const fraction = fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((value) => !Number.isInteger(value));
    fc.assert(
      fc.property(fraction, (value) => {
        assert.equal(valueBytes(String(value)).readDoubleBE(1), value);
      }),
      { numRuns: 1000 },
    );
  });

  it('is the double of JSON.parse with any fraction and exponent', () => {
    const number = fc.stringMatching(
      /^-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?$/,
    );
    fc.assert(
      fc.property(number, (text) => {
        if (!/[.eE]/.test(text)) return;
        assert.ok(Object.is(valueBytes(text).readDoubleBE(1), JSON.parse(text)), text);
      }),
      { numRuns: 1000 },
    );
  });

  it('ends where it ends', () => {
    const bytes = valueBytes('[1.5,2 ,-0\t,3e1]');
    assert.equal(
      bytes.toString('hex').replaceAll('cb', ' '),
      'dc0004 3ff800000000000002 8000000000000000 403e000000000000',
    );
    for (const text of [
      '1.',
      '.5',
      '01',
      '-',
      '+1',
      '1e',
      '1e+',
      '1.e1',
      '--1',
      '0x1',
      '1_0',
      '-01',
      '00',
    ]) {
      assert.equal(judged(text), 'invalid', text);
    }
  });
});

/**
 * Fuzzes what is done to an event before it leaves. Whatever the bytes are: an event is gone through to its end and
 * stays one, with all of its fields; what is done twice is as what is done once; and of bytes that are no event
 * nothing leaves that stands behind the name of a body.
 */
import assert from 'node:assert/strict';
import type { Random } from '../../src/commands/simulate/random.ts';
import { dedotted } from '../../src/event/rewrite/dedot.ts';
import type { Rewriter, What } from '../../src/event/rewrite/rewriter.ts';
import { plantedEvents, PLANTED_REDACTION } from '../support/planted.ts';
import { readingOf } from '../support/reference.ts';
import { NOTHING_WISHED, redacting } from '../support/rewriting.ts';
import { lineMaterial } from './corpus.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, wordsOf, type Material } from './mutate.ts';

const FAILED = '"audit-shipper.io/redacted":"*"';
const BODY = /"(?:request|response)Object"/;
const NOTE = /\[redacted: \d+ bytes, sha256 [0-9a-f]{64}\]$/;

export const rewrite: Fuzzer = {
  name: 'rewrite',
  cases: 1500,
  open: () => new RewriteReader(),
};

class RewriteReader implements Reader {
  readonly #rewriter: Rewriter = redacting(PLANTED_REDACTION);
  readonly #strings: Rewriter = redacting(PLANTED_REDACTION, { bodies: 'string' });
  readonly #planted = plantedEvents();
  readonly #material: Material;

  constructor() {
    const { corpus, words } = lineMaterial();
    const own = wordsOf(
      ['"data":', '"value":', '"path":"/data"', '"op":"add"', '"items":[', '"env":[', '\\u0064ata'],
      ['"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}}'],
      ['?token=', '%74oken=', '\\u0026', ';', '&', '"requestObject":', '"responseObject":'],
    );
    const lines = this.#planted.map(({ line }) => Buffer.from(line));
    this.#material = { corpus: [...corpus, ...lines, ...lines], words: [...words, ...own] };
  }

  check(random: Random): void {
    const { what } = random.pick(this.#planted);
    const line = mutated(random, this.#material);
    const { verdict, value } = readingOf(line);
    if (verdict === 'object' && !line.includes(10)) this.#event(line, what, value);
    this.#invalid(line);
  }

  #event(line: Buffer, what: What, value: unknown): void {
    const wasFailed = line.includes(FAILED);
    const { line: once, redacted } = this.#rewriter.rewrite(line, what, NOTHING_WISHED);
    assert.ok(wasFailed || !once.includes(FAILED), 'it is gone through');
    assert.equal(once === line, redacted === 0, 'what is not changed is the same');
    const after = readingOf(once);
    assert.equal(after.verdict, 'object', 'it stays an event');
    const keys = new Set(Object.keys(after.value as object));
    for (const key of Object.keys(value as object)) assert.ok(keys.has(key), `it keeps ${key}`);
    const twice = this.#rewriter.rewrite(once, what, NOTHING_WISHED).line;
    assert.ok(twice.equals(once), 'nothing is left to do');
    const asStrings = this.#strings.rewrite(line, what, NOTHING_WISHED).line;
    assert.equal(readingOf(asStrings).verdict, 'object', 'it stays one with bodies as strings');
    const dotless = dedotted(once, 0, once.length).toBuffer();
    assert.equal(readingOf(dotless).verdict, 'object', 'it stays one without dots');
  }

  #invalid(line: Buffer): void {
    const { bytes, redacted } = this.#rewriter.rewriteInvalid(line);
    const kept = bytes.toString('latin1').replace(NOTE, '');
    assert.doesNotMatch(kept, BODY);
    if (redacted === 0) assert.ok(bytes.equals(line), 'what is left out is counted');
  }
}

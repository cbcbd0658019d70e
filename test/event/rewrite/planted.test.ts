/** No secret of a planted corpus is left, in whatever shape it came, and nothing else is taken away. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rewriter, type RewriteOptions } from '../../../src/event/rewrite/rewriter.ts';
import {
  innocentsIn,
  leaksIn,
  plantedEvents,
  PLANTED_REDACTION,
  type Planted,
} from '../../support/planted.ts';
import { NOTHING_WISHED } from '../../support/rewriting.ts';

const PLAIN: RewriteOptions = { redaction: PLANTED_REDACTION, bodies: 'object', dedot: false };
const WITH_HASH = { ...PLANTED_REDACTION, hashKey: Buffer.from('a key') };

/** As the way of the data has it: an event is rewritten where it may have to be. */
function outcome(rewriter: Rewriter, { line, what }: Planted): { text: string; redacted: number } {
  const bytes = Buffer.from(line);
  const uri = Buffer.from(/"requestURI":"([^"]*)"/.exec(line)?.[1] ?? '');
  const isConcerned =
    rewriter.concerns(what, NOTHING_WISHED) !== 'never' || rewriter.concernsUri(uri);
  if (!isConcerned) return { text: line, redacted: 0 };
  const { line: result, redacted } = rewriter.rewrite(bytes, what, NOTHING_WISHED);
  return { text: result.toString(), redacted };
}

/** What is redacted whole takes its innocent parts with it. */
const SWALLOWED = /^(?:secret applied|refused|environment of .*statefulsets)/;

describe('a planted secret', () => {
  const ways: Readonly<Record<string, RewriteOptions>> = {
    removed: PLAIN,
    hashed: { ...PLAIN, redaction: WITH_HASH },
    'removed from bodies that are strings': { ...PLAIN, bodies: 'string' },
    'removed where dots are underscores': { ...PLAIN, dedot: true },
  };
  for (const [way, options] of Object.entries(ways)) {
    const rewriter = new Rewriter(options);
    for (const planted of plantedEvents()) {
      it(`is ${way}: ${planted.name}`, () => {
        const { text, redacted } = outcome(rewriter, planted);
        assert.deepEqual(leaksIn(text), [], text);
        assert.ok(redacted > 0 || leaksIn(planted.line).length === 0);
        const event = JSON.parse(text) as { annotations: Record<string, unknown> };
        const name = options.dedot ? 'audit-shipper_io/redacted' : 'audit-shipper.io/redacted';
        assert.equal(event.annotations[name] !== undefined, redacted > 0);
      });
    }
  }

  const rewriter = new Rewriter(PLAIN);
  for (const planted of plantedEvents()) {
    it(`goes alone, and once: ${planted.name}`, () => {
      const { text } = outcome(rewriter, planted);
      if (!SWALLOWED.test(planted.name)) {
        assert.equal(innocentsIn(text), innocentsIn(planted.line), text);
      }
      assert.equal(outcome(rewriter, { ...planted, line: text }).text, text);
      const again = rewriter.rewrite(Buffer.from(text), planted.what, NOTHING_WISHED);
      assert.equal(again.redacted, 0);
      assert.equal(again.line.toString(), text);
    });
  }

  for (const planted of plantedEvents()) {
    it(`is nowhere when the event cannot be gone through: ${planted.name}`, () => {
      for (const broken of [planted.line.slice(0, -1), `${planted.line},`, '{"a"']) {
        const { line } = rewriter.rewrite(Buffer.from(broken), planted.what, NOTHING_WISHED);
        assert.deepEqual(leaksIn(line.toString()), []);
        assert.match(line.toString(), /"audit-shipper.io\/redacted":"\*"/);
      }
      const torn = rewriter.rewriteInvalid(Buffer.from(planted.line.slice(0, -1)));
      assert.deepEqual(leaksIn(torn.bytes.toString()), []);
    });
  }
});

/**
 * Whatever is done to a delivery that is complete, verify tells it exactly as a model does that keeps every id in a set:
 * no edit goes unnoticed, and no edit that does no harm is complained of.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { look } from '../../../src/commands/verify/look.ts';
import { Progress } from '../../../src/commands/verify/progress.ts';
import { judge, totalsOf } from '../../../src/commands/verify/report.ts';
import { Workplace } from '../../support/agent.ts';
import { COORDINATES, EVENTS, writeLog } from '../../support/verifying.ts';

const SILENT = new Progress({ write: () => true });

/** One edit of a file of lines; places are shares of its length. */
type Edit =
  | { readonly kind: 'remove'; readonly at: number; readonly lines: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly lines: number; readonly to: number }
  | { readonly kind: 'swap'; readonly at: number; readonly with: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'overwrite'; readonly at: number; readonly byte: number }
  /** A byte of a line's id, which ends the line. */
  | { readonly kind: 'forge'; readonly at: number; readonly back: number; readonly byte: number };

const SHARE = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const LINES = fc.integer({ min: 1, max: 5 });
const BYTE = fc.integer({ min: 0x20, max: 0x7e });
const DIGIT = fc.integer({ min: 0x30, max: 0x39 });
const EDIT: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('remove' as const), at: SHARE, lines: LINES }),
  fc.record({ kind: fc.constant('repeat' as const), at: SHARE, lines: LINES, to: SHARE }),
  fc.record({ kind: fc.constant('swap' as const), at: SHARE, with: SHARE }),
  fc.record({ kind: fc.constant('cut' as const), at: SHARE }),
  fc.record({ kind: fc.constant('overwrite' as const), at: SHARE, byte: BYTE }),
  fc.record({
    kind: fc.constant('forge' as const),
    at: SHARE,
    back: fc.integer({ min: 4, max: 40 }),
    byte: fc.oneof(DIGIT, BYTE),
  }),
);

function edited(text: string, edit: Edit): string {
  if (edit.kind === 'cut') return text.slice(0, Math.floor(edit.at * text.length));
  if (edit.kind === 'overwrite') {
    return overwritten(text, Math.floor(edit.at * text.length), edit.byte);
  }
  const lines = text.split('\n').slice(0, -1);
  const place = (share: number): number => Math.floor(share * lines.length);
  const at = place(edit.at);
  const line = lines[at] ?? '';
  if (edit.kind === 'remove') lines.splice(at, edit.lines);
  else if (edit.kind === 'repeat') {
    lines.splice(place(edit.to), 0, ...lines.slice(at, at + edit.lines));
  } else if (edit.kind === 'swap') {
    const other = place(edit.with);
    [lines[at], lines[other]] = [lines[other] ?? '', line];
  } else lines[at] = overwritten(line, line.length - edit.back, edit.byte);
  return lines.map((one) => `${one}\n`).join('');
}

function overwritten(text: string, at: number, byte: number): string {
  return text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + 1);
}

/** The ids of a file, as simply as can be; lines that are no JSON have none. */
function idsOf(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    try {
      const { shipper } = JSON.parse(line) as { readonly shipper?: { readonly id?: unknown } };
      const [, fingerprint, offset] = /^(.+)-(\d{1,15})$/.exec(String(shipper?.id)) ?? [];
      return fingerprint === undefined ? [] : [`${fingerprint}-${Number(offset)}`];
    } catch {
      return [];
    }
  });
}

interface Found {
  readonly missing: number;
  readonly repeated: number;
  readonly outOfOrder: number;
  /** Of no event of these files, or of no file. */
  readonly strange: number;
}

function fingerprintOf(id: string): string {
  return id.slice(0, id.lastIndexOf('-'));
}

/** What came again, or late, of files that nobody knows is of no interest. */
function model(whole: ReadonlySet<string>, text: string): Found {
  const greatest = new Map([...whole].map((id) => [fingerprintOf(id), -1]));
  const seen = new Set<string>();
  const found = { missing: 0, repeated: 0, outOfOrder: 0, strange: 0 };
  for (const id of idsOf(text)) {
    const fingerprint = fingerprintOf(id);
    const offset = Number(id.slice(fingerprint.length + 1));
    const before = greatest.get(fingerprint) ?? Infinity;
    if (seen.has(id)) found.repeated += Number(before < Infinity);
    else {
      found.outOfOrder += Number(offset < before && before < Infinity);
      found.strange += Number(!whole.has(id));
    }
    seen.add(id);
    greatest.set(fingerprint, Math.max(before, offset));
  }
  for (const id of whole) if (!seen.has(id)) found.missing += 1;
  return found;
}

async function shipped(t: TestContext) {
  const workplace = new Workplace(t);
  writeLog(workplace.logs);
  await workplace.ship({ env: COORDINATES });
  const text = workplace
    .lines()
    .map((line) => `${line.toString('utf8')}\n`)
    .join('');
  const whole = new Set(idsOf(text));
  assert.equal(whole.size, EVENTS);
  const path = join(workplace.logs.path, '..', 'edited.jsonl');
  const verified = async (content: string) => {
    writeFileSync(path, content);
    const options = { stateDir: workplace.state, paths: [], delivered: [path] };
    const verification = await look(options, SILENT);
    const totals = totalsOf(verification);
    const verdict = judge(verification, totals, { strict: false, anyOrder: false });
    const { missing, repeated, outOfOrder, wrong } = totals.delivery;
    const strange = wrong + verification.unknown.events;
    return { ...verdict, found: { missing, repeated, outOfOrder, strange }, verification };
  };
  return { text, whole, verified };
}

describe('a complete delivery', () => {
  it('is told from one that was edited, exactly', async (t) => {
    const { text, whole, verified } = await shipped(t);
    assert.equal((await verified(text)).isComplete, true);
    await fc.assert(
      fc.asyncProperty(fc.array(EDIT, { minLength: 1, maxLength: 4 }), async (edits) => {
        const content = edits.reduce(edited, text);
        const expected = model(whole, content);
        const { found, isComplete, verification } = await verified(content);
        assert.deepEqual(found, expected);
        const isHarmless = expected.missing === 0 && expected.outOfOrder === 0;
        assert.equal(isComplete, isHarmless && found.strange === verification.unknown.events);
      }),
      { numRuns: 200 },
    );
  });
});

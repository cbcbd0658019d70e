/**
 * Real audit files, from a real kube-apiserver and from public repositories, through the whole program: an event
 * comes out byte for byte, whatever is no event comes out wrapped, and nothing is left out. The files lie beside the
 * checkout and are no part of it.
 */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Workplace } from '../support/agent.ts';
import { sharedData } from '../support/project.ts';

const folder = sharedData() ?? '';
const skip = folder === '' && 'there is no ../shared/data beside the checkout';

function foldersIn(kind: 'live' | 'public'): readonly string[] {
  return folder === '' ? [] : readdirSync(join(folder, kind)).map((name) => join(kind, name));
}

function contentOf(path: string): Buffer {
  const bytes = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** Lines as latin1, in which every byte is one character. */
function linesOf(content: Buffer): readonly string[] {
  const lines = content.toString('latin1').split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(line, 'latin1').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Compares what came out with the content of a file, in which a hole of NULs and blank lines are nothing. */
function assertSame(shipped: readonly Buffer[], content: Buffer): { readonly events: number } {
  const lines = linesOf(content).map((line) => line.replace(/^\0+/, ''));
  const expected = lines.filter((line) => line.trim() !== '');
  assert.equal(shipped.length, expected.length);
  let events = 0;
  for (const [index, line] of expected.entries()) {
    const out = shipped[index] ?? Buffer.alloc(0);
    // Not assert.equal for an event: it takes minutes to show the difference of two megabytes.
    if (isObject(line)) assert.ok(out.equals(Buffer.from(line, 'latin1')), `line ${index + 1}`);
    else assertWrapped(out, line);
    events += isObject(line) ? 1 : 0;
  }
  return { events };
}

function assertWrapped(out: Buffer, line: string): void {
  const { log } = JSON.parse(out.toString('utf8')) as { readonly log: string };
  assert.equal(log, Buffer.from(line, 'latin1').toString('utf8'));
}

describe('real audit files, one at a time', { skip }, () => {
  for (const source of [...foldersIn('live'), ...foldersIn('public')]) {
    it(source, async (t) => {
      for (const name of readdirSync(join(folder, source))) {
        const original = join(folder, source, name);
        const workplace = new Workplace(t);
        const copy = workplace.logs.file(name);
        cpSync(original, copy);
        const agent = await workplace.ship({ paths: [copy], remembers: false });
        const { events } = assertSame(workplace.lines(), contentOf(original));
        const { delivered_events, invalid_lines, delivered_bytes, skipped_bytes } = agent.summary();
        assert.equal(Number(delivered_events) - Number(invalid_lines), events, name);
        const accounted = Number(delivered_bytes) + Number(skipped_bytes);
        assert.equal(accounted, contentOf(original).length, name);
      }
    });
  }
});

describe('real audit files with their backups, as one log', { skip }, () => {
  for (const source of foldersIn('live')) {
    it(`${basename(source)} comes oldest first`, async (t) => {
      const workplace = new Workplace(t);
      cpSync(join(folder, source), workplace.logs.path, { recursive: true });
      await workplace.ship();
      const names = readdirSync(workplace.logs.path).sort();
      // The active file is the newest; its name sorts behind lumberjack's, and before logrotate's.
      const ordered = [...names.filter((name) => name !== 'audit.log'), 'audit.log'];
      const contents = ordered.map((name) => contentOf(workplace.logs.file(name)));
      assertSame(workplace.lines(), Buffer.concat(contents));
      await workplace.ship();
      assertSame(workplace.lines(), Buffer.concat(contents));
    });
  }
});

/**
 * Fuzzes what a directory may be called and hold: any name that the kernel takes is a log, a backup or nothing, and a
 * directory of such names is searched without an error. A name that is no UTF-8 spoils no other.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '../../src/commands/simulate/random.ts';
import { Discovery } from '../../src/tail/discovery.ts';
import { Descriptors } from '../../src/tail/descriptors.ts';
import { compareAge, isAuditLogName, parseLogFileName } from '../../src/tail/names.ts';
import { Problems } from '../../src/tail/problems.ts';
import { Scanner } from '../../src/tail/scanner.ts';
import { sniffText } from '../../src/tail/sniff.ts';
import { RecordingLog } from '../support/recording-log.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, randomBytes, wordsOf, type Material } from './mutate.ts';

/** The kernel's limit (NAME_MAX). */
const NAME_BYTES_MAX = 255;
const FILES_MAX = 12;
const GOOD_NAME = 'audit.log';
const GOOD_LINE = '{"kind":"Event","apiVersion":"audit.k8s.io/v1"}\n';

const MATERIAL: Material = {
  corpus: wordsOf(
    ['audit.log', 'audit.log.1', 'audit.log.1.gz', 'audit-20260304.log', 'audit.log-20260304'],
    ['audit-2026-03-04T05-06-07.089.log', 'audit-2026-03-04T05-06-07.089.log.gz', '.audit.log'],
    ['kube-apiserver-audit', 'audit', '.gz', '.log.gz', '-2026-03-04T05-06-07.089', 'lock.log'],
    ['audit\n.log', 'audit\u001b[2J.log', '..audit..', `audit${'-20260304'.repeat(20)}.log`],
    ['__proto__', 'constructor', 'audit-9999-99-99T99-99-99.999.log', 'audit.log.999999999'],
  ),
  words: [
    ...wordsOf('.', '..', '-', '.gz', '.log', '\n', '\u001b', '*', '{a,b}', '[', '20260304', '+'),
    ...wordsOf('-2026-03-04T05-06-07.089', 'audit', '\u202e', '99999999999', ' ', '!', '\\'),
    Buffer.of(0xff),
    Buffer.of(0xc3),
    Buffer.from('a'.repeat(NAME_BYTES_MAX)),
  ],
};

export const names: Fuzzer = {
  name: 'names',
  cases: 400,
  open: () => new NamesReader(),
};

class NamesReader implements Reader {
  readonly #parent = mkdtempSync(join(tmpdir(), 'audit-shipper-fuzz-'));

  check(random: Random): void {
    assertName(mutated(random, MATERIAL).toString(), mutated(random, MATERIAL).toString());
    const text = mutated(random, { corpus: HEADS, words: MATERIAL.words }).toString('latin1');
    assert.ok(['audit', 'other', 'unknown'].includes(sniffText(text)));
    const directory = join(this.#parent, 'logs');
    fill(directory, random);
    try {
      assertSearched(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  close(): void {
    rmSync(this.#parent, { recursive: true });
  }
}

const HEADS = wordsOf(
  GOOD_LINE,
  '2026-03-04T05:06:07Z AUDIT: id="1"',
  '{"auditID":"1","stage":"x"',
);

/** Whatever is known of a name, its parts are parts of it, and two names have an order. */
function assertName(name: string, other: string): void {
  const parsed = parseLogFileName(name);
  assert.ok(parsed.base.length <= name.length);
  assert.ok(parsed.base !== '' || name === '', 'a log has a name');
  assert.ok(parsed.backup !== undefined || name === parsed.base + (parsed.gz ? '.gz' : ''));
  assert.equal(typeof isAuditLogName(name), 'boolean');
  const one = { backup: parsed.backup, mtimeMs: 1 };
  const two = { backup: parseLogFileName(other).backup, mtimeMs: 2 };
  assert.equal(Math.sign(compareAge(one, two)) + Math.sign(compareAge(two, one)), 0);
}

/** Files, directories and links of odd names, and one log as it should be. */
function fill(directory: string, random: Random): void {
  mkdirSync(directory);
  for (let count = random.below(FILES_MAX); count > 0; count -= 1) {
    const name = nameOf(random);
    const path = Buffer.concat([Buffer.from(`${directory}/`), name]);
    try {
      make(path, random);
    } catch (error) {
      // There already, or no name that the kernel takes.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  rmSync(join(directory, GOOD_NAME), { recursive: true, force: true });
  writeFileSync(join(directory, GOOD_NAME), GOOD_LINE);
}

function nameOf(random: Random): Buffer {
  const bytes = random.below(6) === 0 ? randomBytes(random, 30) : mutated(random, MATERIAL);
  const name = bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte));
  return Buffer.from(name.subarray(0, NAME_BYTES_MAX));
}

function make(path: Buffer, random: Random): void {
  const kind = random.below(8);
  if (kind === 0) mkdirSync(path);
  else if (kind === 1) symlinkSync(random.pick(['.', '..', 'nowhere', GOOD_NAME, '/']), path);
  else if (kind === 2) writeFileSync(path, randomBytes(random, 100));
  else writeFileSync(path, GOOD_LINE);
}

function assertSearched(directory: string): void {
  const log = new RecordingLog();
  const problems = new Problems(log);
  const { sites } = new Discovery([directory], log, problems).find();
  const good = sites.filter((site) => site.directory === directory && site.base === GOOD_NAME);
  assert.equal(good.length, 1, 'the good log is found');
  for (const site of sites) {
    const descriptors = new Descriptors();
    const scan = new Scanner(site, descriptors, problems).scan({
      full: true,
      newestFirst: false,
      isEnded: () => false,
      heldAt: () => undefined,
    });
    for (const { fd } of scan?.opened.values() ?? []) descriptors.close(fd);
    assert.equal(descriptors.held, 0, 'what was opened is given to whoever looks');
    if (site.base !== GOOD_NAME || site.directory !== directory) continue;
    const active = scan?.seen.find(({ backup }) => backup === undefined);
    assert.ok(active?.fingerprint !== undefined, 'the good log is identified');
  }
}

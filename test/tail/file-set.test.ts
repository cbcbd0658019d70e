/** Which seen file is which known generation: the cases of rotation one by one, and what holds in all of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  reconcile,
  type Assignment,
  type KnownGeneration,
  type SeenFile,
} from '../../src/tail/file-set.ts';
import { parseLogFileName } from '../../src/tail/names.ts';

const DEV = 1;
const ACTIVE = 'audit.log';
const BACKUP = 'audit-2026-03-04T05-06-07.089.log';
const COPY = 'audit.log.1';

/** A file by name, inode, size, and the word that stands for its first line. */
function file(name: string, ino: number, size: number, fingerprint?: string): SeenFile {
  const { backup, gz } = parseLogFileName(name);
  // A gz is smaller than what it holds.
  const sizes = gz
    ? { size: Math.ceil(size / 10), contentBytes: size }
    : { size, contentBytes: size };
  return { path: name, backup, gz, dev: DEV, ino, mtimeMs: 0, fingerprint, ...sizes };
}

function generation(
  key: number,
  fingerprint: string | undefined,
  position: number,
  ino?: number,
): KnownGeneration {
  const held = ino === undefined ? undefined : { dev: DEV, ino };
  return { key, fingerprint, position, held };
}

/** An assignment in words that do not depend on any order. */
interface Outcome {
  /** `1: a, b` for the generation with key 1. */
  readonly places: readonly string[];
  readonly started: readonly string[];
  readonly truncated: readonly number[];
}

function nameOf({ path, ino }: SeenFile): string {
  return `${path}#${ino}`;
}

function listed(files: readonly SeenFile[]): string {
  return files.map(nameOf).sort().join(', ');
}

function outcomeOf({ places, started, truncated }: Assignment): Outcome {
  return {
    places: [...places].map(([key, files]) => `${key}: ${listed(files)}`).sort(),
    started: started.map(listed).sort(),
    truncated: [...truncated].sort((a, b) => a - b),
  };
}

interface Case {
  readonly name: string;
  readonly known: readonly KnownGeneration[];
  readonly seen: readonly SeenFile[];
  readonly places?: readonly string[];
  readonly started?: readonly string[];
  readonly truncated?: readonly number[];
}

/** Invariant 6: one file under all its names. */
const ONE_FILE: readonly Case[] = [
  {
    name: 'a file that has grown is where it was',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(ACTIVE, 11, 200, 'A')],
    places: [`1: ${ACTIVE}#11`],
  },
  {
    name: 'a renamed file moves with its generation, the new active file is another',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(BACKUP, 11, 200, 'A'), file(ACTIVE, 12, 50, 'B')],
    places: [`1: ${BACKUP}#11`],
    started: [`${ACTIVE}#12`],
  },
  {
    name: 'a file that was renamed while nobody held it is known by its first line',
    known: [generation(1, 'A', 100)],
    seen: [file(BACKUP, 11, 200, 'A'), file(ACTIVE, 12, 50, 'B')],
    places: [`1: ${BACKUP}#11`],
    started: [`${ACTIVE}#12`],
  },
  {
    name: 'plain and compressed beside each other are one generation',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(BACKUP, 11, 200, 'A'), file(`${BACKUP}.gz`, 13, 200, 'A')],
    places: [`1: ${BACKUP}#11, ${BACKUP}.gz#13`],
  },
  {
    name: 'a compressed file is its generation after the plain one has gone, held or not',
    known: [generation(1, 'A', 100, 11), generation(2, 'B', 70)],
    seen: [
      file(`${BACKUP}.gz`, 13, 200, 'A'),
      file('audit-2026-03-04T05-06-08.000.log.gz', 14, 90, 'B'),
    ],
    places: [`1: ${BACKUP}.gz#13`, '2: audit-2026-03-04T05-06-08.000.log.gz#14'],
  },
  {
    name: 'a gz says too little of its length to be a stranger: it is still the file',
    known: [generation(1, 'A', 5_000_000_000)],
    seen: [file(`${BACKUP}.gz`, 13, 705_032_704, 'A')],
    places: [`1: ${BACKUP}.gz#13`],
  },
  {
    name: 'two names of one unknown file begin one generation',
    known: [],
    seen: [
      file(BACKUP, 11, 200, 'A'),
      file(`${BACKUP}.gz`, 13, 200, 'A'),
      file(ACTIVE, 12, 50, 'B'),
    ],
    started: [`${BACKUP}#11, ${BACKUP}.gz#13`, `${ACTIVE}#12`],
  },
  {
    name: 'files without a first line are strangers to each other',
    known: [],
    seen: [file(BACKUP, 11, 20), file(ACTIVE, 12, 0)],
    started: [`${BACKUP}#11`, `${ACTIVE}#12`],
  },
  {
    name: 'a held file without a first line is known by its inode, renamed or not',
    known: [generation(1, undefined, 0, 11)],
    seen: [file(BACKUP, 11, 20), file(ACTIVE, 12, 10)],
    places: [`1: ${BACKUP}#11`],
    started: [`${ACTIVE}#12`],
  },
  {
    name: 'a held file keeps its generation when its first line is complete',
    known: [generation(1, undefined, 0, 11)],
    seen: [file(ACTIVE, 11, 200, 'A')],
    places: [`1: ${ACTIVE}#11`],
  },
  {
    name: 'a held file turns out to be a copy of a known generation when its first line is there',
    known: [generation(1, 'A', 100, 11), generation(2, undefined, 0, 15)],
    seen: [file(ACTIVE, 11, 200, 'A'), file(COPY, 15, 150, 'A')],
    places: [`1: ${ACTIVE}#11, ${COPY}#15`],
  },
  {
    name: 'a file that is nowhere has no place',
    known: [generation(1, 'A', 100, 11), generation(2, 'B', 100)],
    seen: [file(ACTIVE, 12, 50, 'C')],
    started: [`${ACTIVE}#12`],
  },
];

/** Invariant 7: another life is another generation. */
const OTHER_LIFE: readonly Case[] = [
  {
    name: 'a reused inode with another first line is another generation',
    known: [generation(1, 'A', 100)],
    seen: [file(ACTIVE, 11, 200, 'B')],
    started: [`${ACTIVE}#11`],
  },
  {
    name: 'the checkpointed inode without a first line proves nothing',
    known: [generation(1, 'A', 0)],
    seen: [file(ACTIVE, 11, 0)],
    started: [`${ACTIVE}#11`],
  },
  {
    name: 'a held file that was cut to nothing begins a new generation',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(ACTIVE, 11, 0)],
    started: [`${ACTIVE}#11`],
    truncated: [1],
  },
  {
    name: 'a held file that was cut to nothing before anything was read of it, too',
    known: [generation(1, 'A', 0, 11)],
    seen: [file(ACTIVE, 11, 0)],
    started: [`${ACTIVE}#11`],
    truncated: [1],
  },
  {
    name: 'a held file with another first line begins a new generation, however long it is',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(ACTIVE, 11, 300, 'B')],
    started: [`${ACTIVE}#11`],
    truncated: [1],
  },
  {
    name: 'a held file that is shorter than its offset is another, although it begins alike',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(ACTIVE, 11, 99, 'A')],
    started: [`${ACTIVE}#11`],
    truncated: [1],
  },
  {
    name: 'a file that nobody holds and that is shorter than its offset is another, too',
    known: [generation(1, 'A', 100)],
    seen: [file(ACTIVE, 11, 99, 'A')],
    started: [`${ACTIVE}#11`],
  },
  {
    name: 'a file that ends just at the offset is the same',
    known: [generation(1, 'A', 100, 11), generation(2, 'B', 50)],
    seen: [file(ACTIVE, 11, 100, 'A'), file(BACKUP, 12, 50, 'B')],
    places: [`1: ${ACTIVE}#11`, `2: ${BACKUP}#12`],
  },
  {
    name: 'a held file without a first line that was cut below its offset is another',
    known: [generation(1, undefined, 10, 11)],
    seen: [file(ACTIVE, 11, 5)],
    started: [`${ACTIVE}#11`],
    truncated: [1],
  },
];

/** copytruncate: a copy beside the file, and then the file is cut. */
const COPIES: readonly Case[] = [
  {
    name: 'a copy that is being made belongs to the file it is made of',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(ACTIVE, 11, 200, 'A'), file(COPY, 15, 64, 'A')],
    places: [`1: ${ACTIVE}#11, ${COPY}#15`],
  },
  {
    name: 'the generation goes on in the copy when its file was cut',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(ACTIVE, 11, 0), file(COPY, 15, 200, 'A')],
    places: [`1: ${COPY}#15`],
    started: [`${ACTIVE}#11`],
    truncated: [1],
  },
  {
    name: 'the generation goes on in the copy when its file begins anew, with whatever',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(ACTIVE, 11, 400, 'B'), file(COPY, 15, 200, 'A')],
    places: [`1: ${COPY}#15`],
    started: [`${ACTIVE}#11`],
    truncated: [1],
  },
  {
    name: 'the generation goes on in the copy although its file begins anew with the same line',
    known: [generation(1, 'A', 100, 11)],
    seen: [file(ACTIVE, 11, 40, 'A'), file(COPY, 15, 200, 'A')],
    places: [`1: ${COPY}#15`],
    started: [`${ACTIVE}#11`],
    truncated: [1],
  },
  {
    name: 'the whole file stands beside a short copy: both are the generation that was not held',
    known: [generation(1, 'A', 100)],
    seen: [file(ACTIVE, 11, 200, 'A'), file(COPY, 15, 64, 'A')],
    places: [`1: ${ACTIVE}#11, ${COPY}#15`],
  },
];

for (const [title, cases] of [
  ['one file under many names (invariant 6)', ONE_FILE],
  ['another life of a file (invariant 7)', OTHER_LIFE],
  ['a copy and a cut file (invariants 6 and 7)', COPIES],
] as const) {
  describe(title, () => {
    for (const { name, known, seen, places = [], started = [], truncated = [] } of cases) {
      it(name, () => {
        const expected = { places, started, truncated };
        assert.deepEqual(outcomeOf(reconcile(known, seen)), expected);
        assert.deepEqual(outcomeOf(reconcile(known, seen.toReversed())), expected);
      });
    }
  });
}

// Few names for each thing, so that they meet often.
const fingerprint = fc.constantFrom('A', 'B', 'C', undefined);
const ino = fc.integer({ min: 11, max: 16 });
const length = fc.constantFrom(0, 10, 100, 200);
const name = fc.constantFrom(
  ACTIVE,
  BACKUP,
  `${BACKUP}.gz`,
  'audit-2026-03-04T05-06-08.000.log',
  'audit-2026-03-04T05-06-08.000.log.gz',
  COPY,
);
const seenFiles = fc.uniqueArray(
  fc.tuple(name, ino, length, fingerprint).map((parts) => file(...parts)),
  { comparator: (a, b) => a.path === b.path || a.ino === b.ino, maxLength: 6 },
);
// One descriptor is held by one generation.
const knownGenerations = fc
  .uniqueArray(fc.tuple(fingerprint, length, fc.option(ino, { nil: undefined })), {
    comparator: (a, b) => a[2] !== undefined && a[2] === b[2],
    maxLength: 4,
  })
  .map((tuples) =>
    tuples.map(([of, position, held], index) => generation(index + 1, of, position, held)),
  );

describe('whatever is known and seen', () => {
  it('every seen file is assigned exactly once, and only to generations that are known', () => {
    fc.assert(
      fc.property(knownGenerations, seenFiles, (known, seen) => {
        const { places, started, truncated } = reconcile(known, seen);
        const assigned = [...[...places.values()].flat(), ...started.flat()];
        assert.deepEqual(assigned.map(nameOf).sort(), seen.map(nameOf).sort());
        const keys = known.map(({ key }) => key);
        for (const key of [...places.keys(), ...truncated]) assert.ok(keys.includes(key));
        for (const files of [...places.values(), ...started]) assert.ok(files.length > 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('the order in which files are seen changes nothing', () => {
    const shuffled = seenFiles.chain((seen) =>
      fc.tuple(fc.constant(seen), fc.shuffledSubarray(seen, { minLength: seen.length })),
    );
    fc.assert(
      fc.property(knownGenerations, shuffled, (known, [seen, other]) => {
        assert.deepEqual(outcomeOf(reconcile(known, other)), outcomeOf(reconcile(known, seen)));
      }),
      { numRuns: 2000 },
    );
  });

  it('the files of a generation begin alike, and with the line it is known by', () => {
    fc.assert(
      fc.property(knownGenerations, seenFiles, (known, seen) => {
        const { places, started } = reconcile(known, seen);
        for (const [key, files] of places) {
          const of = known.find((one) => one.key === key);
          const prints = new Set(files.map((one) => one.fingerprint));
          assert.equal(prints.size, 1, 'places begin alike');
          if (of?.fingerprint !== undefined) assert.ok(prints.has(of.fingerprint));
        }
        for (const files of started) {
          assert.equal(new Set(files.map((one) => one.fingerprint)).size, 1);
          if (files[0]?.fingerprint === undefined) assert.equal(files.length, 1);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('one of the places of a generation holds every byte that was read', () => {
    fc.assert(
      fc.property(knownGenerations, seenFiles, (known, seen) => {
        for (const [key, files] of reconcile(known, seen).places) {
          const position = known.find((one) => one.key === key)?.position ?? 0;
          const whole = files.some((one) => one.gz || (one.contentBytes ?? 0) >= position);
          assert.ok(whole, 'nothing is read on in a file that is too short');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/**
 * Who may import whom. The way of the data is one direction, and a stage knows only the nouns of the next one
 * (ARCHITECTURE.md): this test breaks when an edge appears that the tables below do not name.
 */
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../support/project.ts';
import { lineAt, sourceOf, sourcesBelow, type Source } from './source.ts';

/** A path below src/: a file, or a folder when it ends with `/`, or a beginning when it ends with `*`. */
type Place = string;

interface Edge {
  readonly from: Place;
  readonly to: Place;
  /** Only `import type`: the noun is known, its code is not. */
  readonly typesOnly?: true;
}

/** Inside its own folder a file may import any other. Everything else stands here. */
const EDGES: readonly Edge[] = [
  // The program: main.ts runs what cli.ts understood, and loads a command when it is called.
  { from: 'main.ts', to: 'cli.ts' },
  { from: 'main.ts', to: 'commands/' },
  { from: 'main.ts', to: 'config/' },
  { from: 'main.ts', to: 'observe/' },
  { from: 'cli.ts', to: 'commands/' },
  { from: 'cli.ts', to: 'config/' },
  { from: 'cli.ts', to: 'observe/' },
  { from: 'main.ts', to: 'rules/' },
  // These two know all stages; no stage knows them.
  { from: 'commands/', to: '*' },
  { from: 'agent.ts', to: '*' },
  // The two parts of the composition root that agent.ts has beside it: the middle of the way, and what is remembered.
  { from: 'pipeline.ts', to: 'tail/tail.ts', typesOnly: true },
  { from: 'pipeline.ts', to: 'event/' },
  { from: 'pipeline.ts', to: 'deliver/' },
  { from: 'pipeline.ts', to: 'observe/seldom.ts' },
  { from: 'memory.ts', to: 'pipeline.ts', typesOnly: true },
  { from: 'memory.ts', to: 'tail/' },
  { from: 'memory.ts', to: 'checkpoint/' },
  // Beside them, what is to be expected.
  { from: 'memory.ts', to: 'loss-watch.ts', typesOnly: true },
  { from: 'loss-watch.ts', to: 'pipeline.ts', typesOnly: true },
  { from: 'loss-watch.ts', to: 'tail/' },
  { from: 'loss-watch.ts', to: 'checkpoint/format.ts', typesOnly: true },
  // What became of a generation's bytes goes from its ledger into its checkpoint.
  { from: 'memory.ts', to: 'deliver/chunk.ts' },
  { from: 'checkpoint/', to: 'deliver/chunk.ts' },
  { from: 'memory.ts', to: 'event/loss-notice.ts', typesOnly: true },
  // The stages, in the order of the data, and the noun each hands to the next.
  { from: 'tail/', to: 'event/block.ts' },
  { from: 'event/', to: 'deliver/chunk.ts' },
  { from: 'deliver/', to: 'output/output.ts' },
  { from: 'output/', to: 'deliver/chunk.ts' },
  // Whatever is written in YAML is read by one piece of code; a misspelt word of a policy gets the hint that a setting gets.
  { from: 'config/yaml-file.ts', to: 'yaml-text.ts' },
  { from: 'event/policy/', to: 'yaml-text.ts' },
  { from: 'event/policy/', to: 'config/nearest.ts' },
  // Files of the state directory are written by one piece of code.
  { from: 'checkpoint/store.ts', to: 'state-file.ts' },
  { from: 'deliver/dead-letter.ts', to: 'state-file.ts' },
  // What is no event, and what is kept aside, stands in a string of JSON.
  { from: 'event/wrap.ts', to: 'json-text.ts' },
  { from: 'deliver/dead-letter.ts', to: 'json-text.ts' },
  // A few words of MessagePack stand around events, and in what is added to them.
  { from: 'event/', to: 'msgpack.ts' },
  { from: 'output/forward/', to: 'msgpack.ts' },
  // Beside the way: configuration checks a log level, and what reaches a terminal is escaped wherever it is made.
  { from: 'config/', to: 'observe/log.ts' },
  // What a configuration consists of has its names where it is used.
  { from: 'config/', to: 'event/event-time.ts', typesOnly: true },
  { from: 'config/', to: 'output/forward/', typesOnly: true },
  { from: 'config/', to: 'tail/outlook.ts', typesOnly: true },
  { from: '*', to: 'observe/log.ts', typesOnly: true },
  { from: '*', to: 'observe/terminal.ts' },
  { from: '*', to: 'version.ts' },
  { from: '*', to: 'address.ts' },
  // The rules come from files, and hold in event/.
  { from: 'rules/', to: 'config/load.ts' },
  { from: 'rules/', to: 'config/config.ts', typesOnly: true },
  { from: 'rules/', to: 'event/' },
  { from: 'rules/', to: 'file-stamp.ts' },
  { from: 'output/forward/credentials.ts', to: 'file-stamp.ts' },
  // The picture of a running agent: who takes it knows all stages, who shows it knows the picture.
  { from: 'vital-signs.ts', to: '*', typesOnly: true },
];

/** Nobody may import these, whatever EDGES says. */
const ENTRIES: readonly Place[] = ['main.ts'];

/**
 * Modules that reach outside the process, and packages: only these places may import them. A module of Node that is
 * not listed reaches nowhere (node:path, node:zlib, node:crypto …) and is free; a package that is not listed is not
 * allowed. An empty list means: nowhere.
 */
const MODULES: Readonly<Record<string, readonly Place[]>> = {
  'node:fs': [
    'tail/',
    'checkpoint/',
    'config/load.ts',
    'event/core.ts', // the core's code, beside it
    'state-file.ts',
    'file-stamp.ts',
    'deliver/dead-letter.ts',
    'output/forward/credentials.ts', // secrets and certificates, read anew for each connection
    'output/stdout.ts', // writes to a descriptor it was given
    'commands/simulate*',
    'commands/check.ts',
    'commands/receive/settings.ts',
    'commands/verify/delivered.ts',
    'commands/policy/load.ts',
    'commands/policy/explain-policy.ts',
  ],
  'node:net': ['output/forward/connection.ts', 'checkpoint/lock.ts', 'commands/receive*'],
  'node:tls': ['output/forward/connection.ts', 'commands/receive/'],
  'node:http': ['observe/server.ts'],
  'node:https': [],
  'node:http2': [],
  'node:dgram': [],
  'node:child_process': [],
  'node:cluster': [],
  'node:worker_threads': [],
  'node:inspector': [],
  'node:module': [],
  'node:repl': [],
  'node:vm': [],
  'node:wasi': [],
  '@fluent-org/logger': ['commands/receive*'],
  chokidar: ['tail/'],
  commander: ['cli.ts', 'commands/'],
  picomatch: ['tail/', 'config/'],
  'prom-client': ['observe/metrics.ts'],
  'sonic-boom': ['observe/log.ts'],
  split2: ['tail/', 'commands/'],
  yaml: ['yaml-text.ts', 'config/yaml-file.ts'],
  zod: ['config/'],
};

/** Ways around an import, and code made of text. */
const FORBIDDEN_CODE: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])eval\s*\(/g, 'eval'],
  [/\bnew\s+Function\b|(?<![.\w$])Function\s*\(/g, 'new Function'],
  [/(?<![.\w$])require\s*\(/g, 'require'],
  [/\bprocess\s*\.\s*(?:binding|dlopen|getBuiltinModule)\b/g, 'modules taken from process'],
  [/\bimport\s*\(\s*(?!['"])/g, 'import() of a computed name'],
];

// --- reading the imports ---

interface Import {
  readonly specifier: string;
  readonly typesOnly: boolean;
  /** Loaded only when it is come by. */
  readonly isLazy: boolean;
  readonly line: number;
}

/** In `code` the inside of a string is blank, so these match real imports only; the name is read from `text`. */
const IMPORTS: readonly RegExp[] = [
  /\b(?:import|export)(\s+type)?\b[^;'"()]*?\bfrom\s*(['"] *['"])/dg,
  /\bimport()\s*(['"] *['"])/dg,
  /\bimport()\s*\(\s*(['"] *['"])/dg,
];

function importsOf(source: Source): readonly Import[] {
  return IMPORTS.flatMap((pattern) =>
    Array.from(source.code.matchAll(pattern), (match) => {
      const [start, end] = match.indices?.[2] ?? [0, 0];
      return {
        specifier: source.text.slice(start + 1, end - 1),
        typesOnly: (match[1] ?? '') !== '',
        isLazy: match[0].includes('('),
        line: lineAt(source.text, start),
      };
    }),
  );
}

// --- judging them ---

function covers(place: Place, path: string): boolean {
  if (place.endsWith('*')) return path.startsWith(place.slice(0, -1));
  return place.endsWith('/') ? path.startsWith(place) : path === place;
}

/** The unit inside which imports are free: the folder right below src/, or the root file itself. */
function unitOf(path: string): string {
  const slash = path.indexOf('/');
  return slash === -1 ? path : path.slice(0, slash + 1);
}

function edgeProblem(from: string, to: string, typesOnly: boolean): string | undefined {
  const entry = ENTRIES.includes(to);
  if (!entry && unitOf(from) === unitOf(to)) return undefined;
  const edges = EDGES.filter((edge) => covers(edge.from, from) && covers(edge.to, to));
  if (!entry && edges.some((edge) => typesOnly || edge.typesOnly !== true)) return undefined;
  const only = !entry && edges.length > 0 ? ' (only `import type` is allowed)' : '';
  return (
    `src/${from} → src/${to} is no edge of the architecture${only}. Turn the dependency round or pass a value; ` +
    'if the edge must be, add it to EDGES in test/house/imports.test.ts and to the code map in ARCHITECTURE.md'
  );
}

function moduleProblem(from: string, specifier: string): string | undefined {
  const name = moduleName(specifier);
  const places = MODULES[name];
  if (places === undefined && name.startsWith('node:')) return undefined;
  if (places?.some((place) => covers(place, from)) === true) return undefined;
  if (places === undefined) {
    return (
      `src/${from} → package ${name} is not known here. A built-in module is written node:…; ` +
      'a new package needs a reason in docs/decisions/ and a line in MODULES in test/house/imports.test.ts'
    );
  }
  return (
    `src/${from} → ${name} is allowed only in [${places.join(', ')}]. Do it there; ` +
    'if this place must have it, add it to MODULES in test/house/imports.test.ts and to ARCHITECTURE.md'
  );
}

/** `node:fs/promises` is `node:fs`; `@scope/name/part` is `@scope/name`. */
function moduleName(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function problemsOf(source: Source): readonly string[] {
  const from = source.path.replace(/^src\//, '');
  const problems = importsOf(source).map(({ specifier, typesOnly, line }) => {
    const problem = specifier.startsWith('.')
      ? edgeProblem(from, posix.join(posix.dirname(from), specifier), typesOnly)
      : moduleProblem(from, specifier);
    return problem === undefined ? undefined : `${source.path}:${line}: ${problem}`;
  });
  const forbidden = FORBIDDEN_CODE.flatMap(([pattern, name]) =>
    Array.from(source.code.matchAll(pattern), ({ index }) => {
      return `${source.path}:${lineAt(source.text, index)}: ${name} has no place in src/`;
    }),
  );
  return [...problems.filter((problem) => problem !== undefined), ...forbidden];
}

describe('imports', () => {
  const sources = sourcesBelow(projectRoot(), ['src']);

  it('follow the architecture', () => {
    assert.ok(sources.length > 0, 'no source file found');
    const problems = sources.flatMap(problemsOf);
    assert.deepEqual(problems, [], problems.join('\n'));
  });

  it('all name files that exist', () => {
    const paths = new Set(sources.map(({ path }) => path));
    for (const source of sources) {
      for (const { specifier } of importsOf(source)) {
        if (!specifier.startsWith('.')) continue;
        const target = posix.join(posix.dirname(source.path), specifier);
        assert.ok(
          paths.has(target),
          `${source.path} imports ${target}, which this test did not find`,
        );
      }
    }
  });
});

/** What is loaded before a command is called, and by each that ships, from these on. */
const START: readonly string[] = ['main.ts', 'config/load.ts', 'rules/load.ts', 'commands/ship.ts'];
/**
 * Of the packages, these: each costs every start its time. What only some runs need is imported where it is needed, with
 * import().
 */
const START_PACKAGES: readonly string[] = ['commander', 'picomatch', 'sonic-boom', 'zod/v3'];

describe('the start of the program', () => {
  it('loads no package that only some runs need', () => {
    const sources = new Map(sourcesBelow(projectRoot(), ['src']).map((one) => [one.path, one]));
    const seen = new Set(START.map((path) => `src/${path}`));
    const packages = new Set<string>();
    for (const path of seen) {
      const source = sources.get(path);
      assert.ok(source, `${path} is not there`);
      for (const { specifier, typesOnly, isLazy } of importsOf(source)) {
        if (typesOnly || isLazy || specifier.startsWith('node:')) continue;
        if (!specifier.startsWith('.')) packages.add(specifier);
        else seen.add(posix.join(posix.dirname(path), specifier));
      }
    }
    assert.deepEqual([...packages].sort(), START_PACKAGES);
  });
});

describe('the import test itself', () => {
  function problemsIn(path: string, text: string): readonly string[] {
    return problemsOf(sourceOf(path, text));
  }

  const bad: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'a stage that knows another',
      'src/tail/x.ts',
      `import { a } from '../output/stdout.ts';`,
      /tail\/x\.ts → src\/output\/stdout\.ts/,
    ],
    [
      'an edge that is only a type',
      'src/tail/x.ts',
      `import type {\n  A,\n} from '../deliver/ledger.ts';`,
      /no edge/,
    ],
    [
      'a value where only the type is known',
      'src/tail/x.ts',
      `import { LOG_LEVELS } from '../observe/log.ts';`,
      /only `import type`/,
    ],
    [
      'an edge against the way',
      'src/event/x.ts',
      `import type { A } from '../tail/a.ts';`,
      /no edge/,
    ],
    [
      'a stage that knows the root',
      'src/deliver/x.ts',
      `import { run } from '../agent.ts';`,
      /no edge/,
    ],
    [
      'the middle of the way that knows an output',
      'src/pipeline.ts',
      `import { stdoutOutput } from './output/stdout.ts';`,
      /no edge/,
    ],
    [
      'the middle of the way that reads files',
      'src/pipeline.ts',
      `import { Scanner } from './tail/scanner.ts';`,
      /no edge/,
    ],
    [
      'what is remembered that builds the pipeline',
      'src/memory.ts',
      `import { Pipeline } from './pipeline.ts';`,
      /only `import type`/,
    ],
    [
      'a stage that knows what is remembered',
      'src/tail/x.ts',
      `import { logOf } from '../memory.ts';`,
      /no edge/,
    ],
    ['a way into main', 'src/agent.ts', `import './main.ts';`, /no edge/],
    ['a re-export', 'src/checkpoint/x.ts', `export * from '../tail/names.ts';`, /no edge/],
    ['a dynamic import', 'src/event/x.ts', `const a = await import("../tail/a.ts");`, /no edge/],
    [
      'node:fs in a pure stage',
      'src/event/x.ts',
      `import { readFileSync } from 'node:fs';`,
      /node:fs is allowed only in/,
    ],
    [
      'its promises',
      'src/deliver/x.ts',
      `import fs from 'node:fs/promises';`,
      /node:fs is allowed only in/,
    ],
    ['a built-in without node:', 'src/tail/x.ts', `import fs from 'fs';`, /written node:/],
    ['a socket', 'src/observe/x.ts', `import net from 'node:net';`, /node:net is allowed only in/],
    [
      'a child process',
      'src/commands/x.ts',
      `import { spawn } from 'node:child_process';`,
      /allowed only in \[\]/,
    ],
    [
      'a package nobody decided on',
      'src/tail/x.ts',
      `import _ from '@scope/lodash/fp';`,
      /package @scope\/lodash /,
    ],
    ['eval', 'src/event/x.ts', `eval('1')`, /eval has no place/],
    ['new Function', 'src/event/x.ts', `const f = new Function('a', 'return a');`, /new Function/],
    ['require', 'src/event/x.ts', `const fs = require('fs');`, /require/],
    ['a computed import', 'src/event/x.ts', 'await import(`node:${name}`);', /computed/],
    ['a module from process', 'src/event/x.ts', `process.getBuiltinModule('fs');`, /process/],
  ];
  for (const [name, path, text, expected] of bad) {
    it(`finds ${name}`, () => {
      const problems = problemsIn(path, text);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', expected);
    });
  }

  const good: readonly (readonly [string, string, string])[] = [
    ['its own folder', 'src/tail/x.ts', `import { a } from './names.ts';`],
    ['a folder below its own', 'src/output/forward/x.ts', `import { a } from '../stdout.ts';`],
    [
      'the noun of the next stage',
      'src/tail/x.ts',
      `import type { Block } from '../event/block.ts';`,
    ],
    ['the type of a log', 'src/tail/x.ts', `import type { Log } from '../observe/log.ts';`],
    [
      'all stages from agent.ts',
      'src/agent.ts',
      `import { a } from './tail/a.ts';\nimport { b } from './checkpoint/b.ts';`,
    ],
    [
      'what is remembered from memory.ts',
      'src/memory.ts',
      `import { a } from './checkpoint/a.ts';\nimport type { Pipeline } from './pipeline.ts';`,
    ],
    [
      'simulate writing files',
      'src/commands/simulate/writer.ts',
      `import { openSync } from 'node:fs';`,
    ],
    ['words in a comment', 'src/event/x.ts', `/* import a from 'fs'; eval(1) */`],
    ['words in a string', 'src/event/x.ts', 'const a = `import b from "fs"`;'],
    ['a method of that name', 'src/event/x.ts', 'cache.eval(1);'],
  ];
  for (const [name, path, text] of good) {
    it(`allows ${name}`, () => {
      assert.deepEqual(problemsIn(path, text), []);
    });
  }

  it('sees every kind of import once, with its line', () => {
    const text = `import a from './a.ts';\nimport type { B } from './b.ts';\nimport './c.ts';\nexport { d } from './d.ts';\n`;
    assert.deepEqual(
      importsOf(sourceOf('src/tail/x.ts', text))
        .map(({ specifier, typesOnly, line }) => `${line} ${specifier} ${typesOnly}`)
        .sort(),
      ['1 ./a.ts false', '2 ./b.ts true', '3 ./c.ts false', '4 ./d.ts false'],
    );
  });
});

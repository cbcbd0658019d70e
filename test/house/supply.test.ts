/**
 * What comes along with the program: the lock file is in step and pins everything by its hash, nothing that runs on a
 * node needs a script to be installed, its licences are known, and the package holds the program and nothing else.
 * What a package does when it is loaded, no test can say; that is why there are few (docs/security.md).
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const root = projectRoot();

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly link?: boolean;
}

interface LockFile {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, Locked>>;
}

/** Everything that runs on a node, with what the packages of the design bring along. More of it is a decision. */
const PRODUCTION: readonly string[] = [
  '@fluent-org/logger',
  '@fluent-org/logger/node_modules/@msgpack/msgpack',
  '@opentelemetry/api',
  'atomic-sleep',
  'bintrees',
  'chokidar',
  'commander',
  'picomatch',
  'prom-client',
  'readdirp',
  'sonic-boom',
  'split2',
  'tdigest',
  'yaml',
  'zod',
];

/** Those that go with Apache-2.0 and ask for no more than their notice. */
const LICENCES: readonly string[] = ['Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

/** Of package.json, as npm repeats them in the lock file. */
const REPEATED = [
  'name',
  'version',
  'license',
  'bin',
  'engines',
  'dependencies',
  'devDependencies',
];

/** All that the package may hold, besides what npm itself adds. */
const PACKED = /^(?:dist\/src\/[\w./-]+\.js|dist\/src\/event\/core\.wasm)$/;
const DOCUMENTS = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), 'utf8'));
}

const manifest = read('package.json') as Manifest;
const lock = read('package-lock.json') as LockFile;
const FOLDER = 'node_modules/';

/** By their place below node_modules. */
function locked(isWanted: (one: Locked) => boolean): readonly (readonly [string, Locked])[] {
  return Object.entries(lock.packages)
    .filter(([place, one]) => place !== '' && isWanted(one))
    .map(([place, one]) => [place.slice(FOLDER.length), one]);
}

const all = locked(() => true);
const production = locked(({ dev }) => dev !== true);

function without(pairs: readonly (readonly [string, Locked])[], isGood: (one: Locked) => boolean) {
  return pairs.filter(([, one]) => !isGood(one)).map(([place]) => place);
}

describe('the lock file', () => {
  it('is in step with package.json', () => {
    const own = lock.packages[''] as Readonly<Record<string, unknown>>;
    for (const field of REPEATED) assert.deepEqual(own[field], manifest[field], field);
    for (const field of ['dependencies', 'devDependencies']) {
      for (const [name, version] of Object.entries(manifest[field] as Record<string, string>)) {
        assert.match(version, /^\d+\.\d+\.\d+$/, `${name} is pinned`);
        assert.equal(lock.packages[FOLDER + name]?.version, version, name);
      }
    }
  });

  it('has a hash of every package', () => {
    assert.ok(all.length > 0);
    const isPinned = ({ integrity, link }: Locked): boolean =>
      link !== true && integrity?.startsWith('sha512-') === true;
    assert.deepEqual(without(all, isPinned), []);
  });

  it('names no host: each installation takes its own registry, and the hash says what it must give', () => {
    const advice = 'keep omit-lockfile-registry-resolved=true of .npmrc';
    assert.deepEqual(
      without(all, ({ resolved }) => resolved === undefined),
      [],
      advice,
    );
  });
});

describe('what runs on a node', () => {
  it('is known by name', () => {
    assert.deepEqual(production.map(([place]) => place).sort(), [...PRODUCTION].sort());
  });

  it('needs no script to be installed', () => {
    assert.deepEqual(
      without(production, ({ hasInstallScript }) => hasInstallScript !== true),
      [],
    );
  });

  it('has a licence that goes with ours', () => {
    const isKnown = ({ license = '' }: Locked): boolean => LICENCES.includes(license);
    assert.deepEqual(without(production, isKnown), []);
  });
});

describe('the list of what runs on a node', () => {
  it('has all of it, with its hashes, and nothing else', () => {
    execFileSync(process.execPath, [join(root, 'dist', 'tools', 'sbom.js')], { cwd: root });
    const { components } = read('dist/sbom.cdx.json') as {
      readonly components: readonly { readonly name: string; readonly hashes: unknown }[];
    };
    const names = PRODUCTION.map((place) => place.split(FOLDER).at(-1) ?? '').sort();
    assert.deepEqual(components.map(({ name }) => name).sort(), names);
    assert.ok(components.every(({ hashes }) => Array.isArray(hashes) && hashes.length > 0));
  });
});

describe('the package', () => {
  it('holds the program and nothing else', () => {
    const args = ['pack', '--dry-run', '--ignore-scripts', '--json'];
    const [packed] = JSON.parse(npm(args)) as readonly [
      { readonly files: readonly { readonly path: string }[] },
    ];
    const paths = packed.files.map(({ path }) => path);
    for (const path of [...DOCUMENTS, 'dist/src/main.js', 'dist/src/event/core.wasm']) {
      assert.ok(paths.includes(path), `${path} is missing`);
    }
    const odd = paths.filter((path) => !DOCUMENTS.includes(path) && !PACKED.test(path));
    assert.deepEqual(odd, []);
  });

  it('runs with what runs on a node, and without a script', (t) => {
    const directory = temporaryDirectory(t);
    npm(['pack', '--ignore-scripts', '--pack-destination', directory]);
    const [tarball = ''] = readdirSync(directory);
    execFileSync('tar', ['-xzf', join(directory, tarball), '-C', directory]);
    for (const [place] of production.filter(([one]) => !one.includes(FOLDER))) {
      const link = join(directory, FOLDER, place);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, FOLDER, place), link);
    }
    const installed = join(directory, FOLDER, manifest.name);
    cpSync(join(directory, 'package'), installed, { recursive: true });
    const main = join(installed, 'dist', 'src', 'main.js');
    const run = (...args: readonly string[]): string =>
      execFileSync(process.execPath, [main, ...args], { encoding: 'utf8', cwd: directory });
    assert.equal(run('--version').trim(), manifest.version);
    run('simulate', join(directory, 'logs'), '--count', '5', '--rate', '0');
    assert.equal(run(join(directory, 'logs')).trimEnd().split('\n').length, 5);
  });
});

function npm(args: readonly string[]): string {
  return execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
}

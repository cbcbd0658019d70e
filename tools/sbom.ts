/**
 * Writes dist/sbom.cdx.json: what runs on a node, as a CycloneDX list (SBOM) made by npm of the lock file. Knows
 * nothing of what the packages do.
 *
 * npm is asked about a copy without what only developers need: told to leave that out, it leaves out as well what both
 * need (npm 11: whatever has an edge of the kind `dev`).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Json = Readonly<Record<string, unknown>>;
type Packages = Readonly<Record<string, Json>>;

const FORMAT = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application'];

function readJson(file: string): Json {
  return JSON.parse(readFileSync(file, 'utf8')) as Json;
}

function withoutDev({ devDependencies: _dev, scripts: _scripts, ...rest }: Json): Json {
  return rest;
}

function lockWithoutDev(lock: Json): Json {
  const packages = Object.entries(lock['packages'] as Packages)
    .filter(([, one]) => one['dev'] !== true)
    .map(([place, one]) => [place, place === '' ? withoutDev(one) : one]);
  return { ...lock, packages: Object.fromEntries(packages) as Packages };
}

function sbom(): string {
  const parent = mkdtempSync(join(tmpdir(), 'audit-shipper-sbom-'));
  try {
    const manifest = withoutDev(readJson('package.json'));
    // The list calls the program after its folder.
    const copy = join(parent, String(manifest['name']));
    mkdirSync(copy);
    writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest));
    const lock = lockWithoutDev(readJson('package-lock.json'));
    writeFileSync(join(copy, 'package-lock.json'), JSON.stringify(lock));
    return execFileSync('npm', ['sbom', ...FORMAT, '--package-lock-only'], {
      cwd: copy,
      encoding: 'utf8',
    });
  } finally {
    rmSync(parent, { recursive: true });
  }
}

const FILE = join('dist', 'sbom.cdx.json');
writeFileSync(FILE, sbom());
process.stdout.write(`${FILE}\n`);

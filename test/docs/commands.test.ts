/**
 * Runs every command line that the documents show in `sh` blocks, in a sandbox: the paths of a real node stand for
 * temporary ones. A line that is run nowhere must be named here with its reason, or the test fails.
 */
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project.ts';

const run = promisify(execFile);
/** How long a line that follows is left running, and how long any line may take. */
const FOLLOW_SECONDS = 2;
const TIMEOUT_MS = 60_000;

/** Lines that are not run here, and who runs them. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['npm ci && npm test', '.ci/run does, and this test is part of it'],
  ['npm ci', '.ci/run does; here it would delete the modules that run this test'],
  [
    'npm run build && node dist/test/run.js tail/names',
    '.ci/run does; here it would delete the code that runs this test',
  ],
  ['npm run check', '.ci/run does'],
]);

/** Lines that are run in another way: what stands for them. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['npm run bench:memory -- --small', 'node dist/bench/memory.js --small'],
  ['npm ci && npm run demo -- --for 5s', 'node dist/demo/main.js --for 3s'],
  ['npm link', 'npm_config_prefix="$PREFIX" npm link --ignore-scripts'],
]);

interface CommandLine {
  readonly file: string;
  readonly line: string;
}

function documents(): string[] {
  const root = projectRoot();
  const top = readdirSync(root).filter((name) => name.endsWith('.md'));
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  return [...top, ...docs.filter((name) => name.endsWith('.md')).map((name) => join('docs', name))];
}

/** The lines of all ```sh blocks; a line that ends with a backslash goes on in the next. */
function commandLines(): CommandLine[] {
  return documents().flatMap((name) => {
    const path = join(projectRoot(), name);
    const blocks = readFileSync(path, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm);
    return [...blocks].flatMap(([, block = '']) => {
      const lines = block.replaceAll('\\\n', ' ').split('\n');
      const commands = lines.map((line) => line.trim()).filter((line) => /^[^#]/.test(line));
      return commands.map((line) => ({ file: relative(projectRoot(), path), line }));
    });
  });
}

/** The paths of a node, and who may read them, as they are in the sandbox. */
function inSandbox(line: string, sandbox: string): string {
  const local = (INSTEAD.get(line) ?? line)
    .replaceAll('sudo ', '')
    .replaceAll('/tmp/audit', join(sandbox, 'simulated'))
    .replaceAll('/var/log/kubernetes', join(sandbox, 'logs'))
    .replaceAll('/var/lib/audit-shipper', join(sandbox, 'state'))
    .replaceAll('for 10s', 'for 1s')
    .replaceAll('audit-shipper.yaml', join(sandbox, 'audit-shipper.yaml'));
  if (!/ (?:-f|--follow) /.test(local)) return local;
  return `timeout --preserve-status --signal TERM ${FOLLOW_SECONDS} ${local}`;
}

/** A directory as the README assumes it: logs of now and of the day in its example, a configuration, the command. */
async function makeSandbox(): Promise<string> {
  const sandbox = mkdtempSync(join(tmpdir(), 'audit-shipper-docs-'));
  const main = join(projectRoot(), 'dist', 'src', 'main.js');
  const logs = join(sandbox, 'logs');
  await run(process.execPath, [main, 'simulate', logs, '--rate', '0', '--count', '500']);
  const { gzipSync } = await import('node:zlib');
  const event = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"delete"}\n';
  const backup = join(logs, 'audit-2026-11-20T00-00-00.000.log.gz');
  writeFileSync(backup, gzipSync(event));
  mkdirSync(join(sandbox, 'bin'));
  writeFileSync(
    join(sandbox, 'bin', 'audit-shipper'),
    `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`,
    {
      mode: 0o755,
    },
  );
  const yaml = /```yaml\n([\s\S]*?)```/.exec(
    readFileSync(join(projectRoot(), 'README.md'), 'utf8'),
  );
  writeFileSync(join(sandbox, 'audit-shipper.yaml'), yaml?.[1] ?? '');
  return sandbox;
}

describe('the command lines of the documents', () => {
  let sandbox = '';
  before(async () => {
    sandbox = await makeSandbox();
  });
  after(() => rmSync(sandbox, { recursive: true, force: true }));

  const lines = commandLines();

  it('are found', () => {
    assert.ok(lines.length >= 8, `only ${lines.length} found`);
  });

  it('are the ones that are named here', () => {
    const all = new Set(lines.map(({ line }) => line));
    const stale = [...ELSEWHERE.keys(), ...INSTEAD.keys()].filter((line) => !all.has(line));
    assert.deepEqual(stale, []);
  });

  for (const { file, line } of lines) {
    if (ELSEWHERE.has(line)) continue;
    it(`${file}: ${line}`, async () => {
      const path = join(sandbox, 'bin') + delimiter + (process.env['PATH'] ?? '');
      const env = { ...process.env, PATH: path, PREFIX: join(sandbox, 'prefix') };
      const cwd = line.startsWith('npm') ? projectRoot() : sandbox;
      const script = inSandbox(line, sandbox);
      await run('bash', ['-euo', 'pipefail', '-c', script], { cwd, env, timeout: TIMEOUT_MS });
    });
  }
});

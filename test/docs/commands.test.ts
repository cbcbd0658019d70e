/**
 * Runs every command line that the documents show in `sh` blocks, in a sandbox: the paths of a real node stand for
 * temporary ones, and kubectl for one that has no cluster (support/clusterless-kubectl.ts). A line that is run nowhere must
 * be named here with its reason, or the test fails.
 */
import { strict as assert } from 'node:assert';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import split from 'split2';
import { loadFrom } from '../support/load-config.ts';
import { hasKubectl } from '../support/kubectl.ts';
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
  ['npm run bench -- --small', 'test/bench/main.test.ts does'],
  ['docker build --tag audit-shipper:0.1.0 .', 'test/docker/image.test.ts runs its steps'],
  [
    'npm pack && sudo npm install --global --prefix /usr/local audit-shipper-0.1.0.tgz',
    'test/house/supply.test.ts packs the program and runs it from the package',
  ],
  [
    'sudo useradd --system --no-create-home --shell /usr/sbin/nologin audit-shipper',
    'it would add a user to this machine',
  ],
  ['sudo systemctl enable --now audit-shipper', 'test/manifests/systemd.test.ts asks systemd'],
  ['sudo journalctl --unit audit-shipper --lines 20', 'it reads what a running systemd wrote'],
  [
    'npm run torture -- --minutes 0.3 --megabytes-per-second 4',
    'test/torture/main.test.ts does, more gently',
  ],
]);

/** Lines that are run in another way: what stands for them. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['npm ci && npm run demo -- --for 5s', 'node dist/demo/main.js --for 3s'],
  ['npm run demo -- --forward --for 5s', 'node dist/demo/main.js --forward --for 3s'],
  ['npm run test:fuzz -- --minutes 10 --only lines', 'npm run test:fuzz -- --cases 5 --only lines'],
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

/** What stands in the blocks of a kind, of all documents. */
function blocksOf(kind: 'sh' | 'yaml'): { readonly file: string; readonly text: string }[] {
  const pattern = new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return documents().flatMap((file) => {
    const blocks = readFileSync(join(projectRoot(), file), 'utf8').matchAll(pattern);
    return [...blocks].map(([, text = '']) => ({ file, text }));
  });
}

/** The lines of all ```sh blocks; a line that ends with a backslash goes on in the next. */
function commandLines(): CommandLine[] {
  return blocksOf('sh').flatMap(({ file, text }) => {
    const lines = text.replaceAll('\\\n', ' ').split('\n');
    const commands = lines.map((line) => line.trim()).filter((line) => /^[^#]/.test(line));
    return commands.map((line) => ({ file, line }));
  });
}

/** The paths of a node, and who may read them, as they are in the sandbox. */
function inSandbox(line: string, { path: sandbox, receiver }: Sandbox): string {
  const local = (INSTEAD.get(line) ?? line)
    .replaceAll('sudo ', '')
    .replaceAll('/tmp/audit', join(sandbox, 'simulated'))
    .replaceAll('/var/log/kubernetes', join(sandbox, 'logs'))
    .replaceAll('/var/lib/audit-shipper', join(sandbox, 'state'))
    .replaceAll(' /etc/', ` ${join(sandbox, 'etc')}/`)
    .replaceAll('for 10s', 'for 1s')
    .replaceAll('127.0.0.1:24224', receiver)
    .replaceAll('audit-shipper receive', 'audit-shipper receive --listen 127.0.0.1:0')
    .replaceAll(' audit-shipper.yaml', ` ${join(sandbox, 'audit-shipper.yaml')}`);
  if (!/ (?:-f|--follow|receive) /.test(local)) return local;
  return `timeout --preserve-status --signal TERM ${FOLLOW_SECONDS} ${local}`;
}

/** A place that is as the documents assume it. */
interface Sandbox {
  readonly path: string;
  /** The address of a Forward receiver. */
  readonly receiver: string;
  end(): void;
}

/** A receiver that is there while the documents are run. */
async function startReceiver(main: string) {
  const child = spawn(process.execPath, [main, 'receive', '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of child.stderr.pipe(split())) {
    const { msg, address } = JSON.parse(String(line)) as Readonly<Record<string, string>>;
    if (msg === 'listening' && address !== undefined) return { child, address };
  }
  throw new Error('the receiver has ended');
}

/** Logs of now and of the day in the README's example, a configuration, the command, a receiver. */
async function makeSandbox(): Promise<Sandbox> {
  const sandbox = mkdtempSync(join(tmpdir(), 'audit-shipper-docs-'));
  const main = join(projectRoot(), 'dist', 'src', 'main.js');
  const logs = join(sandbox, 'logs');
  await run(process.execPath, [main, 'simulate', logs, '--rate', '0', '--count', '500']);
  const { gzipSync } = await import('node:zlib');
  const event = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"delete"}\n';
  const backup = join(logs, 'audit-2026-11-20T00-00-00.000.log.gz');
  writeFileSync(backup, gzipSync(event));
  mkdirSync(join(sandbox, 'bin'));
  const clusterless = join(projectRoot(), 'dist', 'test', 'support', 'clusterless-kubectl.js');
  for (const [name, program] of Object.entries({ 'audit-shipper': main, kubectl: clusterless })) {
    const script = `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`;
    writeFileSync(join(sandbox, 'bin', name), script, { mode: 0o755 });
  }
  const yaml = blocksOf('yaml').find(({ file }) => file === 'README.md')?.text ?? '';
  writeFileSync(join(sandbox, 'audit-shipper.yaml'), yaml);
  const { child, address } = await startReceiver(main);
  const end = (): void => {
    child.kill('SIGKILL');
    rmSync(sandbox, { recursive: true, force: true });
  };
  return { path: sandbox, receiver: address, end };
}

describe('the command lines of the documents', () => {
  let sandbox: Sandbox = { path: '', receiver: '', end: () => undefined };
  before(async () => {
    sandbox = await makeSandbox();
  });
  after(() => sandbox.end());

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
    it(`${file}: ${line}`, async (t) => {
      if (line.startsWith('kubectl') && !hasKubectl(t)) return;
      const path = join(sandbox.path, 'bin') + delimiter + (process.env['PATH'] ?? '');
      const env = { ...process.env, PATH: path, PREFIX: join(sandbox.path, 'prefix') };
      const cwd = /^npm |manifests\/|docs\//.test(line) ? projectRoot() : sandbox.path;
      const script = inSandbox(line, sandbox);
      await run('bash', ['-euo', 'pipefail', '-c', script], { cwd, env, timeout: TIMEOUT_MS });
    });
  }
});

describe('the configurations of the documents', () => {
  for (const { file, text } of blocksOf('yaml')) {
    it(`${file}: is good`, () => {
      const readFile = (): Buffer => Buffer.from(text);
      const loaded = loadFrom({ flags: { config: file }, env: {}, nowMs: Date.now(), readFile });
      assert.ok(loaded.ok, JSON.stringify(loaded));
    });
  }
});

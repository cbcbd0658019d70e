/**
 * The Dockerfile: what it may contain, and what comes of it. Its steps are run in a clean directory, and the result is
 * started as the image would be: with its own Node and libraries, its user, and nothing else of this machine.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { validate } from 'dockerfile-utils';
import { VERSION } from '../../src/version.ts';
import {
  buildImage,
  cleanContext,
  instructionsOf,
  wordsWithFlags,
  type Image,
} from '../support/image.ts';
import { projectRoot } from '../support/project.ts';

const TEXT = readFileSync(join(projectRoot(), 'Dockerfile'), 'utf8');
const INSTRUCTIONS = instructionsOf(TEXT);
const EVENT = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get"}\n';

function argumentsOf(keyword: string): string[] {
  return INSTRUCTIONS.filter((instruction) => instruction.getKeyword() === keyword).map(
    (instruction) => instruction.getArgumentsContent() ?? '',
  );
}

describe('the Dockerfile', () => {
  it('is one that the builder takes, without warnings', () => {
    assert.deepEqual(
      validate(TEXT).map(({ message }) => message),
      [],
    );
  });

  it('begins with an exact version and its digest, and ends with nothing but what it copies', () => {
    const bases = argumentsOf('FROM');
    const [build = '', system = '', final] = bases.map((text) => text.split(' ')[0]);
    assert.match(build, /^node:24\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/);
    assert.deepEqual([system, final], [build, 'scratch']);
  });

  it('runs as a number, since Kubernetes cannot tell who a name is, and not as root', () => {
    const [user = ''] = argumentsOf('USER').slice(-1);
    assert.match(user, /^[1-9]\d*:[1-9]\d*$/);
  });

  it('needs no shell at run time', () => {
    for (const keyword of ['ENTRYPOINT', 'HEALTHCHECK']) {
      const [text = ''] = argumentsOf(keyword);
      assert.match(text, /\["\/usr\/local\/bin\/node", /);
    }
    assert.deepEqual([...argumentsOf('ADD'), ...argumentsOf('SHELL'), ...argumentsOf('CMD')], []);
  });

  it('is labelled with the version of the program', () => {
    const [labels = ''] = argumentsOf('LABEL');
    assert.ok(labels.includes(`org.opencontainers.image.version="${VERSION}"`));
    assert.ok(TEXT.includes(`--tag audit-shipper:${VERSION} `));
  });

  it('is given what it copies, and nothing else', () => {
    const ignore = readFileSync(join(projectRoot(), '.dockerignore'), 'utf8').trim().split('\n');
    const [first, ...allowed] = ignore.filter((line) => !line.startsWith('#'));
    const copied = INSTRUCTIONS.filter((instruction) => instruction.getKeyword() === 'COPY')
      .map(wordsWithFlags)
      .filter(([word]) => word?.startsWith('--from=') === false)
      .flatMap((words) => words.slice(0, -1).map((path) => `!${path.split('/')[0]}`));
    assert.equal(first, '*');
    assert.deepEqual(allowed.toSorted(), [...new Set(copied)].toSorted());
  });
});

/** By its whole path: the program gets the image's PATH. */
const CHROOT = '/usr/sbin/chroot';
/** Only root may change its root directory. */
const IS_ROOT = process.getuid?.() === 0;

describe('the image', { skip: IS_ROOT ? false : 'starting it as an image needs root' }, () => {
  const into = mkdtempSync(join(tmpdir(), 'audit-shipper-image-'));
  let context = '';
  let image: Image | undefined;
  before(() => {
    context = cleanContext(projectRoot());
    image = buildImage(context, into);
  });
  after(() => {
    rmSync(into, { recursive: true, force: true });
    rmSync(context, { recursive: true, force: true });
  });

  /** Runs something of the image as a container does: its root, its user, its environment and no other. */
  async function start(what: 'entrypoint' | 'healthcheck', args: readonly string[], env = {}) {
    assert.ok(image);
    const program = [`--userspec=${image.user}`, image.root, ...image[what], ...args];
    return promisify(execFile)(CHROOT, program, { env: { ...image.env, ...env } });
  }

  it('says its version', async () => {
    assert.equal((await start('entrypoint', ['--version'])).stdout, `${VERSION}\n`);
  });

  it('shows its help', async () => {
    assert.match((await start('entrypoint', ['--help'])).stdout, /^Usage: audit-shipper /);
  });

  it('ships a file', async () => {
    assert.ok(image);
    const logs = join(image.root, 'var', 'log', 'kubernetes');
    mkdirSync(logs, { recursive: true });
    writeFileSync(join(logs, 'audit.log'), EVENT, { mode: 0o644 });
    const { stdout } = await start('entrypoint', ['--field', 'node=n1']);
    assert.deepEqual(JSON.parse(stdout), {
      ...(JSON.parse(EVENT) as object),
      shipper: { node: 'n1' },
    });
  });

  it('finds receivers by name', async () => {
    assert.ok(image);
    // The container runtime writes this file. A libc without its helpers would look nowhere.
    writeFileSync(join(image.root, 'etc', 'hosts'), '127.0.0.9 fluentd.logging.svc\n');
    const script = "dns.lookup('fluentd.logging.svc', (e, address) => console.log(e ?? address))";
    const program = [
      `--userspec=${image.user}`,
      image.root,
      image.entrypoint[0] ?? '',
      '-e',
      script,
    ];
    const { stdout } = await promisify(execFile)(CHROOT, program, { env: {} });
    assert.equal(stdout, '127.0.0.9\n');
  });

  it('holds the packages that the program needs, and no compiled ones', () => {
    assert.ok(image);
    const files = readdirSync(image.root, { recursive: true, encoding: 'utf8' });
    assert.ok(files.includes('app/node_modules/sonic-boom/package.json'));
    assert.ok(files.includes('app/dist/src/event/core.wasm'));
    const unwanted =
      /\/(typescript|prettier|sh|bash|npm)$|\.node$|^app\/dist\/(test|src\/.*\.map$)/;
    const found = files.filter((file) => unwanted.test(file));
    assert.deepEqual(found, []);
  });

  it('is as healthy as the agent says', async () => {
    let status = 200;
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/healthz' ? status : 404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const env = { AUDIT_SHIPPER_LISTEN: `0.0.0.0:${port}` };
    try {
      await start('healthcheck', [], env);
      status = 503;
      await assert.rejects(start('healthcheck', [], env), { code: 1 });
    } finally {
      server.close();
      server.closeAllConnections();
    }
    await assert.rejects(start('healthcheck', [], env), /ECONNREFUSED/);
    assert.match((await start('healthcheck', [])).stdout, /nobody to ask/);
  });
});

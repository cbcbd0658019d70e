/** Which logs there are: by file, by directory, by glob; found once each, and again when they appear. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Discovery, isGlob } from '../../src/tail/discovery.ts';
import type { LogSite } from '../../src/tail/scanner.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { asStranger } from '../support/stranger.ts';
import { testParts, type TestParts } from '../support/tail-parts.ts';

const EVENT = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"1","stage":"Panic"}\n';
const TIME = '2026-03-04T05-06-07.089';

interface Place {
  readonly directory: LogDirectory;
  readonly parts: TestParts;
  /** A discovery of paths below the directory. */
  readonly look: (...paths: string[]) => Discovery;
  /** The logs it finds, as paths of their active files below the directory. */
  readonly logs: (discovery: Discovery) => readonly string[];
}

function place(t: TestContext, files: Readonly<Record<string, string | Buffer>>): Place {
  const directory = new LogDirectory(t);
  for (const [name, content] of Object.entries(files)) directory.write(name, content);
  const parts = testParts();
  return {
    directory,
    parts,
    look: (...paths) => {
      return new Discovery(
        paths.map((path) => directory.file(path)),
        parts.log,
        parts.problems,
      );
    },
    logs: (discovery) =>
      discovery
        .find()
        .sites.map((site) => pathOf(directory, site))
        .sort(),
  };
}

function pathOf(directory: LogDirectory, site: LogSite): string {
  return relative(directory.path, join(site.directory, site.base));
}

/** Which of the names the site takes. */
function accepted(site: LogSite | undefined, names: readonly string[]): readonly string[] {
  assert.ok(site !== undefined);
  return names.filter((name) => site.accepts?.(name) ?? true);
}

const NAMES = ['audit.log', `audit-${TIME}.log`, `audit-${TIME}.log.gz`, 'audit.log.1'];

describe('a directory', () => {
  it('gives each audit log once, with its backups, down to two directories', (t) => {
    const { look, logs } = place(t, {
      'audit.log': '',
      [`audit-${TIME}.log`]: EVENT,
      'audit.log.1': EVENT,
      'kube/kubernetes-audit': '',
      [`a/b/audit-${TIME}.log.gz`]: gzipSync(EVENT),
      'a/b/c/audit.log': EVENT,
      '.hidden/audit.log': EVENT,
    });
    const discovery = look('.');
    assert.deepEqual(logs(discovery), ['a/b/audit.log', 'audit.log', 'kube/kubernetes-audit']);
    for (const site of discovery.find().sites) assert.equal(site.accepts, undefined);
  });

  it('gives logs that only their content tells, and leaves the others alone, said once', (t) => {
    const { look, logs, parts, directory } = place(t, {
      'kube-apiserver.log': EVENT,
      [`old-${TIME}.log.gz`]: gzipSync(EVENT),
      'lock.log': 'I0304 05:06:07 locked\n',
      'audit-policy.yaml': 'apiVersion: audit.k8s.io/v1\nkind: Policy\n',
      'policy.json': '{"kind":"Policy","apiVersion":"audit.k8s.io/v1"}\n',
    });
    const discovery = look('.');
    for (let find = 0; find < 3; find++) {
      assert.deepEqual(logs(discovery), ['kube-apiserver.log', 'old.log']);
    }
    assert.deepEqual(
      parts.log.entries.map(({ fields }) => String(fields?.['path'])).sort(),
      ['audit-policy.yaml', 'lock.log', 'policy.json'].map((name) => directory.file(name)),
    );
  });

  it('looks again into files that were empty, or had half an event', (t) => {
    const { look, logs, directory, parts } = place(t, { 'kube-apiserver.log': '' });
    const discovery = look('.');
    assert.deepEqual(logs(discovery), []);
    directory.append('kube-apiserver.log', EVENT.slice(0, 20));
    assert.deepEqual(logs(discovery), []);
    directory.append('kube-apiserver.log', EVENT.slice(20));
    assert.deepEqual(logs(discovery), ['kube-apiserver.log']);
    assert.deepEqual(parts.log.entries, []);
  });

  it('tells what to watch, and what leads to nothing', (t) => {
    const { look, directory } = place(t, { 'a/notes.txt': 'x' });
    const { directories, missing } = look('.').find();
    assert.deepEqual(directories.toSorted(), [directory.path, directory.file('a')]);
    assert.deepEqual(missing, [directory.path]);
  });

  it('that cannot be read is said once, and said to be over', (t) => {
    const { look, logs, directory, parts } = place(t, { 'sub/audit.log': '' });
    const discovery = look('.');
    directory.hide('sub');
    for (let find = 0; find < 2; find++)
      assert.deepEqual(
        asStranger(() => logs(discovery)),
        [],
      );
    assert.deepEqual(
      parts.problems.list().map(({ path, code }) => [path, code]),
      [[directory.file('sub'), 'EACCES']],
    );
    assert.equal(parts.log.messages('warn').length, 1);
    assert.deepEqual(logs(discovery), ['sub/audit.log']);
    assert.deepEqual(parts.problems.list(), []);
  });
});

describe('a file', () => {
  it('is taken with its backups, whatever its name and its content', (t) => {
    const { look, directory } = place(t, { 'anything.txt': 'x', 'audit.log': '' });
    const [site, ...others] = look('anything.txt').find().sites;
    assert.deepEqual(others, []);
    assert.deepEqual(site, { directory: directory.path, base: 'anything.txt' });
  });

  it('that is not there yet is there by its backups', (t) => {
    const { look, logs, directory } = place(t, {});
    const discovery = look('audit.log');
    assert.deepEqual(discovery.find().missing, [directory.file('audit.log')]);
    directory.write(`audit-${TIME}.log`, EVENT);
    assert.deepEqual(logs(discovery), ['audit.log']);
    assert.deepEqual(discovery.find().missing, []);
  });

  it('that is a backup is taken alone', (t) => {
    const { look } = place(t, Object.fromEntries(NAMES.map((name) => [name, EVENT])));
    const [site, ...others] = look('audit.log.1', `audit-${TIME}.log.gz`).find().sites;
    assert.deepEqual(others, []);
    assert.equal(site?.base, 'audit.log');
    assert.deepEqual(accepted(site, NAMES), [`audit-${TIME}.log.gz`, 'audit.log.1']);
  });

  it('that is a backup is taken with the others when its log was asked for, too', (t) => {
    const { look } = place(t, Object.fromEntries(NAMES.map((name) => [name, EVENT])));
    for (const paths of [
      ['audit.log.1', 'audit.log'],
      ['audit.log', 'audit.log.1'],
    ]) {
      const { sites, missing } = look(...paths).find();
      assert.deepEqual(accepted(sites[0], NAMES), NAMES);
      assert.equal(sites.length, 1);
      assert.deepEqual(missing, []);
    }
  });

  it('in a directory that does not exist makes the nearest one watched', (t) => {
    const { look, logs, directory } = place(t, {});
    const discovery = look('a/b/audit.log');
    const { directories, missing } = discovery.find();
    assert.deepEqual(directories, [directory.path]);
    assert.deepEqual(missing, [directory.file('a/b/audit.log')]);
    directory.write('a/b/audit.log', '');
    assert.deepEqual(logs(discovery), ['a/b/audit.log']);
    assert.deepEqual(discovery.find().directories, [directory.file('a/b')]);
  });
});

describe('paths that overlap', () => {
  it('give one log, and none of them is missing', (t) => {
    const { look, directory } = place(t, Object.fromEntries(NAMES.map((name) => [name, EVENT])));
    const { sites, missing } = look(
      '.',
      'audit.log',
      './../logs/audit.log',
      'audit*.log',
      ...NAMES,
    ).find();
    assert.deepEqual(sites, [{ directory: directory.path, base: 'audit.log' }]);
    assert.deepEqual(missing, []);
  });
});

describe('a glob', () => {
  const TREE = {
    'm1/audit/audit.log': '',
    'm1/other.log': 'x',
    'm2/audit/audit.log': '',
    [`m2/audit/audit-${TIME}.log`]: EVENT,
    'm3/audit.log': '',
    'm3/deep/er/and/deeper/audit.log': '',
  };
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['*/audit/audit.log', ['m1/audit/audit.log', 'm2/audit/audit.log']],
    ['m?/audit.log', ['m3/audit.log']],
    [
      '{m1,m3}/**/audit.log',
      ['m1/audit/audit.log', 'm3/audit.log', 'm3/deep/er/and/deeper/audit.log'],
    ],
    ['{m1/audit,m3}/*.log', ['m1/audit/audit.log', 'm3/audit.log']],
    ['m1/*.log', ['m1/other.log']],
    ['m[12]/*/audit*', ['m1/audit/audit.log', 'm2/audit/audit.log']],
    ['m4/*.log', []],
  ];
  for (const [glob, expected] of cases) {
    it(`${glob} finds ${expected.length} logs`, (t) => {
      const { look, logs, directory } = place(t, TREE);
      const discovery = look(glob);
      assert.deepEqual(logs(discovery), expected);
      const missing = expected.length === 0 ? [directory.file(glob)] : [];
      assert.deepEqual(discovery.find().missing, missing);
    });
  }

  it('that takes the active file takes its backups', (t) => {
    const { look } = place(t, TREE);
    const [site] = look('m2/audit/audit.l*').find().sites;
    assert.deepEqual(accepted(site, NAMES), NAMES);
  });

  it('that takes backups only takes only these', (t) => {
    const { look } = place(t, Object.fromEntries(NAMES.map((name) => [name, EVENT])));
    assert.deepEqual(accepted(look('audit-*.gz').find().sites[0], NAMES), [`audit-${TIME}.log.gz`]);
  });

  it('finds what appears later, below directories that appear later', (t) => {
    const { look, logs, directory } = place(t, {});
    const discovery = look('late/*/audit.log');
    assert.deepEqual(logs(discovery), []);
    directory.write('late/m1/audit.log', '');
    assert.deepEqual(logs(discovery), ['late/m1/audit.log']);
  });

  it('is no glob when a file has that name', (t) => {
    const { look, logs, directory } = place(t, { 'audit[1].log': '' });
    assert.equal(isGlob(directory.file('audit[1].log')), false);
    assert.equal(isGlob(directory.file('audit[2].log')), true);
    assert.deepEqual(logs(look('audit[1].log')), ['audit[1].log']);
  });
});

describe('a symbolic link', () => {
  it('to a log that is found is not a second one, to another it is', (t) => {
    const { look, logs, directory } = place(t, {
      'real/audit.log': '',
      'elsewhere/away.log': EVENT,
    });
    symlinkSync(directory.file('real/audit.log'), directory.file('audit.log'));
    symlinkSync(directory.file('elsewhere/away.log'), directory.file('real/audit-away.log'));
    assert.deepEqual(logs(look('audit.log', 'real')), ['real/audit-away.log', 'real/audit.log']);
    assert.deepEqual(logs(look('audit.log')), ['audit.log']);
  });

  it('to a directory is not gone into, and is taken when it is given', (t) => {
    const { look, logs, directory } = place(t, { 'real/audit.log': '' });
    mkdirSync(directory.file('links'));
    symlinkSync(directory.file('real'), directory.file('links/linked'));
    assert.deepEqual(logs(look('links')), []);
    assert.deepEqual(logs(look('links/linked')), ['links/linked/audit.log']);
    assert.deepEqual(logs(look('links/linked', 'real')), ['real/audit.log']);
    directory.rename('real/audit.log', `real/audit-${TIME}.log`);
    assert.deepEqual(
      logs(look('links/linked', 'real')),
      ['real/audit.log'],
      'only backups are there',
    );
  });

  it('that leads nowhere is no log', (t) => {
    const { look, logs, directory } = place(t, {});
    symlinkSync(directory.file('gone'), directory.file('audit.log'));
    assert.deepEqual(logs(look('.')), []);
  });
});

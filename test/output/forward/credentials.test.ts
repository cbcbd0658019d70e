/**
 * Secrets and certificates as files: read anew each time, seen when they change, and nothing that is wrong with them
 * ends the agent or shows what they hold.
 */
import assert from 'node:assert/strict';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Credentials, type CredentialSettings } from '../../../src/output/forward/credentials.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const NOTHING: CredentialSettings = {
  sharedKey: undefined,
  username: undefined,
  password: undefined,
  tls: {},
};

function withKeyFile(path: string): Credentials {
  return new Credentials({ ...NOTHING, sharedKey: { kind: 'file', path } });
}

describe('credentials', () => {
  it('are none when none are configured', () => {
    const credentials = new Credentials(NOTHING);
    assert.equal(credentials.login(), undefined);
    assert.equal(credentials.stamp(), new Credentials(NOTHING).stamp());
  });

  it('are read anew each time, without the newline of an editor', (t) => {
    const path = join(temporaryDirectory(t), 'key');
    const credentials = withKeyFile(path);
    for (const [content, key] of [
      ['one\n', 'one'],
      ['two\r\n', 'two'],
      [' three \n\n', ' three \n'],
    ] as const) {
      writeFileSync(path, content);
      assert.equal(credentials.login()?.sharedKey, key);
    }
  });

  it('have another stamp when a file is written, replaced, removed, or linked elsewhere', (t) => {
    const folder = temporaryDirectory(t);
    const path = join(folder, 'key');
    const credentials = withKeyFile(path);
    const stamps = [credentials.stamp()];
    const after = (change: () => void): unknown => {
      change();
      return stamps.push(credentials.stamp());
    };
    after(() => writeFileSync(path, 'one'));
    after(() => writeFileSync(path, 'longer'));
    writeFileSync(join(folder, 'other'), 'longer');
    after(() => renameSync(join(folder, 'other'), path));
    writeFileSync(join(folder, 'third'), 'third');
    after(() => {
      rmSync(path);
      symlinkSync('third', path);
    });
    assert.equal(new Set(stamps).size, stamps.length);
    assert.equal(credentials.stamp(), stamps.at(-1));
  });

  it('have a stamp also when their folder is none', (t) => {
    const file = join(temporaryDirectory(t), 'file');
    writeFileSync(file, '');
    assert.equal(typeof withKeyFile(join(file, 'key')).stamp(), 'string');
  });

  it('that cannot be used say which file it is, and not what is in it', (t) => {
    const path = join(temporaryDirectory(t), 'key');
    const credentials = withKeyFile(path);
    assert.throws(() => credentials.login(), new RegExp(`cannot read ${path}`));
    writeFileSync(path, '\n');
    assert.throws(() => credentials.login(), new RegExp(`${path} is empty`));
    writeFileSync(path, 's3cret'.repeat(200_000));
    assert.throws(
      () => credentials.login(),
      (error: Error) =>
        /larger than 1 MiB/.test(error.message) && !error.message.includes('s3cret'),
    );
  });
});

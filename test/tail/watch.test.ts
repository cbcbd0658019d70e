/** Hints from the disk: that something appeared or was written, for a log's own watch and for discovery's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DirectoryWatch } from '../../src/tail/directory-watch.ts';
import { watchPath, type Hint } from '../../src/tail/watch.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { until } from '../support/until.ts';

const ACTIVE = 'audit.log';

describe('the watch on a log', () => {
  it('tells what appears and what is written, by name', async (t) => {
    const directory = new LogDirectory(t);
    const hints: { readonly hint: Hint; readonly name: string | undefined }[] = [];
    const watch = watchPath(directory.path, {
      onHint: (hint, name) => hints.push({ hint, name }),
      onError: (error) => assert.fail(String(error)),
    });
    t.after(() => watch?.close());
    assert.ok(watch !== undefined);
    const heard = async (hint: Hint, name: string): Promise<void> => {
      await until(`${hint} ${name}`, () => {
        return hints.splice(0).some((one) => one.hint === hint && one.name === name);
      });
    };
    directory.write(ACTIVE, '');
    await heard('files', ACTIVE);
    directory.append(ACTIVE, 'a\n');
    await heard('data', ACTIVE);
    directory.rename(ACTIVE, 'audit.log.1');
    await heard('files', 'audit.log.1');
    directory.remove('audit.log.1');
    await heard('files', 'audit.log.1');
  });

  it('that the system refuses is an error, not an exception', (t) => {
    const errors: unknown[] = [];
    const watch = watchPath(new LogDirectory(t).file('missing'), {
      onHint: () => assert.fail('a hint of nothing'),
      onError: (error) => errors.push(error),
    });
    assert.equal(watch, undefined);
    assert.equal(errors.length, 1);
  });
});

describe('the watch on directories', () => {
  it('tells that something came or went, below each of them, until it is left out', async (t) => {
    const directory = new LogDirectory(t);
    directory.write('a/audit.log', '');
    directory.write('b/audit.log', '');
    let changes = 0;
    const watch = new DirectoryWatch(
      () => (changes += 1),
      (error) => assert.fail(String(error)),
    );
    t.after(async () => watch.close());
    await watch.set([directory.file('a'), directory.file('b')]);
    // chokidar does not say from when on it listens: it is told something new until it has heard.
    const hears = async (name: string): Promise<void> => {
      changes = 0;
      let number = 0;
      await until(`a change in ${name}`, () => {
        directory.write(`${name}/${number++}.log`, '');
        return changes > 0;
      });
    };
    await hears('a');
    await hears('b');
    directory.write('c/audit.log', '');
    await watch.set([directory.file('b'), directory.file('c')]);
    await hears('c');
    await hears('b');
  });

  it('that has watched nothing closes', async () => {
    const ignore = (): void => undefined;
    await new DirectoryWatch(ignore, ignore).close();
  });
});

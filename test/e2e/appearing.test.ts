/**
 * Files and directories that come, go and come back while the program follows: each event arrives once, whatever
 * the path was that led to it.
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Workplace } from '../support/agent.ts';
import { eventsOf, numbersOf, runsOf } from '../support/numbered-events.ts';

const BACKUP = 'audit-2026-03-04T05-06-07.089.log';

describe('what appears later', () => {
  it('a file, by its name', async (t) => {
    const workplace = new Workplace(t);
    const options = { paths: [workplace.path] };
    const agent = workplace.start(options);
    await agent.says('no audit log there');
    workplace.logs.write('audit.log', eventsOf(1, 10));
    await workplace.finish(agent, 10, options);
    assert.equal(workplace.shipped(), '1-10');
  });

  it('a log whose end was asked for: what was written since is wanted', async (t) => {
    const workplace = new Workplace(t);
    const options = { flags: ['--from', 'end'] };
    const agent = workplace.start(options);
    await agent.says('no audit log there');
    const now = new Date().toISOString();
    const fresh = eventsOf(11, 20).replaceAll('2026-03-04T05:06:07.000000Z', now);
    workplace.logs.write('audit.log', eventsOf(1, 10) + fresh);
    await workplace.delivered(agent, 20);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.equal(workplace.shipped(), '11-20');
  });

  it('a directory with its parents, and in it a file', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const options = { paths: [logs.file('a/b')] };
    const agent = workplace.start(options);
    await agent.says('no audit log there');
    mkdirSync(logs.file('a'));
    mkdirSync(logs.file('a/b'));
    logs.write('a/b/audit.log', eventsOf(1, 10));
    await workplace.finish(agent, 10, options);
    assert.equal(workplace.shipped(), '1-10');
  });

  it('a match of a glob, in a directory that was not there', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const options = { paths: [logs.file('*/*-audit.log')] };
    const agent = workplace.start(options);
    await agent.says('no audit log there');
    logs.write('one/kube-audit.log', eventsOf(1, 10));
    await workplace.delivered(agent, 10);
    logs.write('two/kube-audit.log', eventsOf(11, 20));
    logs.write('two/other.log', eventsOf(30, 40));
    await workplace.finish(agent, 20, options);
    assert.equal(workplace.shipped(), '1-20');
  });

  it('a log beside one that is followed', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 10));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 10);
    logs.write('sub/oauth-audit.log', eventsOf(11, 20));
    await workplace.finish(agent, 20);
    assert.equal(workplace.shipped(), '1-20');
  });

  it('the first event of an empty file, and of one that was rotated empty', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write(BACKUP, '');
    logs.write('audit.log', '');
    const agent = await workplace.follow();
    logs.append('audit.log', eventsOf(1, 10));
    await workplace.finish(agent, 10);
    assert.equal(workplace.shipped(), '1-10');
  });
});

describe('a directory', () => {
  it('that vanishes and comes back as it was is shipped once, and read on', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write(BACKUP, eventsOf(1, 10));
    logs.write('audit.log', eventsOf(11, 20));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 20);
    logs.vanish();
    await agent.says('cannot be read');
    logs.comeBack();
    logs.append('audit.log', eventsOf(21, 30));
    await workplace.delivered(agent, 30);
    await agent.says('problem is over');
    logs.rename('audit.log', 'audit-2026-03-04T05-06-08.089.log');
    logs.write('audit.log', eventsOf(31, 40));
    await workplace.finish(agent, 40);
    assert.equal(workplace.shipped(), '1-40');
    assert.equal(agent.summary()['lost_bytes'], 0);
  });

  it('that is an empty mount point for a while is shipped once, and read on', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write(BACKUP, eventsOf(1, 10));
    logs.write('audit.log', eventsOf(11, 20));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 20);
    logs.vanish();
    logs.makeEmpty();
    // An agent that starts meanwhile has its memory and nothing to read.
    await agent.stop();
    const second = workplace.start();
    await second.says('no audit log there');
    logs.comeBack();
    logs.append('audit.log', eventsOf(21, 30));
    await workplace.finish(second, 30);
    assert.equal(workplace.shipped(), '1-30');
    assert.equal(second.summary()['lost_bytes'], 0);
  });

  it('that is made anew with the same files is shipped once', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit.log', eventsOf(1, 20));
    const agent = await workplace.follow();
    await workplace.delivered(agent, 20);
    rmSync(logs.path, { recursive: true });
    logs.write('audit.log', eventsOf(1, 30));
    await workplace.finish(agent, 30);
    assert.equal(workplace.shipped(), '1-30');
  });

  it('holds several logs, each with its backups, and files that are none of ours', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    logs.write('audit-policy.yaml', 'kind: Policy\n');
    logs.write('termination.log', 'the end\n');
    const names = ['audit.log', 'oauth-audit.log', 'kubernetes-audit'];
    for (const [index, name] of names.entries()) {
      const [stem = '', extension] = name.split('.');
      const backup = `${stem}-2026-03-04T05-06-07.089${extension === undefined ? '' : '.log'}`;
      logs.write(backup, eventsOf(index * 100 + 1, index * 100 + 10));
      logs.gzip(backup);
      logs.write(name, eventsOf(index * 100 + 11, index * 100 + 20));
    }
    const agent = await workplace.follow();
    for (const [index] of names.entries()) await workplace.delivered(agent, index * 100 + 20);
    await workplace.finish(agent, 220);
    const numbers = numbersOf(workplace.lines());
    for (const [index] of names.entries()) {
      const own = numbers.filter((number) => Math.floor(number / 100) === index);
      assert.equal(runsOf(own), `${index * 100 + 1}-${index * 100 + 20}`);
    }
    assert.equal(numbers.length, 60);
    const alone = agent.log.filter(({ msg }) => msg.startsWith('left alone'));
    assert.deepEqual(
      alone.map((line) => line['path']),
      [logs.file('audit-policy.yaml'), logs.file('termination.log')],
    );
  });
});

describe('a symbolic link', () => {
  it('to a file in another directory is followed across a rotation there', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const options = { paths: [logs.file('link')] };
    logs.write('real/audit.log', eventsOf(1, 10));
    mkdirSync(logs.file('link'));
    symlinkSync('../real/audit.log', logs.file('link/audit.log'));
    const agent = await workplace.follow(options);
    await workplace.delivered(agent, 10);
    logs.append('real/audit.log', eventsOf(11, 20));
    logs.rename('real/audit.log', `real/${BACKUP}`);
    logs.write('real/audit.log', eventsOf(21, 30));
    await workplace.finish(agent, 30, options);
    assert.equal(workplace.shipped(), '1-30');
  });

  it('that turns to another file is followed there', async (t) => {
    const workplace = new Workplace(t);
    const { logs, path } = workplace;
    const options = { paths: [path] };
    logs.write('files/one', eventsOf(1, 10));
    logs.write('files/two', eventsOf(21, 30));
    symlinkSync('files/one', path);
    const agent = await workplace.follow(options);
    await workplace.delivered(agent, 10);
    logs.append('files/one', eventsOf(11, 20));
    symlinkSync('files/two', logs.file('next'));
    renameSync(logs.file('next'), path);
    await workplace.finish(agent, 30, options);
    assert.equal(workplace.shipped(), '1-30');
  });

  it('to a directory is as good as the directory', async (t) => {
    const workplace = new Workplace(t);
    const { logs } = workplace;
    const options = { paths: [join(logs.path, 'link')] };
    logs.write('real/audit.log', eventsOf(1, 10));
    symlinkSync('real', logs.file('link'));
    const agent = await workplace.follow(options);
    await workplace.delivered(agent, 10);
    logs.append('real/audit.log', eventsOf(11, 20));
    await workplace.finish(agent, 20, options);
    assert.equal(workplace.shipped(), '1-20');
  });
});

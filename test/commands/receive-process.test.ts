/** `audit-shipper receive` as a process: signals, streams and exit codes. What it does is tested elsewhere. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { Agent } from '../support/agent.ts';

function start(t: TestContext, ...flags: readonly string[]): Agent {
  const agent = new Agent(['receive', ...flags], {}, 'pipe', 'all');
  t.after(async () => {
    if (!agent.hasEnded) await agent.kill();
  });
  return agent;
}

async function portOf(agent: Agent): Promise<number> {
  const { address } = await agent.says('listening');
  return Number(/^127\.0\.0\.1:(\d+)$/.exec(String(address))?.[1]);
}

const FREE = ['--listen', '127.0.0.1:0'];

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`it prints until ${signal}, says what it did, and ends with 0`, async (t) => {
    const agent = start(t, ...FREE);
    const stdout = agent.child.stdout?.setEncoding('utf8').toArray();
    const sender = connect(await portOf(agent), '127.0.0.1');
    sender.write(encode(['tag', encode([1, { kind: 'Event' }]), { chunk: 'c' }]));
    await once(sender, 'data');
    agent.child.kill(signal);
    assert.deepEqual(await agent.exited, { code: 0, signal: null });
    assert.equal((await stdout)?.join(''), '{"kind":"Event"}\n');
    const { events, connections } = agent.summary();
    assert.deepEqual([events, connections, agent.stderr], [1, 1, []]);
    sender.destroy();
  });
}

test('a port in use ends it with 1 and one line that says what to do', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const agent = start(t, '--listen', `127.0.0.1:${port}`);
  assert.deepEqual(await agent.exited, { code: 1, signal: null });
  assert.deepEqual(agent.log, []);
  assert.equal(agent.stderr.filter((line) => line !== '').length, 1);
  assert.match(agent.stderr[0] ?? '', /^audit-shipper: cannot listen on .*: port \d+ is in use; /);
});

test('wrong options end it with 2 and every problem', async (t) => {
  const agent = start(t, '--listen', 'x', '--username', 'u');
  assert.deepEqual(await agent.exited, { code: 2, signal: null });
  assert.match(
    agent.stderr.join('\n'),
    /^audit-shipper: 3 problems[^]*--listen: [^]*--username: [^]*--username: /,
  );
});

test('a stdout that nobody reads is a quiet end', async (t) => {
  const agent = start(t, ...FREE);
  const sender = connect(await portOf(agent), '127.0.0.1');
  sender.on('error', () => undefined);
  agent.child.stdout?.destroy();
  sender.end(encode(['tag', encode([1, { kind: 'Event' }]), { chunk: 'c' }]));
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  assert.deepEqual(agent.stderr, []);
});

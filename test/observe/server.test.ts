/** Those who look are answered, and can do nothing else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ListenError } from '../../src/address.ts';
import { Metrics, METRICS_TYPE } from '../../src/observe/metrics.ts';
import { PAGE_POLICY } from '../../src/observe/page-assets.ts';
import { StatusServer } from '../../src/observe/server.ts';
import type { Vitals } from '../../src/observe/vitals.ts';
import { vitalsOf } from '../support/vitals.ts';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

async function serve(t: TestContext, look: () => Vitals = vitalsOf) {
  const server = new StatusServer({ look, metrics: new Metrics(), metricsType: METRICS_TYPE });
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => server.close());
  const port = Number(address.split(':').at(-1));
  const ask = async (path: string, method = 'GET'): Promise<Answer> => {
    const asked = request({ host: '127.0.0.1', port, path, method }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    const { statusCode = 0, headers } = response;
    const type = headers['content-type'] ?? '';
    return { status: statusCode, type, body: Buffer.concat(pieces).toString(), headers };
  };
  return { port, ask };
}

describe('a server of vital signs', () => {
  it('answers each path with what it is for', async (t) => {
    const { ask } = await serve(t);
    const page = await ask('/');
    assert.deepEqual([page.status, page.type], [200, 'text/html; charset=utf-8']);
    assert.match(page.body, /<title>Well – audit-shipper<\/title>/);
    const metrics = await ask('/metrics?x=1');
    assert.deepEqual([metrics.status, metrics.type], [200, METRICS_TYPE]);
    assert.match(metrics.body, /^audit_shipper_build_info\{version="1\.2\.3"\} 1$/m);
    for (const path of ['/healthz', '/readyz']) {
      const { status, body } = await ask(path);
      assert.deepEqual([status, body], [200, 'ok\n']);
    }
    assert.equal((await ask('/etc/passwd')).status, 404);
    assert.equal((await ask('/%00<script>')).body, 'there are /, /metrics, /healthz and /readyz\n');
  });

  it('says why the agent is dead or unready', async (t) => {
    const troubles = [{ path: '/x', message: 'permission denied', since: 'today' }];
    const upstreams = [{ name: 'a:1', isUp: false }];
    const { ask } = await serve(t, () => vitalsOf({ stuckSeconds: 9999, troubles, upstreams }));
    const alive = await ask('/healthz');
    assert.deepEqual([alive.status, /nothing has moved/.test(alive.body)], [503, true]);
    const ready = await ask('/readyz');
    assert.equal(ready.status, 503);
    assert.equal(ready.body, '/x: permission denied (since today)\nreceiver a:1 is down\n');
  });

  it('takes no orders', async (t) => {
    const { ask } = await serve(t);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      assert.equal((await ask('/', method)).status, 405);
    }
    const head = await ask('/', 'HEAD');
    assert.deepEqual([head.status, head.body], [200, '']);
  });

  it('lets a browser load nothing from elsewhere, and keep nothing', async (t) => {
    const { ask } = await serve(t);
    const always = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    for (const path of ['/', '/metrics', '/healthz', '/nowhere']) {
      const { headers } = await ask(path);
      const own = path === '/' ? PAGE_POLICY : "default-src 'none'";
      assert.equal(headers['content-security-policy'], `${own}; ${always}`);
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['x-content-type-options'], 'nosniff');
    }
    assert.match(
      PAGE_POLICY,
      /^default-src 'none'; style-src 'sha256-[^' ]+'; script-src 'sha256-[^' ]+'; connect-src 'self'$/,
    );
  });

  it('gives a page that stands still to whoever asks for it', async (t) => {
    const { ask } = await serve(t);
    assert.match((await ask('/')).body, /<script>/);
    assert.doesNotMatch((await ask('/?paused')).body, /<script>|refresh"/);
  });

  it('fails for the one who asks when something goes wrong, and for nobody else', async (t) => {
    let fails = true;
    const { ask } = await serve(t, () => {
      if (fails) throw new Error('secret');
      return vitalsOf();
    });
    const failed = await ask('/');
    assert.deepEqual([failed.status, failed.body], [500, 'failed\n']);
    fails = false;
    assert.equal((await ask('/')).status, 200);
  });

  it('survives garbage, and those who say nothing', async (t) => {
    const { port, ask } = await serve(t);
    const garbage = connect(port, '127.0.0.1');
    garbage.on('error', () => undefined);
    garbage.end(Buffer.from([0, 255, 10, 10, 13]));
    const silent = connect(port, '127.0.0.1');
    silent.on('error', () => undefined);
    await once(silent, 'connect');
    assert.equal((await ask('/healthz')).status, 200);
    silent.destroy();
  });

  it('says in plain words when it cannot listen', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const server = new StatusServer({
      look: vitalsOf,
      metrics: new Metrics(),
      metricsType: METRICS_TYPE,
    });
    await assert.rejects(server.listen({ host: '127.0.0.1', port }), (error) => {
      return error instanceof ListenError && /is in use; end the program/.test(error.message);
    });
  });
});

/** What the rules ask of an event, also of one whose members are not what they should be. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attributesOf, heldBy, type Attributes } from '../../../src/event/policy/attributes.ts';
import { namedBy, pathOf } from '../../../src/event/policy/request-path.ts';
import { Scratch } from '../../../src/event/scratch.ts';

const scratch = new Scratch(0);

function attributesIn(line: string): Attributes {
  const bytes = Buffer.from(line);
  const core = scratch.hold(bytes);
  assert.equal(core.judge(bytes.length), 'object');
  return attributesOf(core);
}

function attributes(event: unknown): Attributes {
  return attributesIn(JSON.stringify(event));
}

const NOTHING: Attributes = { user: '', groups: [], verb: '', resource: undefined, path: '' };

describe('attributesOf', () => {
  it('reads an event', () => {
    const event = {
      kind: 'Event',
      verb: 'get',
      user: { username: 'ada', uid: '7', groups: ['staff', 'ops'], extra: { a: ['b'] } },
      requestURI: '/apis/apps/v1/namespaces/web/deployments/front/scale?pretty=true',
      objectRef: {
        resource: 'deployments',
        namespace: 'web',
        name: 'front',
        apiGroup: 'apps',
        apiVersion: 'v1',
        subresource: 'scale',
      },
      requestObject: { user: { username: 'eve' } },
    };
    assert.deepEqual(attributes(event), {
      user: 'ada',
      groups: ['staff', 'ops'],
      verb: 'get',
      resource: {
        group: 'apps',
        resource: 'deployments',
        subresource: 'scale',
        namespace: 'web',
        name: 'front',
      },
      path: '/apis/apps/v1/namespaces/web/deployments/front/scale',
    });
  });

  it('takes who logged in, and not whom they impersonate [pkg/server/config.go DefaultBuildHandlerChain: WithAudit stands around WithImpersonation]', () => {
    const event = {
      user: { username: 'ada', groups: ['staff'] },
      impersonatedUser: { username: 'root', groups: ['system:masters'] },
    };
    const { user, groups } = attributes(event);
    assert.deepEqual([user, groups], ['ada', ['staff']]);
  });

  it('knows a request for a URL by its missing objectRef', () => {
    const event = { verb: 'get', requestURI: '/healthz?verbose' };
    assert.deepEqual(attributes(event), { ...NOTHING, verb: 'get', path: '/healthz' });
  });

  it('finds nothing in an event of the wrong shape', () => {
    assert.deepEqual(attributesIn('{}'), NOTHING);
    const shapes = [null, 1, 'x', [], [{ username: 'a' }], { username: 1, groups: 'a' }];
    for (const user of shapes) {
      const { user: name, groups } = attributes({ user, verb: user, requestURI: [user] });
      assert.deepEqual([name, groups], ['', []], JSON.stringify(user));
    }
    assert.deepEqual(attributes({ user: { groups: ['a', 1, null, 'b'] } }).groups, ['a', 'b']);
    assert.equal(attributes({ objectRef: [] }).resource, undefined);
    assert.equal(attributes({ objectRef: null }).resource, undefined);
  });

  it('takes the last of fields that stand there twice, as everybody does', () => {
    const line = '{"verb":"get","verb":"list","user":{"username":"a","username":"b"}}';
    const { verb, user } = attributesIn(line);
    assert.deepEqual([verb, user], ['list', 'b']);
  });
});

/** What kube-apiserver writes of a request whose body says more than its path. */
function completed(verb: string, requestURI: string, resource: string): Attributes['resource'] {
  const objectRef = { resource, apiVersion: 'v1', namespace: 'chosen', name: 'chosen' };
  return attributes({ verb, requestURI, objectRef }).resource;
}

describe('what a client wrote into the body decides nothing [pkg/audit/request.go LogRequestObject]', () => {
  it('the name of an object that is created', () => {
    const made = completed('create', '/api/v1/namespaces/web/configmaps', 'configmaps');
    assert.deepEqual([made?.namespace, made?.name], ['web', '']);
  });

  it('the namespace of an object that is in none', () => {
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
    assert.equal(completed('create', role, 'clusterroles')?.namespace, '');
    const updated = completed('update', `${role}/chosen`, 'clusterroles');
    assert.deepEqual([updated?.namespace, updated?.name], ['', 'chosen']);
  });

  it('but a name in the path does, and that of a field selector', () => {
    const exec = '/api/v1/namespaces/web/pods/front/exec?command=sh';
    assert.equal(completed('create', exec, 'pods')?.name, 'front');
    const list = '/api/v1/namespaces/web/pods?fieldSelector=metadata.name%3Dchosen';
    assert.equal(completed('list', list, 'pods')?.name, 'chosen');
  });

  it('where the path does not tell, objectRef does', () => {
    const found = completed('create', '', 'pods');
    assert.deepEqual([found?.namespace, found?.name], ['chosen', 'chosen']);
  });
});

describe('a path', () => {
  it('is what stands before the query, decoded as Go does', () => {
    assert.equal(pathOf('/healthz?a=/x?y'), '/healthz');
    assert.equal(pathOf('/a%2Fb%20c+d%2b'), '/a/b c+d+');
    assert.equal(pathOf('/%C3%A9%e2%82%ac'), '/é€');
    assert.equal(pathOf('/100%/%zz/%ff'), '/100%/%zz/\ufffd');
    assert.equal(pathOf(''), '');
  });

  const PATHS: readonly (readonly [path: string, namespace: string, name: string])[] = [
    ['/api/v1/pods', '', ''],
    ['/api/v1/nodes/n1', '', 'n1'],
    ['/api/v1/nodes/n1/proxy/a/b', '', 'n1'],
    ['/api/v1/namespaces', '', ''],
    ['/api/v1/namespaces/web', 'web', 'web'],
    ['/api/v1/namespaces/web/finalize', 'web', 'web'],
    ['/api/v1/namespaces/web/status', 'web', 'web'],
    ['/api/v1/namespaces/web/pods', 'web', ''],
    ['/api/v1/namespaces/web/pods/front', 'web', 'front'],
    ['/api/v1/namespaces/web/pods/front/log', 'web', 'front'],
    ['//api/v1/namespaces/web/pods/front//', 'web', 'front'],
    ['/api/v1/watch/namespaces/web/pods', 'web', ''],
    ['/api/v1/watch/pods', '', ''],
    ['/api/v1/proxy/namespaces/web/services/a', 'web', 'a'],
    ['/api/v1/watch', '', ''],
    ['/apis/apps/v1/namespaces/web/deployments/front', 'web', 'front'],
    ['/apis/apps/v1/deployments', '', ''],
  ];
  for (const [path, namespace, name] of PATHS) {
    it(`names what it is about: ${path} [pkg/endpoints/request/requestinfo.go NewRequestInfo]`, () => {
      assert.deepEqual(namedBy(path), { namespace, name });
    });
  }

  it('may be about no resource', () => {
    for (const path of [
      '',
      '/',
      '/api',
      '/api/v1',
      '/apis',
      '/apis/apps',
      '/apis/apps/v1',
      '/x/y/z',
    ]) {
      assert.equal(namedBy(path), undefined, path);
    }
  });
});

describe('heldBy', () => {
  it('says level and stage, and nothing where they are no texts', () => {
    const held = (line: string) => {
      const bytes = Buffer.from(line);
      const core = scratch.hold(bytes);
      core.judge(bytes.length);
      return heldBy(core);
    };
    const line = '{"level":"Re\\u0071uest","stage":"Panic"}';
    assert.deepEqual(held(line), { level: 'Request', stage: 'Panic' });
    assert.deepEqual(held('{"level":null,"stage":1}'), { level: '', stage: '' });
    assert.deepEqual(held('{}'), { level: '', stage: '' });
  });
});

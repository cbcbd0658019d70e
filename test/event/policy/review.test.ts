/** What is doubtful in a policy: only what is certain, and each of it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { judge } from '../../../src/event/policy/policy.ts';
import { readPolicy } from '../../../src/event/policy/read-policy.ts';
import { reviewPolicy } from '../../../src/event/policy/review.ts';
import { anyPolicy, anyRequest, policyOf } from '../../support/audit-policies.ts';
import { projectRoot } from '../../support/project.ts';

/** `rule: message` */
function doubts(...rules: string[]): readonly string[] {
  return reviewPolicy(policyOf(rules)).map(({ rule, message }) => `${rule}: ${message}`);
}

const NEVER = /^2: it is never reached: whatever matches it matches rule 1 \(line 5\) first$/;

describe('a rule that is never reached', () => {
  const COVERED: readonly (readonly [earlier: string, later: string])[] = [
    ['', 'users: [ada]'],
    ['', 'nonResourceURLs: [/healthz]'],
    ['', "namespaces: ['']"],
    ['', ''],
    ['users: [ada, eve]', 'users: [eve]\nverbs: [get]'],
    ['verbs: [get]', "verbs: [get]\nresources: [{ group: '' }]"],
    ['namespaces: [a, b]', 'namespaces: [b]\nresources: [{ group: apps }]'],
    ["resources: [{ group: '' }]", 'resources: [{ resources: [pods/log] }]'],
    ["resources: [{ resources: ['*'] }]", "resources: [{ group: '' }]"],
    ["resources: [{ resources: ['*'] }]", "resources: [{ resources: ['*/log', 'pods/*', pods] }]"],
    ["resources: [{ resources: ['pods/*'] }]", 'resources: [{ resources: [pods, pods/log] }]'],
    ["resources: [{ resources: ['*/log'] }]", 'resources: [{ resources: [pods/log] }]'],
    [
      'resources: [{ resources: [pods] }, { group: apps }]',
      'resources: [{ group: apps, resources: [deployments] }, { resources: [pods], resourceNames: [a] }]',
    ],
    [
      'resources: [{ resources: [pods], resourceNames: [a, b] }]',
      'resources: [{ resources: [pods], resourceNames: [b] }]',
    ],
    ['nonResourceURLs: [/healthz*]', 'nonResourceURLs: [/healthz, /healthz/*]'],
    ["nonResourceURLs: ['*']", "nonResourceURLs: [/a, '*']"],
  ];
  for (const [earlier, later] of COVERED) {
    it(`is told: ${JSON.stringify([earlier, later])}`, () => {
      const [found = '', ...more] = doubts(`level: None\n${earlier}`, `level: None\n${later}`);
      assert.match(found, NEVER);
      assert.deepEqual(more, []);
    });
  }

  const REACHED: readonly (readonly [earlier: string, later: string])[] = [
    ['users: [ada]', ''],
    ['users: [ada]', 'userGroups: [ada]'],
    ['users: [ada]', 'users: [ada, eve]'],
    ['verbs: [get]', 'verbs: [list]'],
    ["namespaces: ['']", ''],
    ["namespaces: ['']", 'nonResourceURLs: [/a]'],
    ['resources: [{ resources: [pods] }]', "resources: [{ group: '' }]"],
    ['resources: [{ resources: [pods] }]', 'resources: [{ resources: [pods/log] }]'],
    ["resources: [{ resources: ['pods/*'] }]", "resources: [{ resources: ['*/log'] }]"],
    ["resources: [{ resources: ['*/log'] }]", "resources: [{ resources: ['pods/*'] }]"],
    ['resources: [{ group: apps }]', "resources: [{ group: '' }]"],
    ['resources: [{ group: apps }]', 'namespaces: [web]'],
    [
      'resources: [{ resources: [pods], resourceNames: [a] }]',
      'resources: [{ resources: [pods] }]',
    ],
    ['nonResourceURLs: [/healthz]', 'nonResourceURLs: [/healthz*]'],
    ["nonResourceURLs: ['*']", ''],
    ["nonResourceURLs: ['*']", "resources: [{ group: '' }]"],
  ];
  for (const [earlier, later] of REACHED) {
    it(`is not suspected: ${JSON.stringify([earlier, later])}`, () => {
      assert.deepEqual(doubts(`level: None\n${earlier}`, `level: None\n${later}`), []);
    });
  }

  it('never decides', () => {
    let found = 0;
    fc.assert(
      fc.property(anyPolicy, fc.array(anyRequest, { minLength: 20 }), (policy, requests) => {
        const never = reviewPolicy(policy).filter(({ message }) =>
          message.includes('never reached'),
        );
        found += never.length;
        for (const request of requests) {
          const { rule } = judge(policy, request);
          assert.ok(!never.some((doubt) => doubt.rule === rule));
        }
      }),
      { numRuns: 300 },
    );
    assert.ok(found > 0);
  });
});

describe('a word that matches nothing', () => {
  it('is a * where no sign stands for all', () => {
    const found = doubts(
      "level: None\nusers: ['*']\nuserGroups: ['*']\nverbs: ['*']\nnamespaces: ['*']\nresources: [{ resources: [pods], resourceNames: ['*'] }]",
    );
    assert.deepEqual(
      found.map((message) => /in (\w+) matches nothing/.exec(message)?.[1]),
      ['users', 'userGroups', 'verbs', 'namespaces', 'resourceNames'],
    );
  });

  it('is a verb in capital letters, or one that no request for a resource has', () => {
    assert.deepEqual(doubts("level: None\nverbs: [GET, post, get]\nresources: [{ group: '' }]"), [
      '1: the verb "GET" matches nothing: verbs are in small letters',
      '1: the verb "post" matches nothing: no request for a resource has it',
    ]);
    assert.deepEqual(doubts('level: None\nverbs: [post, impersonate]'), []);
  });

  it('is a resource of another shape', () => {
    const patterns = ['*/*', '', 'Pods', 'pods/log/x', 'pod*', '*log', 'pods/', '/log'];
    for (const pattern of patterns) {
      const [found = ''] = doubts(`level: None\nresources: [{ resources: ['${pattern}'] }]`);
      assert.match(found, /^1: the resource ".*" matches nothing/, pattern);
    }
    const good = '[pods, pods/log, pods/*, "*/log", "*", virtual-machines.x/add-volume]';
    assert.deepEqual(doubts(`level: None\nresources: [{ resources: ${good} }]`), []);
  });
});

describe('our own policies', () => {
  const folder = join(projectRoot(), 'manifests', 'auditing');
  for (const name of readdirSync(folder).filter((one) => one.startsWith('policy-'))) {
    it(`are beyond doubt: ${name}`, () => {
      const policy = readPolicy(readFileSync(join(folder, name), 'utf8'));
      assert.deepEqual(reviewPolicy(policy), []);
    });
  }
});

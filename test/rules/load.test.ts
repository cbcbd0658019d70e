/** Rules from files: what is loaded, and everything that is wrong at once. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RulesConfig } from '../../src/config/config.ts';
import { loadRules } from '../../src/rules/load.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const NONE: RulesConfig = {
  policyFile: undefined,
  redact: undefined,
  bodies: 'object',
  dedot: false,
};
const REDACT = { paths: [], hashKeyFile: undefined, configMaps: false, env: false };
const POLICY = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n';

function fileIn(t: TestContext, content: string | Uint8Array): string {
  const path = join(temporaryDirectory(t), 'file');
  writeFileSync(path, content);
  return path;
}

async function problemsOf(config: Partial<RulesConfig>): Promise<string[]> {
  const loaded = await loadRules({ ...NONE, ...config });
  assert.ok(!loaded.ok);
  return loaded.problems.map(({ where, message }) => `${where}: ${message}`);
}

describe('rules', () => {
  it('are none where events go out as they are', async () => {
    assert.deepEqual(await loadRules(NONE), { ok: true, ruleSet: undefined, warnings: [] });
  });

  it('are there where something is done to events', async (t) => {
    const changes: readonly Partial<RulesConfig>[] = [
      { policyFile: fileIn(t, POLICY) },
      { redact: REDACT },
      { bodies: 'drop' },
      { bodies: 'string' },
      { dedot: true },
    ];
    for (const change of changes) {
      const loaded = await loadRules({ ...NONE, ...change });
      assert.ok(loaded.ok && loaded.ruleSet !== undefined, JSON.stringify(change));
      assert.equal(loaded.ruleSet.policy?.rules.length, change.policyFile && 1);
    }
  });

  it('are refused with the places of all that is wrong with a policy', async (t) => {
    const policyFile = fileIn(t, `${POLICY.replace('None', 'Nothing')}  verb: [get]\n`);
    const problems = await problemsOf({ policyFile });
    assert.equal(problems.length, 2);
    assert.ok(problems[0]?.startsWith(`${policyFile}:4:`), problems[0]);
    assert.ok(problems[1]?.startsWith(`${policyFile}:5:`), problems[1]);
  });

  it('are refused where a file cannot be read, and none of its content is told', async (t) => {
    const none = join(temporaryDirectory(t), 'none');
    const redact = { ...REDACT, hashKeyFile: none };
    assert.deepEqual(await problemsOf({ policyFile: none, redact }), [
      `policy_file: cannot read ${none}: it does not exist; check the name`,
      `redact.hash_key_file: cannot read ${none}: it does not exist; check the name`,
    ]);
    const [notText = ''] = await problemsOf({ policyFile: fileIn(t, Buffer.of(0xff, 0xfe)) });
    assert.match(notText, /is not UTF-8 text; save it as UTF-8$/);
    const key = fileIn(t, 'short secret\n');
    const [tooShort = ''] = await problemsOf({ redact: { ...REDACT, hashKeyFile: key } });
    assert.match(tooShort, /holds less than 16 bytes; make a key with: openssl rand -hex 32$/);
    assert.doesNotMatch(tooShort, /secret/);
  });

  it('come with what hardly anybody can mean', async (t) => {
    const policyFile = fileIn(t, `${POLICY}- level: Metadata\n`);
    const loaded = await loadRules({ ...NONE, policyFile });
    assert.ok(loaded.ok);
    assert.deepEqual(loaded.warnings, [
      {
        where: `${policyFile}:5 rule 2`,
        message: 'it is never reached: whatever matches it matches rule 1 (line 4) first',
      },
    ]);
  });

  it('are refused where a path is none', async () => {
    const [problem = ''] = await problemsOf({ redact: { ...REDACT, paths: ['a[', 'b'] } });
    assert.match(problem, /^redact\.paths: /);
  });

  it('take a key without the newline of its editor', async (t) => {
    const line = '{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"a":"b"}}}';
    const what = {
      group: '',
      resource: 'secrets',
      subresource: '',
      verb: 'create',
      isResource: true,
    };
    const lines: string[] = [];
    for (const content of ['0123456789abcdef', '0123456789abcdef\n', '0123456789abcdeg']) {
      const redact = { ...REDACT, hashKeyFile: fileIn(t, content) };
      const loaded = await loadRules({ ...NONE, redact });
      assert.ok(loaded.ok && loaded.ruleSet);
      const wish = { level: undefined, omitManagedFields: false };
      lines.push(loaded.ruleSet.rewriter.rewrite(Buffer.from(line), what, wish).line.toString());
    }
    assert.equal(lines[0], lines[1]);
    assert.notEqual(lines[0], lines[2]);
  });
});

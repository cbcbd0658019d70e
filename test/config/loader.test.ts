/** The configuration as it is read now and again, with what reads YAML loaded where there is some. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flags } from '../../src/config/flags.ts';
import { configLoader } from '../../src/config/load.ts';
import { NOW } from '../support/load-config.ts';

test('YAML is read wherever it stands, also again', async () => {
  const loaderOf = (flags: Flags, env: Record<string, string>) =>
    configLoader({ flags, env, nowMs: NOW, readFile: () => Buffer.from('tag: from.file') });
  const cases: readonly (readonly [Flags, Record<string, string>, string])[] = [
    [{}, {}, 'kube.audit'],
    [{ config: 'c.yaml' }, {}, 'from.file'],
    [{}, { AUDIT_SHIPPER_CONFIG: 'c.yaml' }, 'from.file'],
    [{}, { AUDIT_SHIPPER_PATHS: '["/a"]', AUDIT_SHIPPER_TAG: 'from.env' }, 'from.env'],
    [{}, { AUDIT_SHIPPER_TLS: '{ca_file: a}', AUDIT_SHIPPER_TAG: 'from.env' }, 'from.env'],
  ];
  for (const [flags, env, tag] of cases) {
    const loadAgain = await loaderOf({ ...flags, output: ['forwards://a'] }, env);
    for (const loaded of [loadAgain(), loadAgain()]) {
      assert.ok(loaded.ok, JSON.stringify(loaded));
      assert.equal(loaded.config.forward?.tag, tag);
    }
  }
});

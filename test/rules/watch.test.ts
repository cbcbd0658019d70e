/** Rules that change while the agent runs: new ones hold at once, bad ones never do. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { loadFrom } from '../support/load-config.ts';
import { EventRules } from '../../src/event/rules.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder } from '../../src/event/transcoder.ts';
import { loadRules } from '../../src/rules/load.ts';
import { RulesWatch } from '../../src/rules/watch.ts';
import { blockOf } from '../support/blocks.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const LOOK_MS = 5;
const NEVER_MS = 3_600_000;
const LINE = '{"level":"Metadata","stage":"ResponseComplete","verb":"get"}\n';

const policyOf = (level: string): string =>
  `apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: ${level}\n`;

/** A watch over a configuration file with a policy, which begins with one that lets events go. */
async function watched(t: TestContext, lookMs = LOOK_MS) {
  const directory = temporaryDirectory(t);
  const configFile = join(directory, 'config.yaml');
  const policyFile = join(directory, 'policy.yaml');
  writeFileSync(configFile, `policy_file: ${policyFile}\nredact: false\n`);
  writeFileSync(policyFile, policyOf('Metadata'));
  const load = () => loadFrom({ flags: { config: configFile }, env: {}, nowMs: 0 });
  const first = load();
  assert.ok(first.ok);
  const loaded = await loadRules(first.config.rules);
  assert.ok(loaded.ok);
  const rules = new EventRules(loaded.ruleSet);
  const log = new RecordingLog();
  const asked: { again?: () => void } = {};
  const onAsked = (listener: () => void): void => {
    asked.again = listener;
  };
  const watch = new RulesWatch({
    rules,
    start: first,
    readConfig: load,
    configFile,
    onAsked,
    log,
    lookMs,
  });
  const controller = new AbortController();
  const running = watch.run(controller.signal);
  t.after(async () => {
    controller.abort();
    await running;
  });
  const transcoder = new BlockTranscoder(
    new JsonWriter(new Shipper({ fields: {}, coordinates: false })),
    () => 0,
    rules,
  );
  const goes = (): boolean => transcoder.transcode(blockOf(LINE)).payload.length > 0;
  assert.ok(goes());
  return { configFile, policyFile, watch, log, goes, again: () => asked.again?.() };
}

describe('new rules', () => {
  it('hold when their file changes, written over or replaced', async (t) => {
    const { policyFile, goes, watch } = await watched(t);
    writeFileSync(policyFile, policyOf('None'));
    await until('the new policy holds', () => !goes());
    writeFileSync(`${policyFile}.new`, policyOf('Request'));
    renameSync(`${policyFile}.new`, policyFile);
    await until('the third policy holds', goes);
    assert.deepEqual(watch.reloads, { ok: 2, refused: 0 });
  });

  it('hold when somebody asks for it', async (t) => {
    const { policyFile, goes, again } = await watched(t, NEVER_MS);
    writeFileSync(policyFile, policyOf('None'));
    again();
    await until('the new policy holds', () => !goes());
  });

  it('hold when the configuration names another policy, and that one is watched', async (t) => {
    const { configFile, policyFile, goes } = await watched(t);
    const other = `${policyFile}.other`;
    writeFileSync(other, policyOf('None'));
    writeFileSync(configFile, `policy_file: ${other}\nredact: false\n`);
    await until('the other policy holds', () => !goes());
    writeFileSync(other, policyOf('Metadata'));
    await until('its next version holds', goes);
  });

  it('say which other settings wait for a restart', async (t) => {
    const { configFile, policyFile, log, watch } = await watched(t);
    writeFileSync(configFile, `policy_file: ${policyFile}\nredact: true\ntag: other\ngrace: 3s\n`);
    await until('the configuration was read', () => watch.reloads.ok === 1);
    assert.deepEqual(log.messages('warn'), [
      'settings changed that need a restart; until then those before stay in force',
    ]);
    assert.equal(
      log.entries.find(({ level }) => level === 'warn')?.fields?.['settings'],
      'tag grace',
    );
  });
});

describe('bad rules', () => {
  const broken: readonly (readonly [string, string])[] = [
    ['no policy', 'rules: ['],
    ['a level that is none', policyOf('Everything')],
    ['nothing', ''],
  ];
  for (const [what, text] of broken) {
    it(`are refused once, and those before stay: ${what}`, async (t) => {
      const { policyFile, goes, watch, log } = await watched(t);
      writeFileSync(policyFile, text);
      await until('it is refused', () => watch.reloads.refused > 0);
      assert.ok(goes());
      assert.deepEqual(watch.reloads, { ok: 0, refused: 1 });
      assert.deepEqual(log.messages('error'), ['new rules are wrong; those before stay in force']);
      writeFileSync(policyFile, policyOf('None'));
      await until('the mended policy holds', () => !goes());
    });
  }

  it('are refused when the file is gone, and taken when it is back', async (t) => {
    const { policyFile, goes, watch } = await watched(t);
    renameSync(policyFile, `${policyFile}.away`);
    await until('it is refused', () => watch.reloads.refused > 0);
    assert.ok(goes());
    writeFileSync(`${policyFile}.away`, policyOf('None'));
    renameSync(`${policyFile}.away`, policyFile);
    await until('the policy that came back holds', () => !goes());
  });

  it('are refused when the configuration is wrong', async (t) => {
    const { configFile, goes, watch, log } = await watched(t);
    writeFileSync(configFile, 'policy_fil: x\n');
    await until('it is refused', () => watch.reloads.refused > 0);
    assert.ok(goes());
    const [entry] = log.entries.filter(({ level }) => level === 'error');
    assert.match(String(entry?.fields?.['reason']), /did you mean "policy_file"/);
  });
});

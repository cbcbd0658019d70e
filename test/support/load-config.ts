/**
 * Loads a configuration from texts that a test gives: flags, variables, and the content of the file. Knows nothing of
 * what is expected.
 */
import assert from 'node:assert/strict';
import type { ShipConfig } from '../../src/config/config.ts';
import type { Flags } from '../../src/config/flags.ts';
import { loadConfig, type ConfigSources, type LoadedConfig } from '../../src/config/load.ts';
import * as yamlReader from '../../src/config/yaml-file.ts';

/** What durations count back from. */
export const NOW = Date.UTC(2026, 2, 4, 5, 6, 7);

export interface Sources {
  readonly flags?: Flags;
  readonly env?: Readonly<Record<string, string>>;
  /** Content of `config.yaml`, which --config names when this is given. */
  readonly yaml?: string | Uint8Array;
}

export function loadFrom(sources: ConfigSources): LoadedConfig {
  return loadConfig(sources, yamlReader);
}

export function load({ flags = {}, env = {}, yaml }: Sources): LoadedConfig {
  return loadFrom({
    flags: yaml === undefined ? flags : { ...flags, config: 'config.yaml' },
    env,
    nowMs: NOW,
    readFile: (path) => {
      assert.equal(path, 'config.yaml');
      return typeof yaml === 'string' ? Buffer.from(yaml) : (yaml ?? Buffer.alloc(0));
    },
  });
}

export function config(sources: Sources): ShipConfig {
  const loaded = load(sources);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}

/** As people see them. */
export function problems(sources: Sources): readonly string[] {
  const loaded = load(sources);
  assert.equal(loaded.ok, false);
  return loaded.problems.map(({ where, message }) => `${where}: ${message}`);
}

export function onlyProblem(sources: Sources): string {
  const [only = '', ...more] = problems(sources);
  assert.deepEqual(more, []);
  return only;
}

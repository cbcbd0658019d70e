/**
 * Fuzzes the configuration: file, environment and flags give a configuration or a list of problems, each with its
 * place, fit for a terminal. Nothing is thrown, and no secret stands in what anybody is shown.
 */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { problemReport } from '../../src/commands/check.ts';
import type { Random } from '../../src/commands/simulate/random.ts';
import type { Flags } from '../../src/config/flags.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { escapeControl } from '../../src/observe/terminal.ts';
import { loadFrom, NOW } from '../support/load-config.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, randomBytes, wordsOf, type Material } from './mutate.ts';

const WHOLE = `# audit-shipper.yaml
paths: [/var/log/kubernetes, "/var/log/*.log"]
follow: true
from: 15m
output: ["forward://fluentd.logging.svc:24224", "forwards://[::1]:24224"]
state_dir: /var/lib/audit-shipper
fields: { node: master-1, cluster: prod }
coordinates: true
tag: kube.audit
shared_key_file: /etc/audit-shipper/shared_key
username: shipper
password_file: /etc/audit-shipper/password
tls: { ca_file: ca.pem, server_name: fluentd }
timeouts: { ack: 30s, write: 1m }
compress: gzip
policy_file: policy.yaml
redact: { paths: ["responseObject.data.*"], env: true, hash_key_file: key }
bodies: string
max_event_bytes: 16MiB
in_flight_chunks: 4
`;

const YAML: Material = {
  corpus: wordsOf(
    WHOLE,
    'follow: true\n',
    'output: stdout\n',
    '',
    '{}',
    '- a\n',
    'a: &a [*a, *a]\n',
  ),
  words: [
    ...wordsOf(
      '*a',
      '&a ',
      '!tag ',
      '%YAML 1.1\n',
      '---\n',
      '...\n',
      '\t',
      '? ',
      '- ',
      ': ',
      '|',
      '>',
    ),
    ...wordsOf('null', '~', '.inf', '.nan', '0x1f', '1e400', '2026-03-04', '<<: ', '__proto__: '),
    ...wordsOf('\u001b[31m', '\u202e', '\u0000', '\ufeff', '\n', '"', "'", '{', '}', '[', ']', '#'),
    ...wordsOf(
      'fields: {__proto__: x}\n',
      'constructor: 1\n',
      'grace: 1h\n',
      'tls: {}\n',
      '${HOME}',
    ),
    Buffer.of(0xff),
  ],
};

const VARIABLES: Readonly<Record<string, string>> = {
  AUDIT_SHIPPER_PATHS: '/var/log/a,/var/log/b',
  AUDIT_SHIPPER_OUTPUT: '[stdout]',
  AUDIT_SHIPPER_FIELDS: 'node=m1,zone=z',
  AUDIT_SHIPPER_TLS: '{ca_file: ca.pem}',
  AUDIT_SHIPPER_TIMEOUTS: 'ack=30s',
  AUDIT_SHIPPER_FOLLOW: 'true',
  AUDIT_SHIPPER_FROM: '2026-03-04T05:06:07Z',
  AUDIT_SHIPPER_GRACE: '10s',
  AUDIT_SHIPPER_IN_FLIGHT_CHUNKS: '4',
  AUDIT_SHIPPER_UNKNOWN: 'x',
  AUDIT_SHIPPER_SERVICE_HOST: '10.0.0.1',
};

/** In no other text. */
const CANARY = 'Tr0ub4dor';
/** With what a password may begin and end: each means something to YAML. None makes a key of it, which is shown. */
const AROUND = ['', '*', '!', '!!', '&', '%', '@', '`', '>', '|', '"', "'", '[', '{', ' #', ':'];
/** Where people put a secret that has no place there. */
const MISPLACED: readonly ((secret: string) => string)[] = [
  (secret) => `password: ${secret}\n`,
  (secret) => `shared_key: ${secret}\n`,
  (secret) => `tls: {key: ${secret}}\n`,
  (secret) => `output: forward://shipper:${secret}@fluentd:24224\n`,
  (secret) => `output: ["forward://shipper:${secret}@fluentd:24224"]\n`,
  (secret) => `follow: true\npassword: ${secret}`,
];

export const config: Fuzzer = {
  name: 'config',
  cases: 400,
  open: () => READER,
};

const READER: Reader = {
  check(random) {
    const secrets = { AUDIT_SHIPPER_SHARED_KEY: secretOf(random), AUDIT_SHIPPER_PASSWORD: CANARY };
    const env = { ...variables(random), ...(random.below(2) === 0 ? secrets : {}) };
    const misplaced = random.pick(MISPLACED)(secretOf(random));
    const yaml = random.below(3) === 0 ? Buffer.from(misplaced) : yamlOf(random);
    const flags = { config: 'audit-shipper.yaml', ...flagsOf(random) };
    assertShown(loadFrom({ flags, env, nowMs: NOW, readFile: () => yaml }));
  },
};

function secretOf(random: Random): string {
  return `${random.pick(AROUND)}${CANARY}${random.pick(AROUND)}`;
}

function yamlOf(random: Random): Buffer {
  return random.below(10) === 0 ? randomBytes(random, 200) : mutated(random, YAML);
}

function textOf(random: Random, text: string): string {
  return mutated(random, { corpus: wordsOf(text), words: YAML.words }).toString();
}

function variables(random: Random): Readonly<Record<string, string>> {
  const some = Object.entries(VARIABLES).filter(() => random.below(4) === 0);
  return Object.fromEntries(some.map(([name, value]) => [name, textOf(random, value)]));
}

function flagsOf(random: Random): Flags {
  const all: Flags = {
    paths: ['/var/log', textOf(random, 'audit*.log')],
    output: [textOf(random, 'forward://h:1')],
    field: [textOf(random, 'node=m1'), 'zone=z'],
    from: textOf(random, '15m'),
    tag: textOf(random, 'kube.audit'),
    format: textOf(random, 'pretty'),
    stateDir: textOf(random, '/var/lib/audit-shipper'),
    grace: textOf(random, '10s'),
    logLevel: textOf(random, 'debug'),
  };
  return Object.fromEntries(Object.entries(all).filter(() => random.below(6) === 0));
}

function assertShown(loaded: LoadedConfig): void {
  const shown = inspect(loaded, { depth: null }) + JSON.stringify(loaded);
  assert.ok(!shown.includes(CANARY), `a secret is shown: ${shown}`);
  assert.equal('polluted' in {} || 'x' in {}, false, 'the prototype is left alone');
  if (loaded.ok) {
    for (const { value, from } of loaded.settings) assertPlain(`${value} ${from}`);
    return;
  }
  assert.ok(loaded.problems.length > 0, 'it says what is wrong');
  for (const { where, message } of loaded.problems) {
    assert.ok(where !== '' && message !== '', 'and where');
    assertPlain(`${where}: ${message}`);
  }
  assert.ok(!problemReport(loaded.problems).includes(CANARY));
}

function assertPlain(line: string): void {
  assert.equal(line, escapeControl(line), 'it is fit for a terminal');
}

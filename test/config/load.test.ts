/** From all sources to one configuration, or to every problem with its place. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ShipConfig } from '../../src/config/config.ts';
import { pathExists } from '../../src/config/load.ts';
import { CONFIG_KEYS } from '../../src/config/schema.ts';
import { config, load, loadFrom, NOW, onlyProblem, problems } from '../support/load-config.ts';

const DEFAULT_CONFIG: ShipConfig = {
  paths: ['/var/log/kubernetes'],
  follow: false,
  from: { kind: 'beginning' },
  format: 'auto',
  forward: undefined,
  stateDir: undefined,
  listen: undefined,
  logLevel: 'info',
  graceMs: 10_000,
  fields: {},
  coordinates: false,
  rules: {
    policyFile: undefined,
    redact: { paths: [], hashKeyFile: undefined, configMaps: false, env: false },
    bodies: 'object',
    dedot: false,
  },
  maxEventBytes: 16 * 1024 * 1024,
  maxHeldDeletedBytes: 2 * 1024 ** 3,
  rotation: {},
  chunkBytes: 1024 * 1024,
  inFlightChunks: 4,
};

test('without any source the defaults hold', () => {
  assert.deepEqual(config({}), DEFAULT_CONFIG);
});

test('a file without settings leaves the defaults', () => {
  for (const yaml of ['', '\n', '# nothing yet\n', '---\n', '{}', '\ufeff']) {
    assert.deepEqual(config({ yaml }), DEFAULT_CONFIG, JSON.stringify(yaml));
  }
});

const EVERY_KEY = `
paths: [/a, "b/*.log"]
follow: true
from: 15m
output: ["forward://a", "forwards://[::1]:5000"]
format: wide
tag: audit.m1
time_key: now
shared_key_file: /secret/key
username: shipper
password_file: /secret/password
tls: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem, server_name: fluentd}
compress: gzip
load_balance: true
linger: 50ms
timeouts: {connect: 1s, handshake: 2s, write: 3s, ack: 4s}
state_dir: state
listen: 127.0.0.1:9464
log_level: debug
grace: 1m
fields: {node: m1, cluster: "7"}
coordinates: true
policy_file: /etc/audit-shipper/policy.yaml
redact: {paths: ["responseObject.data.*"], hash_key_file: /secret/hash, config_maps: true, env: true}
bodies: string
dedot: true
max_event_bytes: 1MiB
max_held_deleted_bytes: 0
rotation: {maxsize: 100, maxbackup: 10}
chunk_bytes: 65536
in_flight_chunks: 2`;

test('every key can be set in the file', () => {
  const yaml = EVERY_KEY;
  assert.deepEqual(config({ yaml }), {
    paths: ['/a', 'b/*.log'],
    follow: true,
    from: { kind: 'time', epochMs: NOW - 900_000 },
    format: 'wide',
    forward: {
      upstreams: [
        { kind: 'forward', host: 'a', port: 24_224, tls: false },
        { kind: 'forward', host: '::1', port: 5000, tls: true },
      ],
      tag: 'audit.m1',
      timeKey: 'now',
      sharedKey: { kind: 'file', path: '/secret/key' },
      username: 'shipper',
      password: { kind: 'file', path: '/secret/password' },
      tls: {
        ca_file: 'ca.pem',
        cert_file: 'cert.pem',
        key_file: 'key.pem',
        server_name: 'fluentd',
      },
      compress: 'gzip',
      loadBalance: true,
      lingerMs: 50,
      timeouts: { connect: 1000, handshake: 2000, write: 3000, ack: 4000 },
    },
    stateDir: 'state',
    listen: { host: '127.0.0.1', port: 9464 },
    logLevel: 'debug',
    graceMs: 60_000,
    fields: { node: 'm1', cluster: '7' },
    coordinates: true,
    rules: {
      policyFile: '/etc/audit-shipper/policy.yaml',
      redact: {
        paths: ['responseObject.data.*'],
        hashKeyFile: '/secret/hash',
        configMaps: true,
        env: true,
      },
      bodies: 'string',
      dedot: true,
    },
    maxEventBytes: 1024 * 1024,
    maxHeldDeletedBytes: 0,
    rotation: { maxFileBytes: 100 * 1024 * 1024, maxBackups: 10 },
    chunkBytes: 65_536,
    inFlightChunks: 2,
  });
  const named = CONFIG_KEYS.filter((key) => !new RegExp(`^${key}:`, 'm').test(yaml));
  assert.deepEqual(named, []);
});

const EVERY_VARIABLE = {
  AUDIT_SHIPPER_PATHS: '/a,b/*.log',
  AUDIT_SHIPPER_FOLLOW: 'true',
  AUDIT_SHIPPER_FROM: 'end',
  AUDIT_SHIPPER_OUTPUT: 'forward://a,forwards://b',
  AUDIT_SHIPPER_FORMAT: 'json',
  AUDIT_SHIPPER_TAG: 'audit',
  AUDIT_SHIPPER_TIME_KEY: 'requestReceivedTimestamp',
  AUDIT_SHIPPER_SHARED_KEY_FILE: 'key',
  AUDIT_SHIPPER_USERNAME: 'shipper',
  AUDIT_SHIPPER_PASSWORD_FILE: 'password',
  AUDIT_SHIPPER_TLS: '{ca_file: x}',
  AUDIT_SHIPPER_COMPRESS: 'gzip',
  AUDIT_SHIPPER_LOAD_BALANCE: 'true',
  AUDIT_SHIPPER_LINGER: '0s',
  AUDIT_SHIPPER_TIMEOUTS: 'ack=1m,connect=5s',
  AUDIT_SHIPPER_STATE_DIR: 'state',
  AUDIT_SHIPPER_LISTEN: '[::1]:0',
  AUDIT_SHIPPER_LOG_LEVEL: 'warn',
  AUDIT_SHIPPER_GRACE: '0s',
  AUDIT_SHIPPER_FIELDS: 'node=m1,url=http://x/?a=b',
  AUDIT_SHIPPER_COORDINATES: 'true',
  AUDIT_SHIPPER_POLICY_FILE: 'policy.yaml',
  AUDIT_SHIPPER_REDACT: 'env=true,config_maps=false',
  AUDIT_SHIPPER_BODIES: 'drop',
  AUDIT_SHIPPER_DEDOT: 'true',
  AUDIT_SHIPPER_MAX_EVENT_BYTES: '65536',
  AUDIT_SHIPPER_MAX_HELD_DELETED_BYTES: '1GiB',
  AUDIT_SHIPPER_ROTATION: 'maxsize=5',
  AUDIT_SHIPPER_CHUNK_BYTES: '64KiB',
  AUDIT_SHIPPER_IN_FLIGHT_CHUNKS: '8',
};

test('every key can be set in the environment', () => {
  const env = EVERY_VARIABLE;
  assert.deepEqual(config({ env }), {
    paths: ['/a', 'b/*.log'],
    follow: true,
    from: { kind: 'end' },
    format: 'json',
    forward: {
      upstreams: [
        { kind: 'forward', host: 'a', port: 24_224, tls: false },
        { kind: 'forward', host: 'b', port: 24_224, tls: true },
      ],
      tag: 'audit',
      timeKey: 'requestReceivedTimestamp',
      sharedKey: { kind: 'file', path: 'key' },
      username: 'shipper',
      password: { kind: 'file', path: 'password' },
      tls: { ca_file: 'x' },
      compress: 'gzip',
      loadBalance: true,
      lingerMs: 0,
      timeouts: { connect: 5000, handshake: 10_000, write: 30_000, ack: 60_000 },
    },
    stateDir: 'state',
    listen: { host: '::1', port: 0 },
    logLevel: 'warn',
    graceMs: 0,
    fields: { node: 'm1', url: 'http://x/?a=b' },
    coordinates: true,
    rules: {
      policyFile: 'policy.yaml',
      redact: { paths: [], hashKeyFile: undefined, configMaps: false, env: true },
      bodies: 'drop',
      dedot: true,
    },
    maxEventBytes: 65_536,
    maxHeldDeletedBytes: 1024 ** 3,
    rotation: { maxFileBytes: 5 * 1024 * 1024, maxBackups: undefined },
    chunkBytes: 65_536,
    inFlightChunks: 8,
  });
  const missing = CONFIG_KEYS.filter((key) => !(`AUDIT_SHIPPER_${key.toUpperCase()}` in env));
  assert.deepEqual(missing, []);
});

test('lists and maps in the environment may be YAML, for values with commas', () => {
  const env = {
    AUDIT_SHIPPER_PATHS: '["/a,b", /c]',
    AUDIT_SHIPPER_FIELDS: '{zones: "a,b"}',
  };
  assert.deepEqual(config({ env }).paths, ['/a,b', '/c']);
  assert.deepEqual(config({ env }).fields, { zones: 'a,b' });
});

test('redaction is on, off, or more than the usual', () => {
  const redactOf = (yaml: string) => config({ yaml }).rules.redact;
  const usual = DEFAULT_CONFIG.rules.redact;
  assert.deepEqual(redactOf('redact: true'), usual);
  assert.deepEqual(redactOf('redact: {}'), usual);
  assert.equal(redactOf('redact: false'), undefined);
  assert.equal(config({ env: { AUDIT_SHIPPER_REDACT: 'false' } }).rules.redact, undefined);
  assert.deepEqual(redactOf('redact: {paths: user.extra}'), { ...usual, paths: ['user.extra'] });
  const wrong: readonly (readonly [string, RegExp])[] = [
    [
      'redact: maybe',
      /^redact: must be a map such as \{config_maps: true\}, or true or false, not "maybe"$/,
    ],
    ['redact: {path: [a]}', /^redact\.path: is not a setting of redact; did you mean "paths"\?$/],
    ['redact: {env: 1}', /^redact\.env: must be true or false, not the number 1$/],
    [
      'redact: {paths: [1]}',
      /^redact\.paths\[0\]: must be a path, not the number 1; put it in quotes$/,
    ],
  ];
  for (const [yaml, expected] of wrong) {
    assert.match(onlyProblem({ yaml }).replace(/^\S+ /, ''), expected);
  }
});

test('flags win over the environment, the environment over the file, the file over the defaults', () => {
  const level = fc.option(fc.constantFrom('error', 'warn', 'debug'), { nil: undefined });
  fc.assert(
    fc.property(level, level, level, (flag, variable, inFile) => {
      const { logLevel } = config({
        flags: flag === undefined ? {} : { logLevel: flag },
        env: variable === undefined ? {} : { AUDIT_SHIPPER_LOG_LEVEL: variable },
        yaml: inFile === undefined ? '' : `log_level: ${inFile}`,
      });
      assert.equal(logLevel, flag ?? variable ?? inFile ?? 'info');
    }),
  );
});

test('fields of all sources are joined, name by name', () => {
  const { fields } = config({
    flags: { field: ['a=flag'] },
    env: { AUDIT_SHIPPER_FIELDS: 'a=env,b=env' },
    yaml: 'fields: {a: file, b: file, c: file}',
  });
  assert.deepEqual(fields, { a: 'flag', b: 'env', c: 'file' });
});

test('every setting says where it came from', () => {
  const loaded = load({
    flags: { grace: '5s', paths: ['x\u001b'] },
    env: { AUDIT_SHIPPER_FOLLOW: 'true', AUDIT_SHIPPER_FIELDS: 'b=2' },
    yaml: '\nchunk_bytes: 2MiB\nfields: {a: "1"}',
  });
  assert.ok(loaded.ok);
  const shown = Object.fromEntries(
    loaded.settings.map(({ key, value, from }) => [key, [value, from]]),
  );
  assert.deepEqual(Object.keys(shown), CONFIG_KEYS);
  assert.deepEqual(shown['grace'], ['5s', '--grace']);
  assert.deepEqual(shown['paths'], ['[x\\x1b]', 'arguments']);
  assert.deepEqual(shown['follow'], ['true', 'AUDIT_SHIPPER_FOLLOW']);
  assert.deepEqual(shown['chunk_bytes'], ['2MiB', 'config.yaml:2:1 chunk_bytes']);
  assert.deepEqual(shown['fields'], [
    '{a: 1, b: 2}',
    'config.yaml:3:1 fields, AUDIT_SHIPPER_FIELDS',
  ]);
  assert.deepEqual(shown['format'], ['auto', 'default']);
});

test('all problems of all sources are reported at once, in order, with their places', () => {
  const found = problems({
    flags: { grace: '10', from: 'begining', field: ['node'] },
    env: {
      AUDIT_SHIPPER_CHUNK_BYTES: '1',
      AUDIT_SHIPPER_FORMT: 'json',
      AUDIT_SHIPPER_FOLLOW: 'ja',
    },
    yaml: `in_flight_chunks: 0
follow: yes
paths:
  - /a
  - 3
fields:
  node: 1
  file: x
max_event_byte: 1
state-dir: x
webhook: {url: x}
`,
  });
  assert.deepEqual(found, [
    'config.yaml:1:1 in_flight_chunks: must be a whole number from 1 to 64, not the number 0',
    'config.yaml:2:1 follow: is "yes"; use true',
    'config.yaml:5:5 paths[1]: must be a path, not the number 3; put it in quotes',
    'config.yaml:7:3 fields.node: must be text, not the number 1; put it in quotes',
    'config.yaml:8:3 fields.file: is a name that audit-shipper uses itself below "shipper"; choose another one',
    'config.yaml:9:1 max_event_byte: is not a setting of this version; did you mean "max_event_bytes"?',
    'config.yaml:10:1 state-dir: is not a setting of this version; did you mean "state_dir"?',
    'config.yaml:11:1 webhook: is not a setting of this version; remove it',
    'AUDIT_SHIPPER_FORMT: is not a setting; did you mean AUDIT_SHIPPER_FORMAT?',
    'AUDIT_SHIPPER_CHUNK_BYTES: is out of range: 4KiB to 16MiB',
    'AUDIT_SHIPPER_FOLLOW: must be true or false, not "ja"',
    '--field: "node" is not name=value; write for example node=m1',
    '--from: must be beginning, end, a time such as 2026-03-04T05:06:07Z or a duration such as 15m, not "begining"; did you mean "beginning"?',
    '--grace: has no unit; write for example 10s or 10ms',
  ]);
});

test('a wrong value is reported also where another source overrides it', () => {
  assert.match(
    onlyProblem({ flags: { grace: '5s' }, yaml: 'grace: soon' }),
    /^config.yaml:1:1 grace/,
  );
});

test('a file that is not valid YAML', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['grace: 1s\ngrace: 2s', /^config.yaml:2:1: this key stands in the file twice/],
    ['a: [', /^config.yaml:1:5: not valid YAML/],
    ['\tfollow: true', /^config.yaml:1:1: a tab cannot indent/],
    ['follow: true\n---\nfollow: false', /^config.yaml:2:1: a second document/],
    ['follow: !!str-ict x', /^config.yaml:1:9: a value that begins with "!".* in quotes$/],
    ['paths: *unknown', /^config.yaml: a value that begins with "\*".* in quotes$/],
    ['%UNKNOWN\n---\nfollow: true', /^config.yaml:1:1: a line that begins with "%"/],
    ['- follow', /^config.yaml:1:1: must hold settings/],
    ['follow', /^config.yaml:1:1: must hold settings/],
  ];
  for (const [yaml, expected] of cases) assert.match(onlyProblem({ yaml }), expected, yaml);
  assert.match(onlyProblem({ yaml: Buffer.from([0xff, 0xfe]) }), /^config.yaml: is not UTF-8/);
});

test('a password that YAML takes for something else is not repeated', () => {
  for (const secret of ['*hunter2', '!hunter2', '!!hunter2', '|hunter2', '>hunter2', '%hunter2']) {
    for (const yaml of [`password: ${secret}`, `tls: {key: ${secret}}`, secret]) {
      assert.doesNotMatch(JSON.stringify(load({ yaml })), /hunter2/, yaml);
    }
  }
});

test('a few lines of YAML cannot fill the memory', () => {
  const lines = Array.from({ length: 12 }, (_, i) =>
    i === 0 ? 'k0: &a0 [x, x, x, x, x, x, x, x]' : `k${i}: &a${i} [${`*a${i - 1}, `.repeat(8)}]`,
  );
  assert.match(onlyProblem({ yaml: lines.join('\n') }), /Excessive alias count/);
});

test('no bytes and no settings make loading throw', () => {
  const line = fc.tuple(fc.constantFrom(...CONFIG_KEYS, '__proto__', 'constructor'), fc.json());
  const yaml = fc.oneof(
    fc.uint8Array(),
    fc.string().map((text) => Buffer.from(text)),
    fc.array(line).map((lines) => Buffer.from(lines.map(([k, v]) => `${k}: ${v}`).join('\n'))),
  );
  fc.assert(
    fc.property(yaml, (bytes) => {
      const loaded = load({ yaml: bytes });
      assert.ok(loaded.ok || loaded.problems.length > 0);
    }),
  );
});

test('a file that cannot be read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-config-'));
  const big = join(directory, 'big.yaml');
  writeFileSync(big, Buffer.alloc(1024 * 1024 + 1, '#'));
  const reported = (path: string): string => {
    const loaded = loadFrom({ flags: {}, env: { AUDIT_SHIPPER_CONFIG: path }, nowMs: NOW });
    assert.equal(loaded.ok, false);
    return loaded.problems.map(({ where, message }) => `${where}: ${message}`).join('\n');
  };
  try {
    assert.match(
      reported(join(directory, 'none')),
      /^AUDIT_SHIPPER_CONFIG: cannot read .*not exist/,
    );
    assert.match(reported(directory), /it is a directory; name a file/);
    assert.match(reported(big), /larger than 1 MiB/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('--config wins over AUDIT_SHIPPER_CONFIG, and an empty one is refused', () => {
  const env = { AUDIT_SHIPPER_CONFIG: '/other.yaml' };
  assert.equal(config({ env, yaml: 'follow: true' }).follow, true);
  assert.match(onlyProblem({ flags: { config: '' } }), /^--config: is empty/);
});

test('a setting without a value is refused', () => {
  for (const key of CONFIG_KEYS) {
    assert.match(onlyProblem({ yaml: `${key}:` }), new RegExp(`^config.yaml:1:1 ${key}: .*empty`));
  }
});

test('an empty variable counts as not set', () => {
  assert.deepEqual(
    config({ env: { AUDIT_SHIPPER_GRACE: '', AUDIT_SHIPPER_X: '' } }),
    DEFAULT_CONFIG,
  );
});

test('the variables that Kubernetes makes for a Service named audit-shipper are left alone', () => {
  const env: Record<string, string> = {};
  for (const service of ['AUDIT_SHIPPER', 'AUDIT_SHIPPER_METRICS']) {
    env[`${service}_SERVICE_HOST`] = '10.0.0.1';
    env[`${service}_SERVICE_PORT`] = '9464';
    env[`${service}_SERVICE_PORT_HTTP_METRICS`] = '9464';
    env[`${service}_PORT`] = 'tcp://10.0.0.1:9464';
    env[`${service}_PORT_9464_TCP`] = 'tcp://10.0.0.1:9464';
    env[`${service}_PORT_9464_TCP_PROTO`] = 'tcp';
    env[`${service}_PORT_9464_TCP_PORT`] = '9464';
    env[`${service}_PORT_9464_TCP_ADDR`] = '10.0.0.1';
  }
  assert.deepEqual(config({ env }), DEFAULT_CONFIG);
});

test('from: words, times and durations before now', () => {
  const from = (text: string): unknown => config({ flags: { from: text } }).from;
  assert.deepEqual(from('beginning'), { kind: 'beginning' });
  assert.deepEqual(from('end'), { kind: 'end' });
  assert.deepEqual(from('2026-03-04T05:06:07Z'), { kind: 'time', epochMs: NOW });
  assert.deepEqual(from('2h'), { kind: 'time', epochMs: NOW - 7_200_000 });
  assert.match(onlyProblem({ flags: { from: '4000d' } }), /longer ago than 3650d/);
  assert.match(onlyProblem({ flags: { from: '2026-03-04' } }), /not an RFC 3339 time/);
});

test('from in the future is allowed, with a warning', () => {
  const loaded = load({ flags: { from: '2027-01-01T00:00:00Z' } });
  assert.ok(loaded.ok);
  assert.deepEqual(
    loaded.warnings.map(({ where }) => where),
    ['--from'],
  );
});

test('no value of an unknown key or of a broken file is repeated', () => {
  const loaded = [
    problems({ yaml: 'password: s3cret' }),
    problems({ yaml: 'password: "s3cret' }),
    problems({ env: { AUDIT_SHIPPER_PASSWORDS: 's3cret' } }),
    problems({ env: { AUDIT_SHIPPER_FIELDS: '{a: s3cret' } }),
  ];
  assert.doesNotMatch(loaded.flat().join('\n'), /s3cret/);
});

test('names of fields', () => {
  const refused = (name: string): string => onlyProblem({ flags: { field: [`${name}=x`] } });
  for (const name of ['file', 'offset', 'id', 'error', 'log', 'part', '__proto__']) {
    assert.match(refused(name), /uses itself/);
  }
  assert.match(refused('a b'), /is not a field name/);
  assert.match(refused('x'.repeat(65)), /is not a field name/);
  assert.match(onlyProblem({ flags: { field: ['a=1', 'a=2'] } }), /"a" twice/);
  assert.match(onlyProblem({ yaml: 'fields: {__proto__: x}' }), /__proto__: is a name/);
  assert.deepEqual(config({ flags: { field: ['a.b-c_D=', 'constructor=x=y'] } }).fields, {
    'a.b-c_D': '',
    constructor: 'x=y',
  });
});

test('control characters of wrong names and values do not reach the terminal', () => {
  const found = [
    ...problems({ flags: { format: '\u001b[2J', field: ['\u001bx=1'] } }),
    ...problems({ env: { 'AUDIT_SHIPPER_\u001b': '1' }, yaml: '"\\e[2J": 1\nfields: {"\\e": x}' }),
  ];
  assert.doesNotMatch(found.join(''), /\p{Cc}/u);
});

test('whether a path exists', () => {
  assert.equal(pathExists(tmpdir()), true);
  assert.equal(pathExists(join(tmpdir(), 'audit-shipper-no-such-file')), false);
});

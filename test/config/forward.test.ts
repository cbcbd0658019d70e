/** Settings of the Forward output: what must hold together, secrets that show nowhere, and maps of known keys. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import zlib from 'node:zlib';
import { CONFIG_KEYS, DEFAULTS, MAP_KEYS } from '../../src/config/schema.ts';
import { checkTogether } from '../../src/config/together.ts';
import type { Parsed } from '../../src/config/units.ts';
import { parseOutput } from '../../src/config/output-url.ts';
import { config, load, onlyProblem, problems, type Sources } from '../support/load-config.ts';

const SECRET = 's3cretWord';
const FORWARD = 'output: forward://a\n';
const FORWARDS = 'output: forwards://a\n';

/** The Forward output that the sources describe. */
function forward(sources: Sources) {
  const { forward: found } = config(sources);
  assert.ok(found !== undefined);
  return found;
}

describe('a Forward output', () => {
  it('has defaults for everything but its receiver', () => {
    assert.deepEqual(forward({ flags: { output: ['forward://a'] } }), {
      upstreams: [{ kind: 'forward', host: 'a', port: 24_224, tls: false }],
      tag: 'kube.audit',
      timeKey: 'stageTimestamp',
      sharedKey: undefined,
      username: undefined,
      password: undefined,
      tls: {},
      compress: 'none',
      loadBalance: false,
      lingerMs: 20,
      timeouts: { connect: 10_000, handshake: 10_000, write: 30_000, ack: 30_000 },
    });
  });

  it('has its receivers in the order in which they were given', () => {
    const { upstreams } = forward({ flags: { output: ['forward://b', 'forwards://a:1'] } });
    assert.deepEqual(
      upstreams.map(({ host, port, tls }) => [host, port, tls]),
      [
        ['b', 24_224, false],
        ['a', 1, true],
      ],
    );
  });

  it('takes --tag before the environment and the file', () => {
    const sources = { env: { AUDIT_SHIPPER_TAG: 'env' }, yaml: `${FORWARD}tag: file` };
    assert.equal(forward(sources).tag, 'env');
    assert.equal(forward({ ...sources, flags: { tag: 'flag' } }).tag, 'flag');
    assert.match(
      onlyProblem({ flags: { tag: 'a b' } }),
      /^--tag: must be 1 to 128 letters.*"a b"$/,
    );
    assert.match(onlyProblem({ flags: { tag: '' } }), /^--tag: must be 1 to 128 letters/);
  });

  it('is none where events go to stdout, whatever else is set', () => {
    const yaml = 'shared_key_file: x\ntls: {ca_file: x}\ncompress: gzip';
    assert.equal(config({ yaml }).forward, undefined);
    assert.equal(config({ flags: { output: ['stdout'] }, yaml: FORWARD }).forward, undefined);
  });
});

describe('outputs together', () => {
  const refused = (...output: string[]): string => onlyProblem({ flags: { output } });

  it('are not stdout and a receiver', () => {
    const message = '--output: cannot be stdout and a Forward receiver; remove one of them';
    assert.equal(refused('stdout', 'forward://a'), message);
    assert.equal(refused('forward://a', 'stdout'), message);
    assert.match(refused('stdout', 'stdout'), /^--output: names stdout more than once/);
  });

  it('are not the same receiver twice, however it is written', () => {
    const message = '--output: names forward://a:24224 twice; remove one';
    assert.equal(refused('forward://a', 'forward://b', 'forward://a:24224'), message);
    assert.equal(refused('forward://A', 'FORWARD://a/'), message);
    assert.equal(
      forward({ flags: { output: ['forward://a', 'forward://a:1'] } }).upstreams.length,
      2,
    );
  });

  it('are not too many', () => {
    const output = Array.from({ length: 17 }, (_, index) => `forward://h${index}`);
    assert.match(refused(...output), /^--output: has more than 16 entries/);
  });

  it('are told once, without the value, where one is wrong', () => {
    assert.match(refused('forward://a', 'forward://u:p@b'), /^--output: has a user or password/);
    const yaml = 'output:\n  - forward://a\n  - http://b\n';
    assert.match(onlyProblem({ yaml }), /^config.yaml:3:5 output\[1\]: is neither stdout nor/);
    const env = { AUDIT_SHIPPER_OUTPUT: 'forward://a,http://b' };
    assert.match(onlyProblem({ env }), /^AUDIT_SHIPPER_OUTPUT entry 2: is neither stdout nor/);
  });
});

describe('a login', () => {
  it('takes its secrets from files, or from the environment', () => {
    const env = { AUDIT_SHIPPER_SHARED_KEY: SECRET, AUDIT_SHIPPER_PASSWORD: `${SECRET}2` };
    const { sharedKey, password } = forward({ env, yaml: `${FORWARD}username: u` });
    assert.ok(sharedKey?.kind === 'environment' && password?.kind === 'environment');
    assert.deepEqual([sharedKey.reveal(), password.reveal()], [SECRET, `${SECRET}2`]);
  });

  const wrong: readonly (readonly [string, Sources, string])[] = [
    [
      'a user without a password',
      { yaml: `${FORWARD}username: u` },
      'config.yaml:2:1 username: has no password; set password_file or AUDIT_SHIPPER_PASSWORD',
    ],
    [
      'a password file without a user',
      { yaml: `${FORWARD}password_file: x` },
      'config.yaml:2:1 password_file: has no user; set username',
    ],
    [
      'a password in the environment without a user',
      { yaml: FORWARD, env: { AUDIT_SHIPPER_PASSWORD: SECRET } },
      'AUDIT_SHIPPER_PASSWORD: has no user; set username',
    ],
    [
      'a shared key in both places',
      { yaml: `${FORWARD}shared_key_file: x`, env: { AUDIT_SHIPPER_SHARED_KEY: SECRET } },
      'config.yaml:2:1 shared_key_file: is set, and AUDIT_SHIPPER_SHARED_KEY too; keep one of them',
    ],
    [
      'a password in both places',
      {
        yaml: `${FORWARD}username: u`,
        env: { AUDIT_SHIPPER_PASSWORD: SECRET, AUDIT_SHIPPER_PASSWORD_FILE: 'x' },
      },
      'AUDIT_SHIPPER_PASSWORD_FILE: is set, and AUDIT_SHIPPER_PASSWORD too; keep one of them',
    ],
    [
      'an empty user',
      { yaml: `${FORWARD}username: ""` },
      'config.yaml:2:1 username: is empty; give a name or remove the key',
    ],
    [
      'a user that no handshake holds',
      { yaml: `${FORWARD}username: ${'u'.repeat(257)}` },
      'config.yaml:2:1 username: is longer than 256 characters',
    ],
  ];
  for (const [name, sources, message] of wrong) {
    it(`is refused with ${name}`, () => assert.equal(onlyProblem(sources), message));
  }
});

describe('a secret', () => {
  const env = { AUDIT_SHIPPER_SHARED_KEY: SECRET, AUDIT_SHIPPER_PASSWORD: SECRET };

  it('shows in no setting and in no JSON of the configuration', () => {
    const loaded = load({ env, yaml: `${FORWARD}username: u` });
    assert.ok(loaded.ok);
    assert.doesNotMatch(JSON.stringify(loaded), new RegExp(SECRET));
    const keys = loaded.settings.map(({ key }) => key);
    assert.deepEqual(keys, CONFIG_KEYS);
  });

  it('shows in no message, wherever it was put by mistake', () => {
    const found = [
      problems({ yaml: `password: ${SECRET}` }),
      problems({ yaml: `shared_key: ${SECRET}` }),
      problems({ yaml: `output: forward://u:${SECRET}@h` }),
      problems({ yaml: `output: {a: ${SECRET}}` }),
      problems({ yaml: `tls: {key: ${SECRET}}` }),
      problems({ yaml: `tls: [${SECRET}]` }),
      problems({ env: { AUDIT_SHIPPER_SHARED_KEYS: SECRET } }),
      problems({ env: { AUDIT_SHIPPER_OUTPUT: `forward://u:${SECRET}@h` } }),
      problems({ env: { AUDIT_SHIPPER_TLS: `{key_file: ${SECRET}` } }),
      problems({ env, yaml: `${FORWARD}username: u\nshared_key_file: x\npassword_file: x` }),
    ];
    assert.doesNotMatch(found.flat().join('\n'), new RegExp(SECRET));
  });

  it('under a name that is nearly right is told the right one', () => {
    const file = /is not a setting of this version; did you mean "password_file"\?$/;
    assert.match(onlyProblem({ yaml: `password: ${SECRET}` }), file);
    const variable = /^AUDIT_SHIPPER_SHAREDKEY: .*did you mean AUDIT_SHIPPER_SHARED_KEY\?$/;
    assert.match(onlyProblem({ env: { AUDIT_SHIPPER_SHAREDKEY: SECRET } }), variable);
  });
});

describe('tls', () => {
  it('needs a receiver with TLS', () => {
    const message =
      'config.yaml:2:1 tls: is set, but no output uses TLS; write forwards:// instead of forward://';
    assert.equal(onlyProblem({ yaml: `${FORWARD}tls: {ca_file: x}` }), message);
    assert.deepEqual(forward({ yaml: `${FORWARD}tls: {}` }).tls, {});
    const output = ['forward://a', 'forwards://b'];
    assert.equal(forward({ flags: { output }, yaml: 'tls: {ca_file: x}' }).tls.ca_file, 'x');
  });

  it('needs a certificate and its key together', () => {
    const message = /^config.yaml:2:1 tls: needs cert_file and key_file together, or neither$/;
    for (const half of ['cert_file', 'key_file']) {
      assert.match(onlyProblem({ yaml: `${FORWARDS}tls: {${half}: x}` }), message);
    }
    const both = '{cert_file: x, key_file: y}';
    assert.equal(forward({ yaml: `${FORWARDS}tls: ${both}` }).tls.key_file, 'y');
  });

  it('comes from the environment as pairs or as YAML', () => {
    for (const value of ['{ca_file: x}', 'ca_file=x']) {
      assert.deepEqual(forward({ env: { AUDIT_SHIPPER_TLS: value }, yaml: FORWARDS }).tls, {
        ca_file: 'x',
      });
    }
  });
});

describe('a map of known keys', () => {
  const told: readonly (readonly [Sources, readonly string[]])[] = [
    [
      { yaml: 'tls:\n  ca: x\n  verify: no' },
      [
        'config.yaml:2:3 tls.ca: is not a setting of tls; did you mean "ca_file"?',
        'config.yaml:3:3 tls.verify: is not a setting of tls; it takes ca_file, cert_file, key_file, server_name',
      ],
    ],
    [
      { yaml: 'timeouts: {acks: 1s}' },
      ['config.yaml:1:12 timeouts.acks: is not a setting of timeouts; did you mean "ack"?'],
    ],
    [
      { env: { AUDIT_SHIPPER_TIMEOUTS: 'read=1s' } },
      [
        'AUDIT_SHIPPER_TIMEOUTS read: is not a setting of timeouts; it takes connect, handshake, write, ack',
      ],
    ],
    [
      { yaml: 'timeouts: {ack: 0s, connect: 2h, write: 5, handshake: soon}' },
      [
        'config.yaml:1:12 timeouts.ack: must be longer than 0',
        'config.yaml:1:21 timeouts.connect: is longer than 1h, the longest allowed',
        'config.yaml:1:34 timeouts.write: has no unit; write for example 5s or 5ms',
        'config.yaml:1:44 timeouts.handshake: "soon" is not a duration; write a whole number and a unit: 500ms, 10s, 15m, 2h or 7d',
      ],
    ],
    [{ yaml: 'tls: x' }, ['config.yaml:1:1 tls: must be a map such as {ca_file: ca.pem}, not "x"']],
    [
      { yaml: 'timeouts: [1s]' },
      ['config.yaml:1:1 timeouts: must be a map such as {ack: 30s}, not a list'],
    ],
    [
      { yaml: 'tls: {ca_file: 3, server_name: ""}' },
      [
        'config.yaml:1:7 tls.ca_file: must be a file, not the number 3; put it in quotes',
        'config.yaml:1:19 tls.server_name: is empty; give a host name',
      ],
    ],
  ];
  for (const [sources, messages] of told) {
    it(`tells what is wrong with ${JSON.stringify(sources)}`, () => {
      assert.deepEqual(problems(sources), messages);
    });
  }

  it('leaves out what nobody gave', () => {
    const { timeouts } = forward({ yaml: `${FORWARD}timeouts: {ack: 1m}` });
    assert.deepEqual(timeouts, { ...DEFAULTS.timeouts, ack: 60_000 });
    assert.deepEqual(Object.keys(DEFAULTS.timeouts), MAP_KEYS.timeouts);
  });
});

describe('the setting table', () => {
  it('shows the Forward output as its user would write it', () => {
    const yaml = `output: ["forward://a", "forwards://[::1]:5"]
tls: {ca_file: "ca\\e.pem"}
timeouts: {ack: 90s}
linger: 0ms
`;
    const loaded = load({ yaml });
    assert.ok(loaded.ok);
    const shown = new Map(loaded.settings.map(({ key, value }) => [key, value]));
    assert.equal(shown.get('output'), '[forward://a:24224, forwards://[::1]:5]');
    assert.equal(shown.get('tls'), '{ca_file: ca\\x1b.pem}');
    assert.equal(shown.get('timeouts'), '{connect: 10s, handshake: 10s, write: 30s, ack: 90s}');
    assert.equal(shown.get('linger'), '0ms');
    assert.equal(shown.get('username'), 'none');
    assert.equal(shown.get('password_file'), 'none');
  });
});

describe('compress', () => {
  const settings = { ...DEFAULTS, output: [valueOf(parseOutput('forward://a'))] };
  const told = (compress: 'none' | 'gzip' | 'zstd'): readonly string[] =>
    checkTogether({ ...settings, compress }, {}, (key) => key).map(
      ({ where, message }) => `${where}: ${message}`,
    );

  it('is gzip with every Node', () => {
    assert.deepEqual([told('gzip'), told('none')], [[], []]);
  });

  it('is zstd only with a Node that has it', (t) => {
    withZstd(t, false);
    const [message = ''] = told('zstd');
    assert.equal(
      message,
      `compress: is zstd, which needs Node 22.15 or newer (this is ${process.version}); use gzip`,
    );
    withZstd(t, true);
    assert.deepEqual(told('zstd'), []);
  });

  it('is one of three words', () => {
    const message = /^config.yaml:1:1 compress: must be none, gzip or zstd, not "gzipp"; did you/;
    assert.match(onlyProblem({ yaml: 'compress: gzipp' }), message);
  });
});

function valueOf<T>(parsed: Parsed<T>): T {
  assert.ok(parsed.ok);
  return parsed.value;
}

/** Makes this Node one that has zstd, or has it not; it is what it was after the test. */
function withZstd(t: TestContext, has: boolean): void {
  const own = Object.getOwnPropertyDescriptor(zlib, 'zstdCompress');
  if (has) Object.defineProperty(zlib, 'zstdCompress', { value: () => {}, configurable: true });
  else Reflect.deleteProperty(zlib, 'zstdCompress');
  t.after(() => {
    if (own === undefined) Reflect.deleteProperty(zlib, 'zstdCompress');
    else Object.defineProperty(zlib, 'zstdCompress', own);
  });
}

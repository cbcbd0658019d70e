/** What the options of `receive` mean together, and what is said when they make no sense. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  readSettings,
  type ReceiveOptions,
  type ReceiveSettings,
} from '../../../src/commands/receive/settings.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { pem, tlsMaterial } from '../../support/tls-material.ts';

function read(options: Partial<ReceiveOptions>): ReceiveSettings {
  const result = readSettings({ listen: '127.0.0.1:0', format: 'auto', ...options });
  assert.ok(result.ok, JSON.stringify(result));
  return result.settings;
}

/** The problems as lines, in their order. */
function problemsOf(options: Partial<ReceiveOptions>): readonly string[] {
  const result = readSettings({ listen: '127.0.0.1:0', format: 'auto', ...options });
  return result.ok ? [] : result.problems.map(({ where, message }) => `${where}: ${message}`);
}

function fileWith(t: TestContext, content: string | Uint8Array): string {
  const path = join(temporaryDirectory(t), 'file');
  writeFileSync(path, content);
  return path;
}

test('an address is a host and a port, IPv6 in brackets', () => {
  const good: readonly (readonly [string, string, number])[] = [
    ['127.0.0.1:24224', '127.0.0.1', 24224],
    ['[::1]:0', '::1', 0],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
    ['node-1.example:65535', 'node-1.example', 65_535],
  ];
  for (const [text, host, port] of good) {
    assert.deepEqual(read({ listen: text }).listen, { host, port });
  }
  for (const text of [
    '',
    '24224',
    ':24224',
    '::1:24224',
    '[::1]',
    'a:65536',
    'a:-1',
    'a b:1',
    'http://a:1',
  ]) {
    const [problem = ''] = problemsOf({ listen: text });
    assert.match(problem, /^--listen: .* is not host:port; write for example 127\.0\.0\.1:24224/);
  }
});

test('one newline at the end of a secret is not part of it', (t) => {
  for (const [content, secret] of [
    ['key', 'key'],
    ['key\n', 'key'],
    ['key\r\n', 'key'],
    ['key\n\n', 'key\n'],
    [' ö ', ' ö '],
  ] as const) {
    assert.equal(read({ sharedKeyFile: fileWith(t, content) }).sharedKey, secret);
  }
});

test('a user comes with a password', (t) => {
  const sharedKeyFile = fileWith(t, 'key');
  const passwordFile = fileWith(t, 'secret\n');
  assert.deepEqual(read({ sharedKeyFile, username: 'u', passwordFile }).user, {
    username: 'u',
    password: 'secret',
  });
  assert.equal(read({ sharedKeyFile }).user, undefined);
});

test('what does not go together is told at once, and never what a file holds', (t) => {
  const { server, client } = tlsMaterial();
  const key = fileWith(t, 's3cret');
  const empty = fileWith(t, '\n');
  const cases: readonly (readonly [Partial<ReceiveOptions>, readonly RegExp[]])[] = [
    [{ tlsKey: server.key }, [/^--tls-key: does nothing alone; add --tls-cert/]],
    [{ tlsCert: server.cert }, [/^--tls-cert: does nothing alone; add --tls-key/]],
    [{ tlsCa: server.cert }, [/^--tls-ca: .*add --tls-cert and --tls-key/]],
    [
      { username: 'u', passwordFile: key },
      [/^--username: needs a shared key.*add --shared-key-file/],
    ],
    [{ sharedKeyFile: key, username: 'u' }, [/^--username: .*add --password-file/]],
    [{ sharedKeyFile: key, passwordFile: key }, [/^--password-file: .*add --username/]],
    [{ sharedKeyFile: key, passwordFile: key, username: '' }, [/^--username: is empty/]],
    [{ sharedKeyFile: empty }, [/^--shared-key-file: .* is empty; write the secret into it/]],
    [{ sharedKeyFile: '/' }, [/^--shared-key-file: cannot read \/: it is a directory/]],
    [{ sharedKeyFile: '/dev/zero' }, [/larger than 1 MiB; name another file/]],
    [
      { listen: 'x', sharedKeyFile: '/nowhere/key', tlsCert: '/nowhere/cert', tlsKey: key },
      [/^--listen/, /^--shared-key-file: .*does not exist/, /^--tls-cert: .*does not exist/],
    ],
    [{ tlsCert: key, tlsKey: server.key }, [/^--tls-cert: cannot be used .* PEM format/]],
    [
      { tlsCert: server.cert, tlsKey: client.key },
      [/^--tls-cert: cannot be used .* belong together/],
    ],
    [
      { tlsCert: server.cert, tlsKey: server.key, tlsCa: server.key },
      [/^--tls-ca: is not in PEM format/],
    ],
  ];
  for (const [options, expected] of cases) {
    const problems = problemsOf(options);
    assert.equal(problems.length, expected.length, problems.join('\n'));
    for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? '', pattern);
    assert.doesNotMatch(problems.join('\n'), /s3cret/);
  }
});

test('a certificate and its key are read, and the CA of the senders', () => {
  const { ca, server } = tlsMaterial();
  const { tls } = read({ tlsCert: server.cert, tlsKey: server.key, tlsCa: ca.cert });
  assert.equal(tls?.cert.toString(), pem(server.cert));
  assert.equal(tls.key.toString(), pem(server.key));
  assert.equal(tls.ca?.toString(), pem(ca.cert));
  assert.equal(read({}).tls, undefined);
});

/** What `output` may name, and that a wrong value is told without repeating any of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { OutputUrl } from '../../src/config/config.ts';
import { formatOutput, parseOutput } from '../../src/config/output-url.ts';

function parsed(text: string): OutputUrl {
  const result = parseOutput(text);
  assert.ok(result.ok, `${text}: ${JSON.stringify(result)}`);
  return result.value;
}

function refused(text: string): string {
  const result = parseOutput(text);
  assert.ok(!result.ok, `${text} is taken`);
  return result.message;
}

describe('an output', () => {
  const taken: readonly (readonly [string, string])[] = [
    ['stdout', 'stdout'],
    ['forward://fluentd', 'forward://fluentd:24224'],
    ['forward://fluentd/', 'forward://fluentd:24224'],
    ['FORWARDS://Fluentd.logging.svc:443', 'forwards://Fluentd.logging.svc:443'],
    ['forward://10.0.0.1:1', 'forward://10.0.0.1:1'],
    ['forward://[::1]', 'forward://[::1]:24224'],
    ['forwards://[2001:db8::7]:65535/', 'forwards://[2001:db8::7]:65535'],
    ['forward://[fe80::1%eth0]:24224', 'forward://[fe80::1%eth0]:24224'],
    ['forward://my_host-1', 'forward://my_host-1:24224'],
  ];
  for (const [text, shown] of taken) {
    it(`may be ${text}`, () => assert.equal(formatOutput(parsed(text)), shown));
  }

  it('has a host without brackets, for the one who connects', () => {
    const expected = { kind: 'forward', host: '::1', port: 5000, tls: false };
    assert.deepEqual(parsed('forward://[::1]:5000'), expected);
  });

  it('is the same again when it was shown', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/);
    const address = fc.ipV6().filter((text) => !text.includes('%'));
    const host = fc.oneof(name, address, fc.ipV4());
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(host, port, fc.boolean(), (...[named, number, tls]) => {
        const url = { kind: 'forward' as const, host: named, port: number, tls };
        assert.deepEqual(parsed(formatOutput(url)), url);
      }),
    );
  });
});

describe('a wrong output', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /^is neither stdout nor .*; write forward:\/\/host:24224 or/],
    ['stdout ', /^is neither stdout nor/],
    ['fluentd:24224', /^is neither stdout nor/],
    ['forward:fluentd', /^is neither stdout nor/],
    ['http://fluentd', /^is neither stdout nor/],
    ['forwardss://fluentd', /^is neither stdout nor/],
    ['forward://', /^has no host; write for example/],
    ['forward://:24224', /^has no host/],
    ['forward://::1', /^has no host.* forward:\/\/\[::1\]:24224$/],
    ['forward://[::1', /^has no host/],
    ['forward://[host]', /^has no host/],
    ['forward://host:', /^has no host/],
    ['forward://host:http', /^has no host/],
    ['forward://a b', /^has no host/],
    ['forward://höst', /^has a host with characters that no name has/],
    ['forward://host:0', /^has a port that is not between 1 and 65535/],
    ['forward://host:65536', /^has a port/],
    ['forward://host/path', /^goes on behind the port/],
    ['forward://host?tag=x', /^goes on behind the port/],
    ['forward://host:1#x', /^goes on behind the port/],
    ['forward://user:word@host', /^has a user or password in the URL.* password_file/],
    ['forward://user@host', /^has a user or password/],
    ['forwards://host/@', /^has a user or password/],
    ['http://u:p@host', /^has a user or password/],
  ];
  for (const [text, message] of wrong) {
    it(`is ${JSON.stringify(text)}`, () => assert.match(refused(text), message));
  }

  it('is not repeated, not even in part', () => {
    const secret = 's3cretWord';
    const place = fc.constantFrom(
      `forward://${secret}:x@h`,
      `forward://u:${secret}@h`,
      `http://${secret}/`,
      `${secret}://h`,
      `forward://h/${secret}`,
      `forward://h?${secret}`,
      `forward://h:${secret}`,
      `forward://${secret} `,
      `forward://${secret}ß`,
      `//u:${secret}@h`,
      secret,
    );
    fc.assert(fc.property(place, (text) => assert.ok(!refused(text).includes(secret), text)));
  });
});

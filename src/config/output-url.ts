/**
 * What `output` may name: stdout, or the URL of a Forward receiver. Pure. A value is never repeated in a message:
 * whatever looks like a URL may hold a password.
 */
import type { OutputUrl } from './config.ts';
import { formatAddress } from '../address.ts';
import type { Parsed } from './units.ts';

/** Fluentd's and Fluent Bit's default. */
const DEFAULT_PORT = 24224;
const PORT_MAX = 65_535;

export function parseOutput(value: string): Parsed<OutputUrl> {
  if (value === 'stdout') return { ok: true, value: { kind: 'stdout' } };
  const [, scheme = '', rest = ''] = /^([^/:]*):\/\/(.*)$/s.exec(value) ?? [];
  if (rest.includes('@')) {
    return wrong(
      'has a user or password in the URL, where other users of the machine can read it; ' +
        'use username and password_file in the configuration file',
    );
  }
  if (!/^forwards?$/i.test(scheme)) {
    return wrong(
      'is neither stdout nor the address of a Forward receiver; ' +
        'write forward://host:24224 or, with TLS, forwards://host:24224',
    );
  }
  return parseAuthority(rest, scheme.toLowerCase() === 'forwards');
}

/** As its user would write it. */
export function formatOutput(output: OutputUrl): string {
  if (output.kind === 'stdout') return 'stdout';
  return `${output.tls ? 'forwards' : 'forward'}://${formatAddress(output)}`;
}

function parseAuthority(text: string, tls: boolean): Parsed<OutputUrl> {
  const authority = text.replace(/\/$/, '');
  if (/[/?#]/.test(authority)) {
    return wrong('goes on behind the port; write only forward://host:24224');
  }
  const match = /^(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([^:[\]\s]+))(?::(\d+))?$/i.exec(authority);
  const [, address, name, digits] = match ?? [];
  const host = address ?? name;
  if (host === undefined) {
    return wrong(
      'has no host; write for example forward://fluentd.logging.svc:24224 or forward://[::1]:24224',
    );
  }
  if (address === undefined && !/^[\w.-]{1,253}$/.test(host)) {
    return wrong('has a host with characters that no name has; check its spelling');
  }
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (port < 1 || port > PORT_MAX) return wrong('has a port that is not between 1 and 65535');
  return { ok: true, value: { kind: 'forward', host, port, tls } };
}

function wrong(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}

/**
 * The Forward output as the configuration wants it. Only puts parts together.
 */
import { hostname } from 'node:os';
import type { ForwardConfig } from '../config/config.ts';
import { formatAddress } from '../address.ts';
import type { Log } from '../observe/log.ts';
import type { Output } from '../output/output.ts';
import { Credentials } from '../output/forward/credentials.ts';
import { ForwardOutput } from '../output/forward/forward.ts';
import { Upstream } from '../output/forward/upstream.ts';

export function forwardOutput(config: ForwardConfig, inFlightChunks: number, log: Log): Output {
  const { tag, compress, loadBalance, timeouts: deadlines } = config;
  const credentials = new Credentials(config);
  const upstreams = config.upstreams.map(({ host, port, tls }) => {
    const receiver = formatAddress({ host, port });
    const address = { host, port, receiver, tls };
    return new Upstream({ ...address, tag, hostname: hostname(), deadlines, credentials, log });
  });
  return new ForwardOutput({ upstreams, tag, compress, loadBalance, inFlightChunks, log });
}

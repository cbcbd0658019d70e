/**
 * A Prometheus of its own for a test, with a temporary directory and on a free port: start it, and ask its HTTP API. Knows
 * nothing of what is asked.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import split from 'split2';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

/** A value of an instant query. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class PrometheusServer {
  readonly #address: string;

  private constructor(address: string) {
    this.#address = address;
  }

  /** Stopped when the test is over. @param config path of its configuration. */
  static async start(t: TestContext, config: string): Promise<PrometheusServer> {
    const flags = {
      'config.file': config,
      'storage.tsdb.path': join(temporaryDirectory(t), 'data'),
      'web.listen-address': '127.0.0.1:0',
      'log.format': 'json',
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const exited = new Promise((resolve) => child.on('exit', resolve));
    t.after(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    const said: string[] = [];
    child.stderr.pipe(split()).on('data', (line: string) => said.push(line));
    const address = await until(
      'where Prometheus listens',
      () => said.map(listeningAt).find((found) => found !== undefined),
      () => (child.exitCode === null ? undefined : new Error(said.join('\n'))),
    );
    const server = new PrometheusServer(address);
    await until('Prometheus to be ready', () => server.#isReady());
    return server;
  }

  /** What its HTTP API answers. @param path below /api/v1/. */
  async ask<Data>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<Data> {
    const query = new URLSearchParams(parameters).toString();
    const response = await fetch(`http://${this.#address}/api/v1/${path}?${query}`);
    const answer = (await response.json()) as { readonly data: Data; readonly error?: string };
    if (answer.error !== undefined) throw new Error(`${path}?${query}: ${answer.error}`);
    return answer.data;
  }

  async query(query: string): Promise<Sample[]> {
    type Found = { readonly metric: Sample['labels']; readonly value: readonly [number, string] };
    const { result } = await this.ask<{ readonly result: readonly Found[] }>('query', { query });
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async #isReady(): Promise<boolean> {
    return (await fetch(`http://${this.#address}/-/ready`)).ok;
  }
}

/** Of a line of its log. */
function listeningAt(line: string): string | undefined {
  const { msg, address } = JSON.parse(line) as Readonly<Record<string, string>>;
  return msg === 'Listening on' ? address : undefined;
}

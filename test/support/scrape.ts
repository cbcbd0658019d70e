/** What a running agent tells whoever asks it over HTTP. Knows nothing of what a test expects. */
import type { Agent } from './agent.ts';

/** On a port that the system chooses. */
export const LISTEN = ['--listen', '127.0.0.1:0'];

export async function addressOf(agent: Agent): Promise<string> {
  return `http://${String((await agent.says('listening'))['address'])}`;
}

/** The samples of /metrics by name and labels, without the prefix. */
export async function samplesOf(address: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return new Map(
    [...text.matchAll(/^audit_shipper_(\S+) (\S+)$/gm)].map(([, name = '', value]) => [
      name,
      Number(value?.replace('+Inf', 'Infinity')),
    ]),
  );
}

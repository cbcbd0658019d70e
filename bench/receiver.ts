/** The Forward receiver of a benchmark, seen from the process that starts it. Knows nothing of the protocol. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const RECEIVER = fileURLToPath(new URL('./forward-receiver.js', import.meta.url));

/** Prompt: as fast as it can. Slow: stops reading, then reads slowly, and then as fast as it can. */
export type Mood = 'prompt' | 'slow';

/** What a receiver got. */
export interface Receipts {
  /** By the `size` options of messages, each id once. */
  readonly events: number;
  /** Under an id that it had already. */
  readonly repeatedEvents: number;
  readonly messages: number;
  readonly largestBytes: number;
}

export interface Receiver {
  readonly url: string;
  /** Ends it. */
  finish(): Promise<Receipts>;
}

export async function startReceiver(mood: Mood): Promise<Receiver> {
  const child = fork(RECEIVER, [mood]);
  const [{ port }] = (await once(child, 'message')) as [{ readonly port: number }];
  return {
    url: `forward://127.0.0.1:${port}`,
    finish: async () => {
      const answer = once(child, 'message');
      child.send('finish');
      const [receipts] = (await answer) as [Receipts];
      return receipts;
    },
  };
}

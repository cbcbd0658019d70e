/**
 * An agent that ships the beginning of a large log, remembers how far it came, and is killed. Knows nothing of what
 * the next one is to do.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { parseCheckpoints, type Checkpoint } from '../../src/checkpoint/format.ts';
import type { Workplace } from './agent.ts';

/** How much the reader takes before it stops: the log must be several times as large. */
const TAKEN_BYTES = 3_000_000;

export interface Beginning {
  /** The whole lines that the system had taken when the agent was killed. */
  readonly taken: readonly string[];
  /** What is remembered of the file. */
  readonly checkpoint: Checkpoint;
}

/** The first of the checkpoints that lie in the state directory. */
function checkpointOf(workplace: Workplace): Checkpoint | undefined {
  const file = join(workplace.state, 'checkpoints.json');
  if (!existsSync(file)) return undefined;
  return parseCheckpoints(readFileSync(file, 'utf8')).checkpoints[0];
}

export async function shipBeginning(workplace: Workplace): Promise<Beginning> {
  const agent = workplace.start({ stdout: 'pipe' });
  // Node throws away what is left in a child's own stream when the child ends.
  const reader = new PassThrough();
  agent.child.stdout?.pipe(reader);
  const pieces: Buffer[] = [];
  let bytes = 0;
  await agent.until('the beginning', () => {
    const piece = reader.read() as Buffer | null;
    if (piece !== null) pieces.push(piece);
    bytes += piece?.length ?? 0;
    return bytes > TAKEN_BYTES;
  });
  await agent.until('a checkpoint', () => (checkpointOf(workplace)?.offset ?? 0) > 0);
  await agent.kill();
  pieces.push(...((await reader.toArray()) as Buffer[]));
  const checkpoint = checkpointOf(workplace);
  if (checkpoint === undefined) throw new Error('the checkpoint is gone');
  return { taken: Buffer.concat(pieces).toString().split('\n').slice(0, -1), checkpoint };
}

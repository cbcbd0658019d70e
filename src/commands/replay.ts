/**
 * `audit-shipper replay`: sends dead letters again, as the agent would have sent them, and removes each that is
 * acknowledged. To stdout they are shown, and kept. The agent may run meanwhile: each letter is a file of its own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ShipConfig } from '../config/config.ts';
import { backoffMs } from '../deliver/backoff.ts';
import type { Chunk } from '../deliver/chunk.ts';
import { DeadLetterError, DeadLetters, type Letter } from '../deliver/dead-letter.ts';
import { LineTranscoder, type Transcoder } from '../event/transcoder.ts';
import type { Log } from '../observe/log.ts';
import type { Output } from '../output/output.ts';
import { outputFor, writerFor } from './ship.ts';

/** A person waits: after some seconds a receiver that does not answer is told of. */
const ATTEMPTS_MAX = 6;

export interface ReplayDeps {
  readonly log: Log;
  /** Aborted by SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
}

type Outcome = 'sent' | 'shown' | 'refused' | 'unavailable';

/** @param stateDir of the agent whose dead letters are sent. @returns the exit code: 1 when letters are left. */
export async function replay(
  config: ShipConfig,
  stateDir: string,
  { log, signal }: ReplayDeps,
): Promise<number> {
  const letters = new DeadLetters(stateDir);
  const output = await outputFor(config, log);
  const sender = new Sender(output, new LineTranscoder(await writerFor(config)), signal);
  const counts = { sent: 0, shown: 0, refused: 0 };
  const paths = await letters.list();
  for (const path of paths) {
    if (signal.aborted) break;
    const letter = await read(letters, path, log);
    if (letter === undefined) continue;
    const outcome = await sender.send(letter);
    if (outcome === 'unavailable') {
      if (!signal.aborted) log.error('the receiver takes nothing; what was not sent is kept');
      break;
    }
    counts[outcome] += 1;
    if (outcome === 'sent') await letters.remove(path);
    if (outcome === 'refused') log.error('still refused; it is kept', { file: path });
  }
  await output.close();
  const left = paths.length - counts.sent - counts.shown;
  log.info('replayed', { ...counts, left });
  return left > 0 ? 1 : 0;
}

/** One that cannot be read is told of, and does not keep the others. */
async function read(letters: DeadLetters, path: string, log: Log): Promise<Letter | undefined> {
  try {
    return await letters.read(path);
  } catch (error) {
    if (!(error instanceof DeadLetterError)) throw error;
    log.error(error.message);
    return undefined;
  }
}

class Sender {
  readonly #output: Output;
  readonly #transcoder: Transcoder;
  readonly #signal: AbortSignal;

  constructor(output: Output, transcoder: Transcoder, signal: AbortSignal) {
    this.#output = output;
    this.#transcoder = transcoder;
    this.#signal = signal;
  }

  async send(letter: Letter): Promise<Outcome> {
    const chunk = this.#chunkOf(letter);
    if (this.#output.examine === undefined) {
      await this.#output.deliver(chunk);
      return 'shown';
    }
    for (let attempt = 1; attempt <= ATTEMPTS_MAX && !this.#signal.aborted; attempt++) {
      const verdict = await this.#output.examine(chunk);
      if (verdict !== 'unavailable') return verdict === 'taken' ? 'sent' : 'refused';
      const ms = backoffMs(attempt, Math.random);
      await delay(ms, undefined, { signal: this.#signal }).catch(() => undefined);
    }
    return 'unavailable';
  }

  #chunkOf({ log, fingerprint, offset, bytes, kind, line }: Letter): Chunk {
    const range = { start: offset, end: offset + bytes };
    const block = { generation: 0, log, fingerprint, kind, bytes: line, ...range };
    const { payload, accounts } = this.#transcoder.transcode(block);
    const payloadBytes = payload.reduce((sum, piece) => sum + piece.length, 0);
    return { id: `${fingerprint}-${offset}-${range.end}`, payload, payloadBytes, accounts };
  }
}

/**
 * Events as lines for a person. Reading the event costs a parse, which only this format pays.
 */
import type { Block } from './block.ts';
import type { Style } from './core.ts';
import { explainLoss, type LossNotice } from './loss-notice.ts';
import { prettyEvent, prettyInvalid, type PrettyOptions } from './pretty.ts';
import type { EventWriter } from './transcoder.ts';
import { bytesOf, explainInvalid, type Invalid } from './wrap.ts';

/** More of a bad line does not help a person; --format json has it whole. */
const SHOWN_BYTES = 1024;

export class PrettyWriter implements EventWriter {
  readonly addedBytes = 0;
  readonly isWritten = false;
  readonly recordStyle = undefined;
  /** Asked for each line: a terminal may change its width. */
  readonly #options: () => PrettyOptions;
  readonly #style: Style = { format: 'json' };

  constructor(options: () => PrettyOptions) {
    this.#options = options;
  }

  style(): Style {
    return this.#style;
  }

  events({ bytes }: Block, start: number, end: number): readonly Uint8Array[] {
    const lines = bytes.toString('utf8', start, end).split('\n');
    const pretty = lines.filter((line) => line !== '').map((line) => this.#event(line));
    return [Buffer.from(`${pretty.join('\n')}\n`)];
  }

  invalid(block: Block, invalid: Invalid): Buffer {
    const { log, start: offset } = block;
    const { start, reason } = invalid;
    const text = bytesOf(block, invalid).toString('utf8', 0, SHOWN_BYTES);
    const where = { file: log, offset: offset + start, error: explainInvalid(reason) };
    return Buffer.from(`${prettyInvalid(text, where, this.#options())}\n`);
  }

  loss(notice: LossNotice): Buffer {
    const { log: file, start: offset, path, since = '?', until } = notice;
    const where = { file, offset, error: explainLoss(notice) };
    return Buffer.from(`${prettyInvalid(`${path} ${since} – ${until}`, where, this.#options())}\n`);
  }

  #event(line: string): string {
    return prettyEvent(JSON.parse(line) as Record<string, unknown>, this.#options());
  }
}

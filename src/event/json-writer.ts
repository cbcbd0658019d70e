/**
 * Events as JSON lines: an untouched event byte for byte, `shipper` added before its last brace where there is
 * something to add, and what is no event wrapped whole.
 */
import type { Block } from './block.ts';
import type { Added, Style } from './core.ts';
import type { LossNotice } from './loss-notice.ts';
import { ID_KEY, idPrefix, OFFSET_KEY, SHIPPER_KEY, type Shipper } from './shipper.ts';
import { StyleOfFile } from './style-of-file.ts';
import type { EventWriter } from './transcoder.ts';
import { pairsText, wrap, wrapLoss, type Invalid } from './wrap.ts';

const NEWLINE = 0x0a;
const NEWLINE_BYTES = Buffer.of(NEWLINE);

export class JsonWriter implements EventWriter {
  readonly addedBytes: number;
  readonly isWritten: boolean;
  readonly recordStyle = undefined;
  readonly #shipper: Shipper;
  readonly #styles: StyleOfFile;

  constructor(shipper: Shipper) {
    this.#shipper = shipper;
    this.addedBytes = shipper.maxBytes;
    this.isWritten = shipper.addsToEvents;
    this.#styles = new StyleOfFile((block) => ({ format: 'json', added: this.#added(block) }));
  }

  style(block: Block): Style {
    return this.#styles.of(block);
  }

  /** A block without anything to add goes out without a copy. */
  events({ bytes }: Block, start: number, end: number, written: Buffer): readonly Uint8Array[] {
    if (this.isWritten) return [written];
    const untouched = bytes.subarray(start, end);
    return untouched.at(-1) === NEWLINE ? [untouched] : [untouched, NEWLINE_BYTES];
  }

  invalid(block: Block, invalid: Invalid): Buffer {
    return wrap(this.#shipper, block, invalid);
  }

  loss(notice: LossNotice): Buffer {
    return wrapLoss(this.#shipper, notice);
  }

  #added(block: Block): Added | undefined {
    const { addsToEvents, hasCoordinates } = this.#shipper;
    if (!addsToEvents) return undefined;
    const begin = `"${SHIPPER_KEY}":{${pairsText(this.#shipper.shared(block.log))}`;
    const texts = hasCoordinates
      ? [`${begin},"${OFFSET_KEY}":`, `,"${ID_KEY}":"${idPrefix(block)}`, '"}']
      : [`${begin}}`, '', ''];
    const [first = '', second = '', third = ''] = texts;
    return [Buffer.from(first), Buffer.from(second), Buffer.from(third)];
  }
}

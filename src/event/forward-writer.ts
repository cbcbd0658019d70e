/**
 * Events as entries of the Forward protocol, `[EventTime, record]` in MessagePack: the event as it is with `shipper`
 * as its last key, and what is no event wrapped whole. Knows nothing of messages and connections.
 */
import { mapHeader, str } from '../msgpack.ts';
import type { Block } from './block.ts';
import type { Added, Style } from './core.ts';
import type { TimeKey } from './event-time.ts';
import type { LossNotice } from './loss-notice.ts';
import { ID_KEY, idPrefix, OFFSET_KEY, SHIPPER_KEY, type Shipper } from './shipper.ts';
import { StyleOfFile } from './style-of-file.ts';
import type { EventWriter } from './transcoder.ts';
import { wrap, wrapLoss, type Invalid } from './wrap.ts';

export interface ForwardWriterOptions {
  readonly shipper: Shipper;
  readonly timeKey: TimeKey;
}

export class ForwardWriter implements EventWriter {
  readonly addedBytes: number;
  readonly isWritten = true;
  readonly recordStyle: Style = { format: 'forward' };
  readonly #shipper: Shipper;
  readonly #styles: StyleOfFile;

  constructor({ shipper, timeKey }: ForwardWriterOptions) {
    this.#shipper = shipper;
    this.addedBytes = shipper.maxBytes;
    const timeField = timeKey === 'now' ? undefined : timeKey;
    this.#styles = new StyleOfFile((block) => ({
      format: 'forward',
      timeField,
      added: this.#added(block),
    }));
  }

  style(block: Block): Style {
    return this.#styles.of(block);
  }

  events(_block: Block, _start: number, _end: number, written: Buffer): readonly Uint8Array[] {
    return [written];
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
    const pairs = this.#shipper.shared(block.log);
    const header = mapHeader(pairs.length + (hasCoordinates ? 2 : 0));
    const shared = pairs.flatMap(([key, value]) => [str(key), str(value)]);
    const begin = [str(SHIPPER_KEY), header, ...shared];
    if (!hasCoordinates) return [Buffer.concat(begin), Buffer.alloc(0), Buffer.alloc(0)];
    const first = Buffer.concat([...begin, str(OFFSET_KEY)]);
    return [first, str(ID_KEY), Buffer.from(idPrefix(block))];
  }
}

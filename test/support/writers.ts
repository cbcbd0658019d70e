/** The formats in which a block goes out, each with and without what is added to events. */
import { ForwardWriter } from '../../src/event/forward-writer.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { PrettyWriter } from '../../src/event/pretty-writer.ts';
import { Shipper, type ShipperOptions } from '../../src/event/shipper.ts';
import type { EventWriter } from '../../src/event/transcoder.ts';

export const NOTHING_ADDED: ShipperOptions = { fields: {}, coordinates: false };
export const ALL_ADDED: ShipperOptions = { fields: { node: 'm1' }, coordinates: true };
const PLAIN = { color: false, width: undefined, wide: false, timeZone: 'UTC' };

export const WRITERS: readonly (readonly [string, () => EventWriter])[] = [
  ['forward', () => forwardWriter(NOTHING_ADDED)],
  ['forward with shipper', () => forwardWriter(ALL_ADDED)],
  ['json', () => new JsonWriter(new Shipper(NOTHING_ADDED))],
  ['json with shipper', () => new JsonWriter(new Shipper(ALL_ADDED))],
  ['pretty', () => new PrettyWriter(() => PLAIN)],
];

export function forwardWriter(options: ShipperOptions): EventWriter {
  return new ForwardWriter({ shipper: new Shipper(options), timeKey: 'stageTimestamp' });
}

/** What a receiver of the torture is told when it starts, and what it and the process that started it say to each other. */

export interface ReceiverOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** A file of its own for each life: what a crash cut off stands at the end of it. */
  readonly journal: string;
}

export type FromReceiver =
  | { readonly port: number }
  | {
      /** The highest number so far. */
      readonly highest: number;
      /** With repeated ones. */
      readonly events: number;
    };

/** From now on messages are written down and not acknowledged. */
export const SWALLOW = 'swallow';

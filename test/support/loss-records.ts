/** The records that take the place of lost events, as they come out of the agent as JSON. Pure. */

export interface LossRecord {
  readonly file: string;
  readonly offset: number;
  readonly id: string;
  /** How many bytes. */
  readonly lost: number;
  /** There may have been more. */
  readonly more?: 'unknown';
  readonly reason: string;
  readonly path: string;
  readonly since?: string;
  readonly until: string;
}

/** @returns undefined for any other line. */
export function lossIn(line: Buffer | string): LossRecord | undefined {
  if (!line.includes('"lost":')) return undefined;
  const { shipper } = JSON.parse(line.toString()) as { shipper?: Partial<LossRecord> };
  return shipper?.lost === undefined ? undefined : (shipper as LossRecord);
}

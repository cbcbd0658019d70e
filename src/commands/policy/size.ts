/** How many bytes of an event are shipped, with its newline. Pure. */
import { BODIES } from '../../event/bodies.ts';
import type { Core, Field } from '../../event/core.ts';
import type { Outcome } from '../../event/policy/outcome.ts';

const NEWLINE_BYTES = 1;
const COMMA_BYTES = 1;
const QUOTES_BYTES = 2;

/** @param core has judged the event. Managed fields are counted as if they stayed. */
export function shippedBytes(core: Core, lineBytes: number, outcome: Outcome): number {
  const bytes = lineBytes + NEWLINE_BYTES;
  if (outcome.kind === 'drop') return 0;
  if (outcome.kind === 'keep') return bytes;
  const left: readonly Field[] = outcome.level === 'Metadata' ? BODIES : ['responseObject'];
  const bodies = left.reduce((sum, field) => sum + memberBytes(core, field), 0);
  const level = core.member('level');
  const longer =
    level === undefined ? 0 : outcome.level.length + QUOTES_BYTES - (level.end - level.value);
  return bytes - bodies + longer;
}

function memberBytes(core: Core, field: Field): number {
  const member = core.member(field);
  return member === undefined ? 0 : member.end - member.start + COMMA_BYTES;
}

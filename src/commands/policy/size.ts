/** How many bytes of an event are shipped, with its newline: as the agent lowers it, and leaves managed fields out. Pure. */
import type { Attributes } from '../../event/policy/attributes.ts';
import type { Outcome } from '../../event/policy/outcome.ts';
import { Rewriter } from '../../event/rewrite/rewriter.ts';
import { whatOf, wishOf } from '../../event/rules.ts';

const NEWLINE_BYTES = 1;
/** What a policy does, and nothing besides. */
const rewriter = new Rewriter({ redaction: undefined, bodies: 'object', dedot: false });

export function shippedBytes(line: Buffer, attributes: Attributes, outcome: Outcome): number {
  if (outcome.kind === 'drop') return 0;
  const rewritten = rewriter.rewrite(line, whatOf(attributes), wishOf(outcome));
  return rewritten.line.length + NEWLINE_BYTES;
}

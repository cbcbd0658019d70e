/** Rewriters for tests, and what they make of a line. */
import {
  Rewriter,
  type RedactionOptions,
  type RewriteOptions,
  type What,
  type Wish,
} from '../../src/event/rewrite/rewriter.ts';

export const NOTHING_WISHED: Wish = { level: undefined, omitManagedFields: false };

/** @param of `group/resource/subresource`; empty for an event about no resource. */
export function whatOf(of: string, verb = 'create'): What {
  const [group = '', resource = '', subresource = ''] = of.split('/');
  return { group, resource, subresource, verb, isResource: of !== '' };
}

const DEFAULTS: RedactionOptions = {
  paths: [],
  configMaps: false,
  env: false,
  hashKey: undefined,
};

/** One that redacts what is redacted by default, and more. */
export function redacting(
  redaction: Partial<RedactionOptions> = {},
  options: Partial<RewriteOptions> = {},
): Rewriter {
  const all = { ...DEFAULTS, ...redaction };
  return new Rewriter({ redaction: all, bodies: 'object', dedot: false, ...options });
}

/** One that redacts nothing. */
export function shaping(options: Partial<RewriteOptions>): Rewriter {
  return new Rewriter({ redaction: undefined, bodies: 'object', dedot: false, ...options });
}

/** What becomes of an event about a Secret, or about something else. */
export function rewritten(
  rewriter: Rewriter,
  line: string,
  what: What = whatOf('/secrets/'),
  wish: Partial<Wish> = {},
): string {
  return rewriter.rewrite(Buffer.from(line), what, { ...NOTHING_WISHED, ...wish }).line.toString();
}

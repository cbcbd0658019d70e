/**
 * What may reach a terminal, and whether it is coloured. User agents, URIs and object names are chosen by
 * clients of kube-apiserver, so any text that did not come from this program passes through escapeControl first.
 * Pure: knows nothing of streams beyond `isTTY`, and nothing of events.
 */

/**
 * Whatever a terminal acts upon or hides instead of showing it: control characters (C0 with ESC, DEL, C1), the line
 * and paragraph separators, halves of surrogate pairs, which have no encoding, the bidirectional controls that
 * reorder what is read (CVE-2021-42574), and everything else without a glyph (Unicode's Cf and
 * Default_Ignorable_Code_Point): an audit trail must not show two names alike that differ. That includes joiners and
 * variation selectors, so some emoji and some words of joining scripts come out in their parts, still readable.
 * The signs that the lookahead spares are Cf too, but are seen: they enclose or precede Arabic, Syriac and Kaithi digits.
 */
const UNSAFE =
  /(?![\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Makes what is not seen visible: `\n`, `\x1b`, `\u202e`, `\u{e0041}`. All other text comes back as it is. */
export function escapeControl(text: string): string {
  return text.replace(UNSAFE, visibleEscape);
}

function visibleEscape(char: string): string {
  const short = SHORT_ESCAPES[char];
  if (short !== undefined) return short;
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code > 0xffff) return `\\u{${hex}}`;
  return code <= 0xff ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

/**
 * Whether to colour: a NO_COLOR that is not empty forbids it (no-color.org), a FORCE_COLOR that is not empty and
 * not `0` demands it, and otherwise a terminal that is not `TERM=dumb` gets it.
 */
export function wantsColor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (isSet(env['NO_COLOR'])) return false;
  if (isSet(env['FORCE_COLOR'])) return env['FORCE_COLOR'] !== '0';
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

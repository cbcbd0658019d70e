/**
 * What may reach a terminal, and whether it is coloured. User agents, URIs and object names are chosen by
 * clients of kube-apiserver, so any text that did not come from this program passes through escapeControl first.
 * Pure: knows nothing of streams beyond `isTTY`, and nothing of events.
 */

/**
 * Whatever a terminal acts upon instead of showing it: C0 (with ESC), DEL, C1, the line and paragraph separators,
 * the bidirectional controls that reorder what is read (CVE-2021-42574; Unicode's Bidi_Control property), and
 * halves of surrogate pairs, which have no encoding. With the `u` flag a surrogate in a pair does not match.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Makes control characters visible: `\n`, `\x1b`, `\u202e`. All other text comes back as it is. */
export function escapeControl(text: string): string {
  return text.replace(UNSAFE, visibleEscape);
}

function visibleEscape(char: string): string {
  const short = SHORT_ESCAPES[char];
  if (short !== undefined) return short;
  const code = char.charCodeAt(0);
  return code <= 0xff
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
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

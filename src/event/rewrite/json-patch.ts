/**
 * The operations of a JSON patch (RFC 6902): which places of the object they are about. Pure.
 */
import {
  decodedText,
  OPEN_BRACE,
  QUOTE,
  valueEnd,
  walkMembers,
  type FoundMember,
} from '../json-bytes.ts';
import { member, NOWHERE, Place, type Places } from './place.ts';

/** The parts of an operation that hold no value of the object. */
const HARMLESS: ReadonlySet<string> = new Set(['op', 'path', 'from']);

const REDACTED = new Place();
REDACTED.redact();

/** The `path` of the operation that begins at `at`, as JSON pointers: several where its key stands twice. */
export function pointersOf(bytes: Buffer, at: number): readonly string[] {
  const pointers: string[] = [];
  if (bytes[at] !== OPEN_BRACE) return pointers;
  walkMembers(bytes, at, ({ key, keyEnd, value }: FoundMember) => {
    const end = valueEnd(bytes, value);
    if (bytes[value] === QUOTE && decodedText(bytes, key, keyEnd) === 'path') {
      pointers.push(decodedText(bytes, value, end));
    }
    return end;
  });
  return pointers;
}

/** What is wanted of one part of an operation. @param isStrict whether what nobody knows is redacted. */
export function wantedOf(
  key: string,
  bodies: Places,
  pointers: readonly string[],
  isStrict: boolean,
): Places {
  if (key === 'value') {
    if (pointers.length === 0) return [REDACTED];
    // However often the key stands there, each place is looked at once.
    return [...new Set(pointers.flatMap((pointer) => target(bodies, pointer)))];
  }
  // Without a path it is no operation, and perhaps an object.
  if (pointers.length === 0) return member(bodies, key);
  return isStrict && !HARMLESS.has(key) ? [REDACTED] : NOWHERE;
}

/**
 * What is wanted of the value that an operation puts where the pointer points. A pointer that goes on below a place
 * that is redacted, or is none, has its whole value redacted. `/` is the member with the empty key; it is taken for
 * the object itself, as people mean it.
 */
function target(bodies: Places, pointer: string): Places {
  if (pointer === '' || pointer === '/') return bodies;
  if (!pointer.startsWith('/')) return [REDACTED];
  let places = bodies;
  for (const segment of pointer.slice(1).split('/')) {
    if (places.length === 0) return NOWHERE;
    if (places.some(({ text, isBody }) => text !== undefined && !isBody)) return [REDACTED];
    places = member(places, segment.replaceAll('~1', '/').replaceAll('~0', '~'));
    if (places.some(({ action }) => action === 'redact')) return [REDACTED];
  }
  return places.filter(({ action }) => action === 'none');
}

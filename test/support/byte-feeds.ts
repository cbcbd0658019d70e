/** The ways in which a stream of bytes may arrive: whole, cut once at any place, byte by byte. Pure. */

/** Each way is a list of pieces in order. */
export function* feedsOf(bytes: Uint8Array): Generator<readonly Buffer[]> {
  const whole = Buffer.from(bytes);
  yield [whole];
  for (let at = 1; at < whole.length; at += 1) yield [whole.subarray(0, at), whole.subarray(at)];
  yield Array.from(whole, (byte) => Buffer.of(byte));
}

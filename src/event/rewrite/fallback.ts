/**
 * What is left of an event that could not be gone through: who did what to what, and nothing that may hold a secret.
 * Nothing else is trusted of it, not even that it is JSON. Pure.
 */

/** None of them is text that a client sends in a body. */
const KEPT = [
  'kind',
  'apiVersion',
  'level',
  'auditID',
  'stage',
  'verb',
  'user',
  'objectRef',
  'sourceIPs',
  'requestReceivedTimestamp',
  'stageTimestamp',
] as const;
/** Everything but that. */
const ALL = '*';

/**
 * @param annotation says that all the rest was left out. @param isWithheld whether the user wants this field redacted.
 * @returns a line without a newline.
 */
export function bareEvent(
  line: Buffer,
  annotation: string,
  isWithheld: (name: string) => boolean,
): Buffer {
  const read = parsed(line);
  const event: Fields = { ...read, user: bareUser(read['user']) };
  const kept = KEPT.filter((name) => event[name] !== undefined && !isWithheld(name));
  const bare = Object.fromEntries(kept.map((name) => [name, event[name]]));
  return Buffer.from(JSON.stringify({ ...bare, annotations: { [annotation]: ALL } }));
}

type Fields = Readonly<Record<string, unknown>>;

function parsed(line: Buffer): Fields {
  try {
    return fieldsOf(JSON.parse(line.toString()));
  } catch {
    return {};
  }
}

/** Without `extra`, in which anything may stand. */
function bareUser(user: unknown): Fields | undefined {
  const { username } = fieldsOf(user);
  return username === undefined ? undefined : { username };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

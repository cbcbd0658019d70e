/**
 * What a file's name says: which log it belongs to, and whether it is the active file or a backup of it.
 * Pure; it knows nothing of what is on disk.
 */

/** How a backup was named, and what its name says of its age. */
export type BackupName =
  /** `<stem>-<YYYY-MM-DDTHH-MM-SS.mmm><ext>`, UTC, by lumberjack (kube-apiserver). */
  | { readonly kind: 'lumberjack'; readonly epochMs: number }
  /** `<base>-<YYYYMMDD>[…]` or `<stem>-<YYYYMMDD>[…]<ext>`, by logrotate's dateext. `stamp` sorts as text. */
  | { readonly kind: 'dated'; readonly stamp: string }
  /** `<base>.<n>`, by logrotate: a larger number is older. */
  | { readonly kind: 'numbered'; readonly number: number };

export interface LogFileName {
  /** The file name of the log's active file. */
  readonly base: string;
  /** Undefined for the active file. */
  readonly backup: BackupName | undefined;
  readonly gz: boolean;
}

const GZ = '.gz';
// Go's layout "2006-01-02T15-04-05.000" between stem and extension (lumberjack.v2, backupTimeFormat).
const LUMBERJACK = /-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}(?:\.[^.]+)?$/;
const LUMBERJACK_CHARS = '-2006-01-02T15-04-05.000'.length;
const NUMBERED = /^(.+)\.(\d{1,6})$/;
// logrotate(8): dateformat -%Y%m%d by default, -%Y%m%d%H for hourly, -%Y%m%d-%s in many examples;
// behind the whole name, or before the extension (`extension .log`).
// The shortest stem that fits: seconds since the epoch begin like a date, too.
const DATED =
  /^(.+?)-(\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{2})?(?:-\d{1,10})?)(\.[^.\d][^.]*)?$/;

/** Takes a file's name (no directory) apart. Every name is the active file of its own log at least. */
export function parseLogFileName(name: string): LogFileName {
  const gz = name.endsWith(GZ) && name.length > GZ.length;
  const plain = gz ? name.slice(0, -GZ.length) : name;
  const parsed = parseLumberjack(plain) ?? parseDated(plain) ?? parseNumbered(plain);
  if (parsed !== undefined) return { ...parsed, gz };
  return { base: plain, backup: undefined, gz };
}

/** Searched and sliced, not matched: thousands of backups are looked at in one go, and a match costs 1 KB each. */
function parseLumberjack(plain: string): Omit<LogFileName, 'gz'> | undefined {
  const at = plain.search(LUMBERJACK);
  if (at < 1) return undefined;
  const day = plain.slice(at + 1, at + 14);
  const time = plain.slice(at + 15, at + LUMBERJACK_CHARS).replace('-', ':');
  const epochMs = Date.parse(`${day}:${time}Z`);
  if (Number.isNaN(epochMs)) return undefined;
  const base = plain.slice(0, at) + plain.slice(at + LUMBERJACK_CHARS);
  return { base, backup: { kind: 'lumberjack', epochMs } };
}

function parseDated(plain: string): Omit<LogFileName, 'gz'> | undefined {
  const match = DATED.exec(plain);
  if (match === null) return undefined;
  const [, stem = '', stamp = '', extension = ''] = match;
  return { base: stem + extension, backup: { kind: 'dated', stamp } };
}

function parseNumbered(plain: string): Omit<LogFileName, 'gz'> | undefined {
  const match = NUMBERED.exec(plain);
  if (match === null) return undefined;
  const [, base = '', number = ''] = match;
  return { base, backup: { kind: 'numbered', number: Number(number) } };
}

const AUDIT_WORD = /audit/i;
const LOG_EXTENSION = /\.(?:log|audit|jsonl?|txt|out)$/i;
const ANY_EXTENSION = /\.[^.]+$/;

/**
 * Whether a log's name alone says that it holds audit events: it speaks of "audit" and has a log's extension
 * or none (`audit.log`, `kubernetes.audit`, `kube-apiserver-audit`), which leaves out `audit-policy.yaml`.
 */
export function isAuditLogName(base: string): boolean {
  if (!AUDIT_WORD.test(base) || base.startsWith('.')) return false;
  return LOG_EXTENSION.test(base) || !ANY_EXTENSION.test(base);
}

/** When a file came to be what its name says; what decides the order of the generations of one log. */
export interface Age {
  /** Undefined for the active file, which is the newest. */
  readonly backup: BackupName | undefined;
  readonly mtimeMs: number;
}

/** Orders files of one log oldest first. A log is rotated by one tool; mixed names fall back to the mtime. */
export function compareAge(a: Age, b: Age): number {
  if (a.backup === undefined || b.backup === undefined) {
    return Number(a.backup === undefined) - Number(b.backup === undefined);
  }
  if (a.backup.kind === 'numbered' && b.backup.kind === 'numbered') {
    return b.backup.number - a.backup.number;
  }
  if (a.backup.kind === 'dated' && b.backup.kind === 'dated' && a.backup.stamp !== b.backup.stamp) {
    return a.backup.stamp < b.backup.stamp ? -1 : 1;
  }
  return rotationMs(a) - rotationMs(b);
}

/** When it was rotated, as far as its name or its file tells. */
export function rotationMs({ backup, mtimeMs }: Age): number {
  return backup?.kind === 'lumberjack' ? backup.epochMs : mtimeMs;
}

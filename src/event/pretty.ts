/**
 * One audit event as one line for a person: when, what came of it, who, did what, to what, and why not.
 * Pure: knows nothing of files, streams and offsets. It trusts no field: any JSON value may stand anywhere, and every
 * text may have been chosen by an attacker (user agents, URIs, names), so nothing is printed unescaped.
 *
 * Columns of a fixed width come first and what is long comes last, so that lines stay aligned:
 *
 *     03-04 05:06:07 denied   403  0.7ms alice    delete secrets           prod/db-password  Forbidden
 */
import { escapeControl } from '../observe/terminal.ts';
import { columns, cutEnd, cutMiddle } from './columns.ts';
import { durationText, epochMicros, localTime, type TimeForm } from './local-time.ts';

export interface PrettyOptions {
  readonly color: boolean;
  /** Columns of the terminal; longer lines are cut. `undefined` (or 0, an unknown size): nothing is cut. */
  readonly width: number | undefined;
  /** Adds the source addresses and the user agent. */
  readonly wide: boolean;
  /** IANA name; the machine's own zone without it. */
  readonly timeZone?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Where a line that is no event stands, and what is wrong with it, in our own words. */
interface InvalidWhere {
  readonly file: string;
  readonly offset: number;
  readonly error: string;
}

/** SGR codes. Red is for what a person must look at: refusals, server errors, panics. */
const PAINTS = {
  none: '',
  dim: '2',
  bold: '1',
  green: '32',
  yellow: '33',
  red: '31',
  alarm: '1;31',
} as const;
type Paint = keyof typeof PAINTS;

/** A piece of the line. It is filled up with blanks to `pad` columns when something follows. */
interface Cell {
  readonly text: string;
  readonly pad: number;
  readonly paint: Paint;
}

/** What a terminal of a given width can afford. The date is never left out while there is room for a user's name. */
interface Layout {
  readonly below: number;
  readonly time: TimeForm;
  readonly user: number;
  readonly resource: number;
  /** What resource and name leave to the reason of a failure, or to the source addresses. */
  readonly details: number;
}

const LAYOUTS: readonly Layout[] = [
  { below: 60, time: 'time', user: 10, resource: 0, details: 0 },
  { below: 100, time: 'day', user: 13, resource: 10, details: 0 },
  { below: 140, time: 'day-ms', user: 20, resource: 16, details: 12 },
];
const ROOMY: Layout = { below: Infinity, time: 'full', user: 28, resource: 28, details: 18 };

/** The longest word of a verdict or stage: `received`. */
const VERDICT_COLUMNS = 8;
const CODE_COLUMNS = 3;
/** `999.9s`; longer durations are written so that they fit. */
const DURATION_COLUMNS = 6;
/** The verbs of every day; only `deletecollection` is longer, and it may push its line to the right. */
const VERB_COLUMNS = 6;
const LONGEST_VERB_COLUMNS = 16;
/** What an impersonation may take beyond the user column: both names must stay recognisable. */
const IMPERSONATION_COLUMNS = 12;
/** Of the room for resource and name, at most this share goes to the resource when both are too long. */
const RESOURCE_SHARE = 0.45;
/** X-Forwarded-For is written by the client and may name thousands; the first ones tell the story. */
const MAX_SOURCE_IPS = 8;
/** A broken line may be megabytes of garbage; this much shows what it is. */
const INVALID_TEXT_COLUMNS = 200;

const NOTHING = '-';

/** Writes one event as one line, without a newline. Never throws, whatever the event holds. */
export function prettyEvent(event: Fields, options: PrettyOptions): string {
  const width = usableWidth(options.width);
  const layout = layoutFor(width);
  const status = fieldsOf(event['responseStatus']);
  const verdict = verdictOf(event, status);
  const stageTime = epochMicros(event['stageTimestamp'] ?? event['timestamp']);
  const cells: Cell[] = [
    cell(localTime(stageTime, layout.time, options.timeZone), 0, 'dim'),
    cell(verdict.word, VERDICT_COLUMNS, verdict.paint),
    cell(codeOf(status)?.toString() ?? NOTHING, CODE_COLUMNS, verdict.paint),
    cell(durationOf(event, stageTime).padStart(DURATION_COLUMNS), DURATION_COLUMNS, 'dim'),
    userCell(event, layout, width),
    verbCell(event, width),
  ];
  const details = detailCells(event, status, verdict, options.wide);
  const reserved = details.length > 0 ? layout.details : 0;
  const room = width === undefined ? undefined : Math.max(width - extent(cells) - reserved, 0);
  cells.push(...targetCells(event, layout, room), ...details);
  return join(cells, width, options.color);
}

/** A request that was only received has taken no time yet. */
function durationOf(event: Fields, stageTime: number | undefined): string {
  if (event['stage'] === 'RequestReceived') return NOTHING;
  return durationText(epochMicros(event['requestReceivedTimestamp']), stageTime);
}

/** Writes a line of the file that is no event: where it stands, what is wrong, and how it begins. */
export function prettyInvalid(text: string, where: InvalidWhere, options: PrettyOptions): string {
  const width = usableWidth(options.width);
  const { time } = layoutFor(width);
  const place = `${escapeControl(where.file)}:${where.offset}`;
  const beginning = escapeControl(text.slice(0, 2 * INVALID_TEXT_COLUMNS));
  const cells = [
    cell(localTime(undefined, time, options.timeZone), 0, 'dim'),
    cell('invalid', VERDICT_COLUMNS, 'yellow'),
    cell(width === undefined ? place : cutMiddle(place, Math.floor(width / 3)), 0, 'none'),
    cell(`${escapeControl(where.error)}:`, 0, 'yellow'),
    cell(cutEnd(beginning, INVALID_TEXT_COLUMNS), 0, 'none'),
  ];
  return join(cells, width, options.color);
}

// --- reading what nobody promised ---

const NO_FIELDS: Fields = {};

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : NO_FIELDS;
}

/** Text, numbers and booleans as text; whatever else stands there, and empty text, is nothing to show. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** An HTTP status code, or nothing. */
function codeOf(status: Fields): number | undefined {
  const { code } = status;
  return typeof code === 'number' && Number.isInteger(code) && code >= 100 && code <= 999
    ? code
    : undefined;
}

/** Text that could be taken for two columns, for another name, or for a cut one. */
const AMBIGUOUS = /[\s"…]|^sa:|^-$/u;

/** A name as one word: control characters escaped, and in quotes when it could be mistaken for something else. */
function word(text: string | undefined): string {
  if (text === undefined) return NOTHING;
  const escaped = escapeControl(text);
  return AMBIGUOUS.test(text) ? quoted(escaped) : escaped;
}

function quoted(escaped: string): string {
  return `"${escaped.replaceAll('"', '\\"')}"`;
}

/** Free text. Runs of blanks become one, so that it cannot imitate the two blanks between details. */
function prose(text: string): string {
  return escapeControl(text).replace(/\s+/gu, ' ').trim();
}

// --- what came of it ---

interface Verdict {
  readonly word: string;
  readonly paint: Paint;
  readonly failed: boolean;
}

const FORBID_KEY = 'authorization.k8s.io/decision';
const FORBID_REASON_KEY = 'authorization.k8s.io/reason';

/**
 * Stages before the last one show themselves instead of a verdict (`received`, `started`); a stage that is unknown
 * shows as it is. Older writers leave the stage out: their events are complete.
 */
function verdictOf(event: Fields, status: Fields): Verdict {
  const stage = textOf(event['stage']);
  if (stage === 'Panic') return { word: 'panic', paint: 'alarm', failed: true };
  const byCode = verdictByCode(event, status);
  if (stage === undefined || stage === 'ResponseComplete') return byCode;
  if (stage === 'RequestReceived') return { ...byCode, word: 'received', paint: 'dim' };
  if (stage === 'ResponseStarted') return { ...byCode, word: 'started' };
  return { ...byCode, word: word(stage) };
}

function verdictByCode(event: Fields, status: Fields): Verdict {
  const code = codeOf(status);
  const forbidden = fieldsOf(event['annotations'])[FORBID_KEY] === 'forbid';
  if (code === 401 || code === 403 || (code === undefined && forbidden)) {
    return { word: 'denied', paint: 'red', failed: true };
  }
  if (code === undefined) return verdictWithoutCode(status);
  if (code >= 500) return { word: 'error', paint: 'alarm', failed: true };
  if (code >= 400) return { word: 'failed', paint: 'yellow', failed: true };
  return { word: 'ok', paint: 'green', failed: false };
}

function verdictWithoutCode(status: Fields): Verdict {
  if (status['status'] === 'Failure') return { word: 'failed', paint: 'yellow', failed: true };
  if (status['status'] === 'Success') return { word: 'ok', paint: 'green', failed: false };
  return { word: NOTHING, paint: 'dim', failed: false };
}

// --- who, and did what ---

/** Names that Kubernetes itself accepts; anything else under this prefix is no service account and stays as it is. */
const SERVICE_ACCOUNT = /^system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/;

/** `sa:<namespace>/<name>` for a service account. A user who calls himself so is shown in quotes. */
function userName(user: unknown): string {
  const name = textOf(fieldsOf(user)['username']);
  const account = name === undefined ? null : SERVICE_ACCOUNT.exec(name);
  return account ? `sa:${account[1]}/${account[2]}` : word(name);
}

function userCell(event: Fields, layout: Layout, width: number | undefined): Cell {
  const user = userName(event['user']);
  const impersonated = event['impersonatedUser'];
  if (impersonated === undefined || impersonated === null) {
    return cell(width === undefined ? user : cutMiddle(user, layout.user), layout.user, 'none');
  }
  const other = userName(impersonated);
  const room = width === undefined ? Infinity : layout.user + IMPERSONATION_COLUMNS - ' as '.length;
  const [own, theirs] = shareRoom(user, other, room);
  return cell(`${own} as ${theirs}`, layout.user, 'bold');
}

/** Cuts two names so that both fit into `room`; what one does not need goes to the other. */
function shareRoom(one: string, other: string, room: number): readonly [string, string] {
  if (room === Infinity) return [one, other];
  const half = Math.floor(room / 2);
  const forOne = Math.max(half, room - columns(other));
  const first = cutMiddle(one, forOne);
  return [first, cutMiddle(other, room - columns(first))];
}

/** Verbs that change nothing; all others stand out. */
const READING_VERBS: ReadonlySet<string> = new Set(['get', 'list', 'watch', 'head', 'options']);

function verbCell(event: Fields, width: number | undefined): Cell {
  const verb = word(textOf(event['verb']));
  const text = width === undefined ? verb : cutEnd(verb, LONGEST_VERB_COLUMNS);
  return cell(text, VERB_COLUMNS, READING_VERBS.has(verb) || verb === NOTHING ? 'none' : 'bold');
}

// --- to what ---

/** Resource and name of an object, or the URI of a request that is not about one. */
function targetCells(event: Fields, layout: Layout, room: number | undefined): readonly Cell[] {
  const ref = fieldsOf(event['objectRef']);
  const resource = textOf(ref['resource']);
  if (resource === undefined) return [cell(uriText(event['requestURI'], room), 0, 'none')];
  const group = textOf(ref['apiGroup']);
  const subresource = textOf(ref['subresource']);
  const kind = word(group === undefined ? resource : `${resource}.${group}`);
  const suffix = subresource === undefined ? '' : `/${word(subresource)}`;
  const name = objectName(ref);
  if (room === undefined) {
    return [cell(kind + suffix, layout.resource, 'none'), cell(name, 0, 'none')];
  }
  return fittedTarget(kind, suffix, name, layout, room);
}

/** `namespace/name`, `namespace/` for all of a namespace, `name` for what has none. */
function objectName(ref: Fields): string {
  const namespace = textOf(ref['namespace']);
  const name = textOf(ref['name']);
  const shown = name === undefined ? '' : word(name);
  return namespace === undefined ? shown : `${word(namespace)}/${shown}`;
}

/** The group gives way first, then the middle of the name; the subresource and the ends of the name stay. */
function fittedTarget(
  kind: string,
  suffix: string,
  name: string,
  layout: Layout,
  room: number,
): readonly Cell[] {
  const nameColumns = name === '' ? 0 : columns(name) + 1;
  const share = Math.floor(room * RESOURCE_SHARE);
  const kindRoom = Math.max(room - nameColumns, share);
  const cut = cutEnd(cutEnd(kind, Math.max(kindRoom - columns(suffix), 1)) + suffix, kindRoom);
  const nameRoom = room - columns(cut) - 1;
  const pad = Math.max(Math.min(layout.resource, room - nameColumns), 0);
  return [cell(cut, pad, 'none'), cell(cutMiddle(name, nameRoom), 0, 'none')];
}

/** The query goes first when the URI is too long: the path says what was asked for. */
function uriText(value: unknown, room: number | undefined): string {
  const uri = word(textOf(value));
  if (room === undefined || (uri.length <= room && columns(uri) <= room)) return uri;
  const query = uri.indexOf('?');
  return query === -1 || query >= room ? cutEnd(uri, room) : `${uri.slice(0, query + 1)}…`;
}

// --- and why not, and from where ---

function detailCells(
  event: Fields,
  status: Fields,
  verdict: Verdict,
  wide: boolean,
): readonly Cell[] {
  const details: Cell[] = [];
  if (wide) details.push(cell(` from ${sourceIps(event['sourceIPs'])}`, 0, 'dim'));
  if (verdict.failed) {
    const why = failureText(event, status);
    if (why !== '') details.push(cell(` ${why}`, 0, verdict.paint));
  }
  const agent = wide ? textOf(event['userAgent']) : undefined;
  if (agent !== undefined) details.push(cell(` ${quoted(prose(agent))}`, 0, 'dim'));
  return details;
}

/** `Reason: message (authorizer's reason)`, of which any may be missing. */
function failureText(event: Fields, status: Fields): string {
  const said = [status['reason'], status['message']].flatMap((value) => {
    const text = prose(textOf(value) ?? '');
    return text === '' ? [] : [text];
  });
  const annotations = fieldsOf(event['annotations']);
  const forbidden = annotations[FORBID_KEY] === 'forbid';
  const why = forbidden ? prose(textOf(annotations[FORBID_REASON_KEY]) ?? '') : '';
  return prose(said.join(': ') + (why === '' ? '' : ` (${why})`));
}

function sourceIps(value: unknown): string {
  if (!Array.isArray(value)) return NOTHING;
  const shown = value.slice(0, MAX_SOURCE_IPS).map((ip) => word(textOf(ip)));
  if (value.length > shown.length) shown.push(`+${value.length - shown.length}`);
  return shown.length === 0 ? NOTHING : shown.join(',');
}

// --- the line ---

function usableWidth(width: number | undefined): number | undefined {
  return width !== undefined && width >= 1 ? Math.floor(width) : undefined;
}

function layoutFor(width: number | undefined): Layout {
  return LAYOUTS.find((layout) => width !== undefined && width < layout.below) ?? ROOMY;
}

function cell(text: string, pad: number, paint: Paint): Cell {
  return { text, pad, paint };
}

/** The columns that cells take, with the blank behind each. */
function extent(cells: readonly Cell[]): number {
  let count = 0;
  for (const { text, pad } of cells) count += Math.max(columns(text), pad) + 1;
  return count;
}

function join(cells: readonly Cell[], width: number | undefined, color: boolean): string {
  let line = '';
  let used = 0;
  let blanks = 0;
  for (const { text, pad, paint } of cells) {
    if (text === '') continue;
    const shown = width === undefined ? text : cutEnd(text, width - used - blanks);
    if (shown === '') break;
    const taken = columns(shown);
    line += ' '.repeat(blanks) + painted(shown, paint, color);
    used += blanks + taken;
    blanks = Math.max(pad - taken, 0) + 1;
  }
  return line;
}

function painted(text: string, paint: Paint, color: boolean): string {
  return color && paint !== 'none' ? `\u001b[${PAINTS[paint]}m${text}\u001b[0m` : text;
}

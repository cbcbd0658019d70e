/**
 * YAML text to plain values, with the line and column of each. Pure: knows neither files nor which keys there are. A
 * message never repeats a line of the text.
 */
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type DocumentOptions,
  type ParseOptions,
  type SchemaOptions,
  type Tags,
} from 'yaml';
import { escapeControl } from './observe/terminal.ts';

/** Where a value stands below the top: `['fields', 'node']`, `['paths', 0]`. */
export type ValuePath = readonly PropertyKey[];

/** Both are counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface SyntaxProblem {
  /** Undefined when nobody knows it. */
  readonly place: Place | undefined;
  readonly message: string;
}

export type YamlText =
  | {
      readonly ok: true;
      /** Null when there is nothing in it. */
      readonly value: unknown;
      /** Where the key (or list item) stands that a path names, or the nearest one above it. */
      readonly placeOf: (path: ValuePath) => Place;
    }
  | { readonly ok: false; readonly problems: readonly SyntaxProblem[] };

/**
 * - `1.2`: as the configuration is read.
 * - `kubernetes`: as kube-apiserver reads: YAML 1.1, in which `yes` and `off` mean true and false, but times and numbers
 *   to the base of 60 are texts.
 */
export type Dialect = '1.2' | 'kubernetes';

/** Problems of syntax shown for one text: behind the first few the parser only guesses. */
const SYNTAX_PROBLEMS_MAX = 5;
/** Guards against a few lines of YAML that expand to gigabytes; hardly any text needs an alias at all. */
const ALIASES_MAX = 100;

const OPTIONS: Readonly<Record<Dialect, DocumentOptions & SchemaOptions>> = {
  '1.2': {},
  kubernetes: { version: '1.1', customTags: withoutTimes },
};

/** What sigs.k8s.io/yaml does not resolve. */
function withoutTimes(tags: Tags): Tags {
  return tags.filter((tag) => {
    if (typeof tag === 'string') return true;
    return (
      tag.tag !== 'tag:yaml.org,2002:timestamp' && (tag as { format?: string }).format !== 'TIME'
    );
  });
}

export function readYaml(text: string, dialect: Dialect): YamlText {
  const lines = new LineCounter();
  // logLevel: the library would print some of its warnings itself. prettyErrors: it would quote the text.
  const parsing: ParseOptions = { lineCounter: lines, prettyErrors: false };
  const document = parseDocument(text, { ...parsing, ...OPTIONS[dialect], logLevel: 'error' });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems = syntaxProblems(document, at);
  if (problems.length > 0) return { ok: false, problems };
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return { ok: true, value, placeOf: (path) => at(offsetOf(document, path)) };
  } catch (error) {
    return { ok: false, problems: [{ place: undefined, message: valueMessage(error) }] };
  }
}

/** @returns undefined for bytes that are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // the only thing that a fatal decoder throws for
  }
}

/** `fields.node`, `paths[0]`, as YAML tools write paths. */
export function pathText(path: ValuePath): string {
  const text = path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('');
  return escapeControl(text.replace(/^\./, ''));
}

/** An unknown tag is only a warning to the parser, but it means that a value is not what its author thinks. */
function syntaxProblems(
  document: Document.Parsed,
  at: (offset: number) => Place,
): readonly SyntaxProblem[] {
  return [...document.errors, ...document.warnings]
    .slice(0, SYNTAX_PROBLEMS_MAX)
    .map(({ code, message, pos }) => ({ place: at(pos[0]), message: plainMessage(code, message) }));
}

function plainMessage(code: string, message: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this key stands in the file twice; remove one';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; keep one, and remove the line "---"';
    case 'TAB_AS_INDENT':
      return 'a tab cannot indent YAML; use spaces';
    case 'TAG_RESOLVE_FAILED':
      return 'a value that begins with "!" is a tag to YAML; put it in quotes';
    case 'BAD_DIRECTIVE':
      return 'a line that begins with "%" is a directive to YAML, and none that is known; remove it';
    default:
      return `not valid YAML: ${escapeControl(withoutSource(message))}`;
  }
}

/** What the parser repeats of the text, which may be a password, stands behind a colon at the end. */
function withoutSource(message: string): string {
  return message.replace(/(?<=\S): .*/s, '');
}

/** An alias without its anchor, or too many of them: known only when values are put together. */
function valueMessage(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.startsWith('Unresolved alias')
    ? 'a value that begins with "*" is an alias to YAML; put it in quotes'
    : `not valid YAML: ${escapeControl(withoutSource(reason))}`;
}

function offsetOf(document: Document.Parsed, path: ValuePath): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => isScalar(key) && String(key.value) === String(step),
      );
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined;
}

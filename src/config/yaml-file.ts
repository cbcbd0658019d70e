/**
 * The configuration file as a layer: YAML 1.2 text to keys and values with their lines and columns.
 * Pure: knows neither the disk nor which keys exist. A message never repeats a line of the file.
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import { escapeControl } from '../observe/terminal.ts';
import type { Problem } from './config.ts';
import type { Layer, ReadLayer, SettingPath } from './layer.ts';

/** Problems of syntax shown for one file: behind the first few the parser only guesses. */
const SYNTAX_PROBLEMS_MAX = 5;
/** Guards against a few lines of YAML that expand to gigabytes; no setting needs an alias at all. */
const ALIASES_MAX = 100;

/** Reads the bytes of a file called `name` in messages. An empty file is one in which every setting is left out. */
export function readYamlFile(name: string, bytes: Uint8Array): ReadLayer {
  const shownName = escapeControl(name);
  const unreadable = (where: string, message: string): ReadLayer => ({
    layer: { raw: {}, where: () => shownName },
    problems: [{ where, message }],
  });
  const text = decodeUtf8(bytes);
  if (text === undefined) return unreadable(shownName, 'is not UTF-8 text; save it as UTF-8');

  const lines = new LineCounter();
  // logLevel: the library would print some of its warnings itself. prettyErrors: it would quote the file.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${shownName}:${line}:${col}`;
  };
  const layer = (raw: Readonly<Record<string, unknown>>): Layer => ({
    raw,
    where: (path) => `${at(offsetOf(document, path))} ${pathText(path)}`,
  });

  const problems = syntaxProblems(document, at);
  if (problems.length > 0) return { layer: layer({}), problems };
  const content = toPlain(document);
  if (!content.ok) return unreadable(shownName, content.message);
  if (content.value === null) return { layer: layer({}), problems };
  if (!isMap(document.contents)) {
    return unreadable(
      at(0),
      'must hold settings, each on a line of its own such as "follow: true"',
    );
  }
  return { layer: layer(content.value as Record<string, unknown>), problems };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // the only thing that a fatal decoder throws for
  }
}

/** An unknown tag is only a warning to the parser, but it means that a value is not what its author thinks. */
function syntaxProblems(document: Document.Parsed, at: (offset: number) => string): Problem[] {
  return [...document.errors, ...document.warnings]
    .slice(0, SYNTAX_PROBLEMS_MAX)
    .map(({ code, message, pos }) => ({ where: at(pos[0]), message: plainMessage(code, message) }));
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

/** What the parser repeats of the file, which may be a password, stands behind a colon at the end. */
function withoutSource(message: string): string {
  return message.replace(/(?<=\S): .*/s, '');
}

type Plain =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

function toPlain(document: Document.Parsed): Plain {
  try {
    return { ok: true, value: document.toJS({ maxAliasCount: ALIASES_MAX }) };
  } catch (error) {
    // an alias without its anchor, or too many of them: known only when values are put together
    const reason = error instanceof Error ? error.message : String(error);
    const message = reason.startsWith('Unresolved alias')
      ? 'a value that begins with "*" is an alias to YAML; put it in quotes'
      : `not valid YAML: ${escapeControl(withoutSource(reason))}`;
    return { ok: false, message };
  }
}

/** Offset of the key (or list item) that a path names, or of the nearest one above it. */
function offsetOf(document: Document.Parsed, path: SettingPath): number {
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

/** `fields.node`, `paths[0]`, as YAML tools write paths. */
function pathText(path: SettingPath): string {
  const text = path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('');
  return escapeControl(text.replace(/^\./, ''));
}

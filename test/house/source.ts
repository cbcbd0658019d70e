/**
 * TypeScript source as the house tests read it: code apart from comments, and the contents of strings blanked, so
 * that a rule never trips over words that are only text. It is a scanner, not a parser, and needs no compiler:
 * TypeScript 7 has no stable programming interface. It expects source that compiles.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export interface Source {
  /** Path below the project's folder, with `/`. */
  readonly path: string;
  readonly text: string;
  /** As long as `text`, line for line; comments and the insides of strings, templates and regexes are blanks. */
  readonly code: string;
  /** As long as `text`; everything but the comments is blank. */
  readonly comments: string;
}

export function sourceOf(path: string, text: string): Source {
  const pieces = scan(text);
  return {
    path,
    text,
    code: masked(text, pieces, (kind) => kind === 'comment' || kind === 'literal'),
    comments: masked(text, pieces, (kind) => kind !== 'comment'),
  };
}

/** Every TypeScript file below the given folders of the project, sorted. Folders that do not exist have none. */
export function sourcesBelow(root: string, folders: readonly string[]): readonly Source[] {
  return folders
    .flatMap((folder) => typescriptFiles(join(root, folder)))
    .sort()
    .map((file) => sourceOf(relative(root, file).split(sep).join('/'), readFileSync(file, 'utf8')));
}

function typescriptFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The 1-based number of the line that holds `index`. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) {
    line += 1;
  }
  return line;
}

type Kind = 'code' | 'comment' | 'literal';

interface Piece {
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
}

function masked(text: string, pieces: readonly Piece[], hides: (kind: Kind) => boolean): string {
  return pieces
    .map(({ kind, start, end }) => {
      const piece = text.slice(start, end);
      return hides(kind) ? piece.replace(/[^\n]/g, ' ') : piece;
    })
    .join('');
}

/** What can begin at a place in code, besides code. Sticky: each is tried just there. */
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y;
const REGEX = /\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//y;
/** The text of a template up to its end or to the next `${`. */
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;

/** A slash behind one of these begins a regular expression; behind anything else it divides. */
const BEFORE_REGEX =
  /(?:[([{,;=:!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of|yield|await|void))\s*$/;
/** Far enough back to see the longest word of BEFORE_REGEX behind some blanks. */
const LOOK_BACK = 80;

function matchAt(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0];
}

/** Cuts the text into pieces that lie side by side. The quotes of a literal count as code, its inside does not. */
function scan(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  /** For each template that is open: how many braces are open inside its `${`. */
  const templates: number[] = [];
  let at = 0;
  let codeStart = 0;
  const add = (kind: Kind, start: number, end: number): void => {
    if (start > codeStart) pieces.push({ kind: 'code', start: codeStart, end: start });
    if (end > start) pieces.push({ kind, start, end });
    codeStart = end;
    at = end;
  };
  const templateText = (start: number): void => {
    add('literal', start, start + (matchAt(TEMPLATE_TEXT, text, start) ?? '').length);
    if (text.startsWith('${', at)) templates.push(0);
    at += text.startsWith('${', at) ? 2 : 1;
  };
  // One flat loop over the characters: each begins a piece of its own, counts a brace, or is plain code.
  while (at < text.length) {
    const char = text.charAt(at);
    const comment = char === '/' ? matchAt(COMMENT, text, at) : undefined;
    const literal =
      comment === undefined ? literalAt(text, at, char, pieces, codeStart) : undefined;
    const depth = templates.at(-1);
    if (comment !== undefined) add('comment', at, at + comment.length);
    else if (literal !== undefined) {
      add('literal', at + 1, at + literal.length - 1);
      at += 1;
    } else if (char === '`') templateText(at + 1);
    else if (char === '}' && depth === 0) {
      templates.pop();
      templateText(at + 1);
    } else {
      if (depth !== undefined && char === '{') templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && char === '}') templates[templates.length - 1] = depth - 1;
      at += 1;
    }
  }
  add('code', text.length, text.length);
  return pieces;
}

/** The string or regular expression, with its quotes or slashes, that begins here. */
function literalAt(
  text: string,
  at: number,
  char: string,
  pieces: readonly Piece[],
  codeStart: number,
): string | undefined {
  if (char === "'" || char === '"') return matchAt(STRING, text, at);
  if (char !== '/') return undefined;
  const before = text.slice(Math.max(codeStart, at - LOOK_BACK), at);
  const onlyComments = before.trim() === '' && pieces.at(-1)?.kind !== 'literal';
  return onlyComments || BEFORE_REGEX.test(before) ? matchAt(REGEX, text, at) : undefined;
}

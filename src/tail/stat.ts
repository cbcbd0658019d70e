/**
 * A look at a path that may well not be there. Knows nothing of why somebody looks.
 */
import { lstatSync, statSync, type Stats } from 'node:fs';

/** What is at the path, symbolic links followed; undefined when nothing can be seen there, for whatever reason. */
export function statOrUndefined(path: string): Stats | undefined {
  return lookWith(statSync, path);
}

/** The same, of a symbolic link itself. */
export function lstatOrUndefined(path: string): Stats | undefined {
  return lookWith(lstatSync, path);
}

function lookWith(look: typeof statSync, path: string): Stats | undefined {
  try {
    return look(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

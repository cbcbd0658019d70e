/**
 * A look at a path that may well not be there. Knows nothing of why somebody looks.
 */
import { statSync, type Stats } from 'node:fs';

/** What is at the path, symbolic links followed; undefined when nothing can be seen there, for whatever reason. */
export function statOrUndefined(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

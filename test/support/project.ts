/**
 * Where the project lies, seen from a compiled test: the nearest folder above whose package.json is ours.
 * Knows nothing of what is in it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const NAME = 'audit-shipper';

function isProject(folder: string): boolean {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return false;
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return (
    typeof content === 'object' && content !== null && 'name' in content && content.name === NAME
  );
}

/** The absolute path of the project's folder. Throws when no folder above this file is the project. */
export function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!isProject(folder)) {
    const above = dirname(folder);
    if (above === folder) {
      throw new Error(`no folder above ${import.meta.dirname} holds the package.json of ${NAME}`);
    }
    folder = above;
  }
  return folder;
}

/** Real audit events beside the checkout. They are not part of the project: tests that need them skip without. */
export function sharedData(): string | undefined {
  const folder = join(projectRoot(), '..', 'shared', 'data');
  return existsSync(folder) ? folder : undefined;
}

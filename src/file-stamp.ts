/** Notices that a file is another one, or was written, without reading it. */
import { statSync } from 'node:fs';

/** Kubernetes replaces the files of a Secret by turning a symbolic link: the inode behind it is another one then. */
export function stampOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs } = statSync(path);
    return `${dev}:${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : '-';
  }
}

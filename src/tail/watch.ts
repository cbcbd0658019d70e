/**
 * Hears of changes in a directory, and in a file behind a symbolic link, through fs.watch. Only hints come out of
 * it; when the system refuses to watch, the caller polls.
 */
import { watch, type FSWatcher } from 'node:fs';

/** `files`: something appeared, vanished or was renamed. `data`: bytes were written. */
export type Hint = 'files' | 'data';

export interface WatchListener {
  readonly onHint: (hint: Hint, name: string | undefined) => void;
  readonly onError: (error: unknown) => void;
}

export interface Watch {
  close(): void;
}

/**
 * Watches a directory (its entries and writes to them) or a single file. One watch on the directory lets the
 * kernel merge the writes of a burst into one event, which a second watch on the file itself would prevent.
 * @returns undefined when the system refuses (EACCES, ENOENT, ENOSPC), which goes to onError.
 */
export function watchPath(path: string, listener: WatchListener): Watch | undefined {
  try {
    const watcher: FSWatcher = watch(path, { persistent: false });
    watcher.on('change', (event, name) => {
      const hint = event === 'rename' ? 'files' : 'data';
      listener.onHint(hint, typeof name === 'string' ? name : undefined);
    });
    watcher.on('error', (error) => {
      watcher.close();
      listener.onError(error);
    });
    return watcher;
  } catch (error) {
    listener.onError(error);
    return undefined;
  }
}

/**
 * Hears, through chokidar, of files and directories that come and go, so that discovery looks again soon. It says
 * only that something happened; a slow poll of the caller finds what chokidar missed.
 */
import type { FSWatcher } from 'chokidar';

export class DirectoryWatch {
  readonly #onChange: () => void;
  readonly #onError: (error: unknown) => void;
  readonly #directories = new Set<string>();
  #watcher: FSWatcher | undefined;

  constructor(onChange: () => void, onError: (error: unknown) => void) {
    this.#onChange = onChange;
    this.#onError = onError;
  }

  async open(): Promise<void> {
    // Only a follower needs it: reading once starts faster without.
    const { watch } = await import('chokidar');
    this.#watcher = watch([], {
      ignoreInitial: true,
      depth: 0,
      followSymlinks: false,
      // Thousands of backups need no watch each: the directory's own tells that one came or went.
      ignored: (_path, stats) => stats?.isFile() ?? false,
    });
    this.#watcher.on('raw', (event) => {
      if (event === 'rename') this.#onChange();
    });
    this.#watcher.on('all', () => this.#onChange());
    this.#watcher.on('error', this.#onError);
  }

  /** Watches exactly these directories from now on. */
  set(directories: readonly string[]): void {
    const wanted = new Set(directories);
    const gone = [...this.#directories].filter((directory) => !wanted.has(directory));
    const fresh = directories.filter((directory) => !this.#directories.has(directory));
    for (const directory of gone) this.#directories.delete(directory);
    for (const directory of fresh) this.#directories.add(directory);
    if (gone.length > 0) this.#watcher?.unwatch(gone);
    if (fresh.length > 0) this.#watcher?.add(fresh);
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
  }
}

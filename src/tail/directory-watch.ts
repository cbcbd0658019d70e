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

  /** Watches exactly these directories from now on. To be called again when it is done. */
  async set(directories: readonly string[]): Promise<void> {
    const wanted = new Set(directories);
    const gone = [...this.#directories].filter((directory) => !wanted.has(directory));
    const fresh = directories.filter((directory) => !this.#directories.has(directory));
    for (const directory of gone) this.#directories.delete(directory);
    for (const directory of fresh) this.#directories.add(directory);
    if (gone.length > 0) this.#watcher?.unwatch(gone);
    if (fresh.length === 0) return;
    this.#watcher ??= await this.#open();
    this.#watcher.add(fresh);
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
  }

  /** Chokidar is loaded with the first directory: a follower whose logs are all there has none to watch. */
  async #open(): Promise<FSWatcher> {
    const { watch } = await import('chokidar');
    const watcher = watch([], {
      ignoreInitial: true,
      depth: 0,
      followSymlinks: false,
      // Thousands of backups need no watch each: the directory's own tells that one came or went.
      ignored: (_path, stats) => stats?.isFile() ?? false,
    });
    watcher.on('raw', (event) => {
      if (event === 'rename') this.#onChange();
    });
    watcher.on('all', () => this.#onChange());
    watcher.on('error', this.#onError);
    return watcher;
  }
}

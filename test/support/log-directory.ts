/**
 * A temporary directory of log files, and what rotation does to them, step by step. Knows nothing of who reads.
 */
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Where a directory registers its removal: a test's context, or whoever ends sooner. */
export interface Cleanup {
  after(remove: () => void): void;
}

export class LogDirectory {
  readonly #parent = mkdtempSync(join(tmpdir(), 'audit-shipper-logs-'));
  readonly #away = join(this.#parent, 'away');
  readonly path = join(this.#parent, 'logs');

  /** Everybody may look into it. */
  constructor(cleanup: Cleanup) {
    chmodSync(this.#parent, 0o755);
    mkdirSync(this.path, { mode: 0o755 });
    cleanup.after(() => rmSync(this.#parent, { recursive: true, force: true }));
  }

  /** The path of a file, which need not be there. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes a whole file, in directories that are made when they are missing. Returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = this.file(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  append(name: string, content: string): void {
    appendFileSync(this.file(name), content);
  }

  rename(from: string, to: string): void {
    renameSync(this.file(from), this.file(to));
  }

  remove(name: string): void {
    rmSync(this.file(name), { recursive: true });
  }

  /** As lumberjack's mill: the compressed file is there before the plain one goes. */
  gzip(name: string): void {
    this.write(`${name}.gz`, gzipSync(readFileSync(this.file(name))));
    this.remove(name);
  }

  /** As logrotate's copytruncate: the writer keeps its file, the content moves to a copy. */
  copyTruncate(name: string, copy: string): void {
    copyFileSync(this.file(name), this.file(copy));
    truncateSync(this.file(name));
  }

  /** Nobody but root can read the file any more. */
  hide(name: string): void {
    chmodSync(this.file(name), 0o000);
  }

  show(name: string): void {
    chmodSync(this.file(name), 0o644);
  }

  /** The whole directory goes away, as a mount does. */
  vanish(): void {
    renameSync(this.path, this.#away);
  }

  /** An empty directory is where the whole one was, as a mount point is. */
  makeEmpty(): void {
    mkdirSync(this.path);
  }

  /** The directory is back as it was. */
  comeBack(): void {
    rmSync(this.path, { recursive: true, force: true });
    renameSync(this.#away, this.path);
  }
}

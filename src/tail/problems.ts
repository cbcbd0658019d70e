/**
 * What stands in the way of reading, by path: said once when it appears or changes, and once when it is over.
 * Knows nothing of why somebody wanted the path.
 */
import type { Log } from '../observe/log.ts';

export interface Problem {
  readonly path: string;
  /** The system's code (EACCES, EIO, ENOENT …) or one of our own. */
  readonly code: string;
  readonly message: string;
  /** RFC 3339. */
  readonly since: string;
}

/** What is not read because of it (`hinders`), or only a little later (`slows`). */
export type Harm = 'hinders' | 'slows';

interface Reported extends Problem {
  readonly harm: Harm;
}

/** Beyond it the oldest problem is forgotten: a directory of unreadable files must not fill the memory. */
const MAX_PROBLEMS = 1000;

const ADVICE: Readonly<Record<string, string>> = {
  EACCES:
    'permission denied; run as a user that may read it (kube-apiserver writes mode 0600, owner root)',
  EPERM: 'not permitted; run as a user that may read it',
  EMFILE:
    'too many open files; raise the limit of open files (ulimit -n), or for watching fs.inotify.max_user_instances',
  ENFILE: 'the system has too many open files',
  EIO: 'the disk reports an input/output error; check the disk',
  ENOENT: 'does not exist (yet)',
  ENOSPC: 'the system has no inotify watches left; raise fs.inotify.max_user_watches',
};

export class Problems {
  readonly #log: Log;
  readonly #byPath = new Map<string, Reported>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Reports what failed on a path; says nothing when the same was said before. */
  report(path: string, error: unknown, what: string, harm: Harm = 'hinders'): void {
    const code = errorCode(error);
    if (this.#byPath.get(path)?.code === code) return;
    const message = `${what}: ${ADVICE[code] ?? code}`;
    const oldest = this.#byPath.keys().next();
    if (this.#byPath.size >= MAX_PROBLEMS && oldest.done !== true)
      this.#byPath.delete(oldest.value);
    this.#byPath.set(path, { path, code, message, since: new Date().toISOString(), harm });
    this.#log.warn(message, { path, code });
  }

  /** The path works again, or is gone and of no interest any more. */
  clear(path: string): void {
    const problem = this.#byPath.get(path);
    if (problem === undefined) return;
    this.#byPath.delete(path);
    this.#log.info('problem is over', { path, code: problem.code });
  }

  /** Those of one harm, or all. */
  list(of?: Harm): readonly Problem[] {
    const reported = [...this.#byPath.values()];
    const asked = of === undefined ? reported : reported.filter(({ harm }) => harm === of);
    return asked.map(({ path, code, message, since }) => ({ path, code, message, since }));
  }
}

/** The system's error code, or the error's name when it has none. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The machine that something was measured on, in a line, with the date. */
import { availableParallelism, cpus, release, totalmem } from 'node:os';

/** @param version of the Node that ran it. */
export function machine(version: string): string {
  const cores = `${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? 'unknown'}`;
  const total = `${(totalmem() / 1e9).toFixed(0)} GB`;
  const date = new Date().toISOString().slice(0, 10);
  return `Node ${version}, ${cores}, ${total}, Linux ${release()}, ${date}`;
}

/** Whether Prometheus is on this machine, and its promtool, which needs no server. Knows nothing of what it is asked. */
import { execFile, execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

/** False, and the test is marked as skipped, where Prometheus is not; in CI that is an error instead. */
export function hasPrometheus(t: TestContext): boolean {
  try {
    for (const program of ['promtool', 'prometheus']) {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
    }
    return true;
  } catch (error) {
    const advice = "alerts are tried with Prometheus and its promtool: install Debian's prometheus";
    if (process.env['CI'] !== undefined) throw new Error(advice, { cause: error });
    t.skip(advice);
    return false;
  }
}

export interface Said {
  readonly isGood: boolean;
  /** Of both its outputs. */
  readonly text: string;
}

export async function promtool(args: readonly string[], input = ''): Promise<Said> {
  const running = promisify(execFile)('promtool', [...args]);
  running.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await running;
    return { isGood: true, text: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    return { isGood: false, text: stdout + stderr };
  }
}

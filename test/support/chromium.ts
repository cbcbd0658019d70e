/**
 * The Chromium of this machine, without a window, and the rules of axe-core for what is accessible. Knows nothing of the
 * pages that are looked at.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import { launch, type Browser, type Page } from 'puppeteer-core';

/** As distributions name it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * The path of the program. Undefined, with a notice on stderr, where there is none; in CI (the variable `CI` is set)
 * that is an error instead.
 */
export function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isProgram);
  if (found !== undefined) return found;
  const advice = 'the status page is looked at with Chromium: install chromium';
  if (process.env['CI'] !== undefined) throw new Error(advice);
  process.stderr.write(`NOTICE: tests in a browser are skipped; ${advice}\n`);
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or nothing to execute: the next name may be
  }
}

/** Its sandbox refuses to work for root; /dev/shm is small in many containers. */
export async function startChromium(executablePath: string): Promise<Browser> {
  const rights = process.geteuid?.() === 0 ? ['--no-sandbox'] : [];
  return launch({ executablePath, args: [...rights, '--disable-dev-shm-usage'] });
}

/** What an expression is in the page. Text, for the types of a browser are not those of Node. */
export async function inPage<T>(page: Page, expression: string): Promise<T> {
  return (await page.evaluate(expression)) as T;
}

/** What axe-core finds wrong, or cannot judge: a line each, with the rule and the first place. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations, incomplete } = await inPage<axe.AxeResults>(page, 'axe.run()');
  return [...violations, ...incomplete].map(({ id, help, nodes }) => {
    return `${id}: ${help}: ${nodes[0]?.html ?? ''}`;
  });
}

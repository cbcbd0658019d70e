/**
 * How the status page looks and how it stays fresh: a style, a script, and the policy that lets a browser use these two
 * and nothing else. Plain texts; what stands on the page, page.ts knows.
 */
import { createHash } from 'node:crypto';

/** How often the page is made anew. */
export const REFRESH_SECONDS = 5;

/** Readable on a phone, in the dark, and without colours. No text below 14 px; contrast of 4.5 to 1 and more. */
export const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
  --ink: #1b1f24; --quiet: #57606a; --paper: #fff; --card: #f4f6f8; --line: #d0d7de; --link: #0550ae;
  --good: #1a7f37; --warn: #9a6700; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e6edf3; --quiet: #9da7b1; --paper: #0f1419; --card: #182028; --line: #303a44; --link: #79b8ff;
  --good: #4ac26b; --warn: #e3b341; --bad: #ff8078 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: var(--ink); background: var(--paper); overflow-wrap: anywhere }
h1 { font-size: 1.25rem; margin: 0 } h2 { font-size: 1.125rem; margin: 0 0 .5rem } p { margin: 0 }
a { color: var(--link) } ul, ol { margin: 0; padding: 0; list-style: none }
section { margin-top: 2rem } footer { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: .75rem }
.quiet, caption, thead th, dt, footer { color: var(--quiet); font-size: .875rem; font-weight: 400 }
header, .said { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline }
.verdict { margin-top: 1rem; padding: .75rem 1rem; background: var(--card); border-left: .375rem solid; border-radius: .25rem }
.verdict h2 { font-size: .875rem; font-weight: 400; color: var(--quiet); margin: 0 }
.headline { font-size: 1.5rem; line-height: 1.3; font-weight: 600 } .verdict li { margin-top: .25rem }
.good { border-color: var(--good) } .good .headline, .well { color: var(--good) }
.warn { border-color: var(--warn) } .warn .headline { color: var(--warn) }
.bad { border-color: var(--bad) } .bad .headline, .alarm, .error { color: var(--bad) }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem 1rem; margin: 0 }
dd { margin: 0; font-variant-numeric: tabular-nums }
table { border-collapse: collapse; width: 100%; margin-top: .75rem; font-variant-numeric: tabular-nums }
caption { text-align: left } th, td { padding: .375rem 0 .375rem .75rem; text-align: right; vertical-align: top; white-space: nowrap }
td { min-width: 6rem }
tr > :first-child { padding-left: 0; text-align: left; white-space: pre-wrap; width: 100% } tbody th { font-weight: 400 }
tbody tr { border-top: 1px solid var(--line) } .text { white-space: pre-wrap }
.list > li { padding: .375rem 0; border-top: 1px solid var(--line) }
time { white-space: nowrap } [hidden] { display: none }
@media (max-width: 30rem) { .size { display: none } td { min-width: 0 } }`;

/**
 * Brings what is shown in step with what the agent says now, and leaves the rest alone: focus, selection, scrolling and
 * the place of a screen reader stay where they are. What comes and goes is known by its key. When nobody answers, that is
 * said, and asked again. Nobody who does not look is served.
 */
export const SCRIPT = `
const isSame = (one, other) => one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;
const find = (node, wanted) => {
  const isKeyed = wanted.dataset?.key !== undefined;
  while (isKeyed && node !== null && !isSame(node, wanted)) node = node.nextSibling;
  return node !== null && isSame(node, wanted) ? node : undefined;
};
const patch = (shown, wanted) => {
  if (shown.nodeType !== Node.ELEMENT_NODE) {
    if (shown.data !== wanted.data) shown.data = wanted.data;
    return;
  }
  for (const { name } of [...shown.attributes]) if (!wanted.hasAttribute(name)) shown.removeAttribute(name);
  for (const { name, value } of wanted.attributes)
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  let next = shown.firstChild;
  const dropUpTo = (end) => {
    while (next !== end) {
      const over = next;
      next = next.nextSibling;
      over.remove();
    }
  };
  for (const child of [...wanted.childNodes]) {
    const known = find(next, child);
    if (known === undefined) shown.insertBefore(child, next);
    else {
      dropUpTo(known);
      next = known.nextSibling;
      patch(known, child);
    }
  }
  dropUpTo(null);
};
const refresh = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(${REFRESH_SECONDS}000) });
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const isOther = fresh.documentElement.dataset.version !== document.documentElement.dataset.version;
    if (isOther) return location.reload();
    document.title = fresh.title;
    patch(document.body, fresh.body);
  } catch {
    document.getElementById('silence').hidden = false;
  }
};
setInterval(refresh, ${REFRESH_SECONDS}000);
document.addEventListener('visibilitychange', refresh);
`;

/** Nothing from elsewhere, no other style or script, in nobody's frame; and the page may ask for itself. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "connect-src 'self'",
].join('; ');

/** What stands between the tags of an element, as a policy names it. */
function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

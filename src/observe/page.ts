/**
 * The status page: the agent at a glance, for a person with a port-forward. One document without scripts and without
 * anything from elsewhere; it loads itself anew. Pure. Paths and messages are text that others chose: all of it is escaped.
 */
import { count, size, span } from './amounts.ts';
import { reasonsDead, reasonsUnready, remarks } from './health.ts';
import type { LogVitals, Vitals } from './vitals.ts';

const REFRESH_SECONDS = 5;

/** Readable on a phone, in the dark, and without colours. */
const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 70rem; padding: 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; overflow-wrap: anywhere }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8888; padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere } .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.verdict { border-left: .4rem solid #2a7d2a; padding: .25rem .75rem } .bad { border-color: #c62828 }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .5rem 1rem; margin: 0 }
dt { font-size: .85rem; opacity: .8 } dd { margin: 0; font-variant-numeric: tabular-nums }
time { white-space: nowrap }`;

export function statusPage(vitals: Vitals): string {
  const { version, time, started, logs } = vitals;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>audit-shipper</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>audit-shipper ${escape(version)}</h1>
${verdict(vitals)}
${sums(vitals)}
${logs.map(logSection).join('\n')}
${upstreams(vitals)}
${said(vitals)}
</main>
<footer><p>As of <time>${escape(time)}</time>, every ${REFRESH_SECONDS} seconds anew. Running since <time>${escape(started)}</time>.
<a href="/metrics">Metrics</a></p></footer>
</body>
</html>
`;
}

/** The characters that HTML gives a meaning, and those that a browser would not show. */
export function escape(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex
    /[&<>"'\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => ENTITIES[character] ?? '\ufffd',
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function verdict(vitals: Vitals): string {
  const bad = [...reasonsDead(vitals), ...reasonsUnready(vitals), ...remarks(vitals)];
  const behind = vitals.logs.reduce((sum, { lagBytes }) => sum + lagBytes, 0);
  const well =
    behind === 0 ? 'Everything on disk is delivered.' : `Delivering: ${size(behind)} to go.`;
  const lines = bad.length === 0 ? [well] : bad;
  const kind = bad.length === 0 ? 'verdict' : 'verdict bad';
  return `<div class="${kind}" role="status">${lines.map((line) => `<p>${escape(line)}</p>`).join('')}</div>`;
}

function sums({ sums: all, inFlightChunks, checkpoint }: Vitals): string {
  const lost = Object.values(all.lostBytes).reduce((sum, bytes) => sum + bytes, 0);
  const facts = [
    ['Events delivered', count(all.deliveredEvents)],
    ['Bytes delivered', size(all.deliveredBytes)],
    ['Bytes lost', size(lost)],
    ['Dead letters', count(all.deadLetterEvents)],
    ['Chunks in flight', count(inFlightChunks)],
    ['Checkpoint', checkpoint === undefined ? 'none' : `${span(checkpoint.ageSeconds)} old`],
  ] as const;
  const items = facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return `<h2>Since the start</h2>\n<dl>${items.join('')}</dl>`;
}

function logSection(log: LogVitals): string {
  const { path, lagBytes, lagSeconds, bytesPerSecond, secondsToLoss, heldDeletedBytes } = log;
  const facts = [
    [
      'Lag',
      lagBytes === 0
        ? 'none'
        : `${size(lagBytes)}${lagSeconds === undefined ? '' : `, ${span(lagSeconds)}`}`,
    ],
    ['Written', bytesPerSecond === undefined ? 'not known yet' : `${size(bytesPerSecond)}/s`],
    ['Time to loss', timeToLoss(secondsToLoss)],
    ['Held of deleted files', size(heldDeletedBytes)],
  ] as const;
  const items = facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`);
  const rows = log.files.map(
    (file) =>
      `<tr><td>${escape(file.path)}</td><td class="n">${count(file.sizeBytes)}</td>` +
      `<td class="n">${count(file.offset)}</td><td class="n">${count(Math.max(0, file.sizeBytes - file.offset))}</td></tr>`,
  );
  const others =
    log.otherFiles === 0 ? '' : `<p>And ${count(log.otherFiles)} that are delivered.</p>`;
  return `<section aria-label="${escape(path)}"><h2>${escape(path)}</h2>
<dl>${items.join('')}</dl>
<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">File</th><th scope="col" class="n">Bytes</th><th scope="col" class="n">Delivered</th><th scope="col" class="n">Lag</th></tr></thead>
<tbody>${rows.join('')}</tbody>
</table></div>${others}</section>`;
}

function timeToLoss(seconds: number | undefined): string {
  if (seconds === undefined) return 'not known yet';
  return Number.isFinite(seconds) ? span(seconds) : 'never, nothing is written';
}

function upstreams({ upstreams: all }: Vitals): string {
  if (all.length === 0) return '';
  const items = all.map(({ name, isUp }) => `<li>${escape(name)}: ${isUp ? 'up' : 'down'}</li>`);
  return `<h2>Receivers</h2>\n<ul>${items.join('')}</ul>`;
}

function said({ said: lines }: Vitals): string {
  if (lines.length === 0) return '';
  const items = lines
    .toReversed()
    .map(
      ({ time, level, text }) =>
        `<li><time>${escape(time)}</time> ${escape(level)}: ${escape(text)}</li>`,
    );
  return `<h2>Warnings and errors of late</h2>\n<ul>${items.join('')}</ul>`;
}

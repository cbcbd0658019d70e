/**
 * The status page: the agent at a glance, for a person with a port-forward, the worst news first. One document without
 * anything from elsewhere, which stays fresh by itself. Pure. Paths and messages are text that others chose: all of it is
 * escaped, and what is not seen is made visible.
 */
import { count, size, span } from './amounts.ts';
import { REFRESH_SECONDS, SCRIPT, STYLE } from './page-assets.ts';
import { escapeControl } from './terminal.ts';
import { sumOf, verdictOf, type Verdict } from './verdict.ts';
import type { FileVitals, LogVitals, Said, Vitals } from './vitals.ts';

const MS_PER_SECOND = 1000;

/** What the query of the page's address says. */
export const PAUSED = 'paused';

export interface PageOptions {
  /** It stays as it is: for whoever reads slowly, or copies from it. */
  readonly isPaused?: boolean;
}

export function statusPage(vitals: Vitals, { isPaused = false }: PageOptions = {}): string {
  const verdict = verdictOf(vitals);
  return `<!doctype html>
<html lang="en" data-version="${escape(vitals.version)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${TITLES[verdict.level]} – audit-shipper</title>
<style>${STYLE}</style>
${isPaused ? '' : refreshing()}
</head>
<body>
${header(vitals)}
<main>
${silence(vitals)}
${verdictSection(verdict)}
${vitals.logs.map(logSection).join('')}
${receivers(vitals)}
${said(vitals)}
${sums(vitals)}
</main>
${footer(vitals, isPaused)}
</body>
</html>
`;
}

/** One word, for a tab among others. */
const TITLES: Readonly<Record<Verdict['level'], string>> = {
  bad: 'At risk',
  warn: 'Look',
  good: 'Well',
};

/** Where there are no scripts, the browser loads the page anew. */
function refreshing(): string {
  return `<script>${SCRIPT}</script>
<noscript><meta http-equiv="refresh" content="${REFRESH_SECONDS}"></noscript>`;
}

/** What is not seen is made visible, and what HTML gives a meaning is a character. */
export function escape(text: string): string {
  return escapeControl(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function header({ version, time, started }: Vitals): string {
  const seconds = (Date.parse(time) - Date.parse(started)) / MS_PER_SECOND;
  return `<header><h1>audit-shipper</h1>
<p class="quiet">Version ${escape(version)}, running for ${span(seconds)}</p></header>`;
}

/** Shown when nobody answers any more. */
function silence({ time }: Vitals): string {
  return `<p id="silence" class="verdict bad" role="alert" hidden>The agent does not answer. What follows is of ${instant(time)}.</p>`;
}

/** Only the headline is told to who listens: numbers change all the time. */
function verdictSection({ level, headline, reasons }: Verdict): string {
  return `<section class="verdict ${level}" aria-labelledby="verdict"><h2 id="verdict">Is anything at risk?</h2>
<p class="headline" role="status">${headline}</p>
<ul>${reasons.map((reason) => `<li class="text">${escape(reason)}</li>`).join('')}</ul></section>`;
}

function logSection(log: LogVitals, index: number): string {
  const { path, files, otherFiles } = log;
  const id = `log-${index + 1}`;
  const others = otherFiles === 0 ? '' : `<p class="quiet">And ${count(otherFiles)} more.</p>`;
  return `<section aria-labelledby="${id}" data-key="${escape(path)}"><h2 id="${id}" class="text">${escape(path)}</h2>
${facts(factsOf(log))}
<table><caption>Files, the oldest first</caption>
<thead><tr><th scope="col">File</th><th scope="col" class="size">Size</th><th scope="col">Delivered</th><th scope="col">To go</th></tr></thead>
<tbody>${files.map((file) => fileRow(file, path)).join('')}</tbody></table>${others}</section>`;
}

type Fact = readonly [name: string, value: string];

function facts(all: readonly Fact[]): string {
  return `<dl>${all.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>`;
}

function factsOf(log: LogVitals): readonly Fact[] {
  const { lagBytes, lagSeconds, bytesPerSecond, secondsToLoss, heldDeletedBytes } = log;
  const since = lagSeconds === undefined || lagBytes === 0 ? 'none' : span(lagSeconds);
  return [
    ['Not delivered', lagBytes === 0 ? 'nothing' : amount(lagBytes)],
    ['Behind', since],
    ['Time to loss', timeToLoss(secondsToLoss)],
    ['Written', bytesPerSecond === undefined ? 'not known yet' : `${size(bytesPerSecond)}/s`],
    ['Held of deleted files', heldDeletedBytes === 0 ? 'nothing' : amount(heldDeletedBytes)],
  ];
}

function timeToLoss(seconds: number | undefined): string {
  if (seconds === undefined) return 'not known yet';
  return Number.isFinite(seconds) ? span(seconds) : 'no end, nothing is written';
}

/** Short, and exact for who wants it. */
function amount(bytes: number): string {
  return `<data value="${bytes}" title="${count(bytes)} bytes">${size(bytes)}</data>`;
}

function fileRow({ path, sizeBytes, offset, isDeleted }: FileVitals, log: string): string {
  const name = escape(nameBeside(log, path));
  const note = isDeleted ? ' <span class="alarm">deleted, held</span>' : '';
  const cells = [
    `<td class="size">${amount(sizeBytes)}</td>`,
    `<td>${amount(offset)}</td>`,
    `<td>${amount(Math.max(0, sizeBytes - offset))}</td>`,
  ];
  return `<tr data-key="${escape(path)}"><th scope="row">${name}${note}</th>${cells.join('')}</tr>`;
}

/** A backup stands in the directory of its log, whose path is the heading. */
function nameBeside(log: string, path: string): string {
  const directory = log.slice(0, log.lastIndexOf('/') + 1);
  return path.startsWith(directory) ? path.slice(directory.length) : path;
}

function receivers({ upstreams }: Vitals): string {
  if (upstreams.length === 0) return '';
  const items = upstreams.map(({ name, isUp }) => {
    const state = isUp ? '<span class="well">up</span>' : '<span class="alarm">down</span>';
    return `<li data-key="${escape(name)}">${escape(name)}: ${state}</li>`;
  });
  return section('receivers', 'Receivers', `<ul class="list">${items.join('')}</ul>`);
}

function said({ said: lines }: Vitals): string {
  if (lines.length === 0) return '';
  const items = lines.toReversed().map(saidItem);
  return section('said', 'Warnings and errors of late', `<ol class="list">${items.join('')}</ol>`);
}

function saidItem({ time, level, text }: Said): string {
  return `<li data-key="${escape(`${time} ${text}`)}"><div class="said"><b class="${escape(level)}">${escape(level)}</b><span class="quiet">${instant(time)}</span></div><div class="text">${escape(text)}</div></li>`;
}

function sums({ sums: all, inFlightChunks, checkpoint }: Vitals): string {
  const list = facts([
    ['Events delivered', count(all.deliveredEvents)],
    ['Bytes delivered', amount(all.deliveredBytes)],
    ['Bytes lost', amount(sumOf(all.lostBytes))],
    ['Dead letters', count(all.deadLetterEvents)],
    ['Chunks in flight', count(inFlightChunks)],
    ['Checkpoint', checkpoint === undefined ? 'none' : `${span(checkpoint.ageSeconds)} old`],
  ]);
  return section('sums', 'Since the start', list);
}

function section(id: string, heading: string, content: string): string {
  return `<section aria-labelledby="${id}" data-key="${id}"><h2 id="${id}">${heading}</h2>
${content}</section>`;
}

function footer({ time, started }: Vitals, isPaused: boolean): string {
  const how = isPaused
    ? '<a href="./">Refresh again</a>'
    : `Every ${REFRESH_SECONDS} seconds anew. <a href="?${PAUSED}">Pause</a>`;
  return `<footer><p>As of ${instant(time)}. ${how}</p>
<p>Running since ${instant(started)}. <a href="metrics">Metrics</a></p></footer>`;
}

/** `2026-03-04 05:06:07 UTC` */
function instant(time: string): string {
  const text = time.replace(/^([\d-]+)T([\d:]+)(?:\.\d+)?Z$/, '$1 $2 UTC');
  return `<time datetime="${escape(time)}">${escape(text)}</time>`;
}

/**
 * The status page as a person has it, in a browser: readable on a phone and in the dark, for eyes and for a screen reader,
 * fresh without losing anybody's place, and with nothing from elsewhere, whatever names others have chosen.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { Browser, Page } from 'puppeteer-core';
import { PAGE_POLICY } from '../../src/observe/page-assets.ts';
import { Metrics, METRICS_TYPE } from '../../src/observe/metrics.ts';
import { StatusServer } from '../../src/observe/server.ts';
import type { Said, Vitals } from '../../src/observe/vitals.ts';
import { Workplace } from '../support/agent.ts';
import { LOG } from '../support/blocks.ts';
import { accessibilityProblems, findChromium, inPage, startChromium } from '../support/chromium.ts';
import { ForwardServer } from '../support/forward-server.ts';
import { eventsOf } from '../support/numbered-events.ts';
import { addressOf, LISTEN } from '../support/scrape.ts';
import { until } from '../support/until.ts';
import { LOG_VITALS, SUMS, vitalsOf } from '../support/vitals.ts';

const chromium = findChromium();
const skip = chromium === undefined && 'Chromium is not installed';

/** A small phone, and a screen. */
const WIDTHS = [360, 1280];
const SCHEMES = ['light', 'dark'];
const HEIGHT = 720;
/** Most of them wait. */
const PAGES_AT_ONCE = 3;
/** Smaller text tires. */
const FONT_PX_MIN = 14;

/** A directory, a directory in it, and a file: together what a browser would run, a terminal obey, and a reader misread. */
const HOSTILE =
  'logs<script>document.title="owned"</script>/<img src=x onerror=alert(1)>\u001b[31m\u202egol.log';
const HOSTILE_SEEN = HOSTILE.replace('\u001b', '\\x1b').replace('\u202e', '\\u202e');

let browser: Browser | undefined;
before(async () => {
  if (chromium !== undefined) browser = await startChromium(chromium);
});
after(async () => browser?.close());

interface Visit {
  readonly page: Page;
  /** The addresses of all that was asked for. */
  readonly requests: readonly string[];
  /** What the browser complained of. */
  readonly complaints: readonly string[];
}

interface Eyes {
  readonly width?: number;
  readonly scheme?: string;
}

interface VisitOptions extends Eyes {
  readonly scripts?: boolean;
}

/** The screen, and the wish for light or dark. */
async function setScreen(page: Page, { width = 1280, scheme = 'light' }: Eyes): Promise<void> {
  await page.setViewport({ width, height: HEIGHT });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
}

/** Opens the page, and hears what becomes of it. */
async function visit(t: TestContext, address: string, options: VisitOptions = {}): Promise<Visit> {
  assert.ok(browser);
  const context = await browser.createBrowserContext();
  t.after(async () => context.close());
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => complaints.push(dialog.message()));
  await page.setJavaScriptEnabled(options.scripts ?? true);
  await setScreen(page, options);
  const response = await page.goto(address);
  assert.match(String(response?.headers()['content-security-policy']), /^default-src 'none'; /);
  assert.ok(response?.headers()['content-security-policy']?.startsWith(PAGE_POLICY));
  return { page, requests, complaints };
}

/** The page as it is asked for every few seconds, now. */
async function refresh(page: Page): Promise<void> {
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
}

async function textOf(page: Page): Promise<string> {
  return inPage(page, 'document.body.innerText');
}

/** Fits the width, and no text is too small. */
async function assertReadable(page: Page): Promise<void> {
  const { wide, small } = await inPage<{ wide: string[]; small: string[] }>(
    page,
    `(() => {
      const wide = [...document.querySelectorAll('*')].filter((element) =>
        element.getBoundingClientRect().right > document.documentElement.clientWidth);
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const small = [];
      while (texts.nextNode()) {
        const { parentElement, data } = texts.currentNode;
        const size = parseFloat(getComputedStyle(parentElement).fontSize);
        if (data.trim() !== '' && size < ${FONT_PX_MIN}) small.push(data + ' ' + size);
      }
      if (document.documentElement.scrollWidth > innerWidth) wide.push(document.documentElement);
      return { wide: wide.map(({ outerHTML }) => outerHTML.slice(0, 80)), small };
    })()`,
  );
  assert.deepEqual({ wide, small }, { wide: [], small: [] });
}

/** What a screen reader goes by. */
async function assertStructured(page: Page): Promise<void> {
  const found = await inPage<Record<string, unknown>>(
    page,
    `({
      lang: document.documentElement.lang,
      landmarks: ['header', 'main', 'footer'].map((name) => document.querySelectorAll('body > ' + name).length),
      titles: document.querySelectorAll('h1').length,
      untitled: [...document.querySelectorAll('section')].filter((section) =>
        document.getElementById(section.getAttribute('aria-labelledby'))?.tagName !== 'H2').length,
      uncaptioned: [...document.querySelectorAll('table')].filter(({ caption }) => caption === null).length,
      unscoped: document.querySelectorAll('th:not([scope])').length,
      rows: document.querySelectorAll('tbody tr').length - document.querySelectorAll('tbody th[scope=row]').length,
    })`,
  );
  const expected = { untitled: 0, uncaptioned: 0, unscoped: 0, rows: 0 };
  assert.deepEqual(found, { lang: 'en', landmarks: [1, 1, 1], titles: 1, ...expected });
}

async function serve(t: TestContext, look: () => Vitals) {
  const server = new StatusServer({ look, metrics: new Metrics(), metricsType: METRICS_TYPE });
  const bound = await server.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => server.close());
  return { server, address: `http://${bound}/`, port: Number(new URL(`http://${bound}`).port) };
}

const NOW = '2026-03-04T05:06:07.000Z';
const BACKUP = LOG.replace('.log', '-2026-03-04T05-06-07.089.log.gz');
const BEHIND = {
  ...LOG_VITALS,
  lagBytes: 5e8,
  lagSeconds: 4000,
  namelessBytes: 1e8,
  bytesPerSecond: 3e5,
  secondsToLoss: 300,
  heldDeletedBytes: 1e8,
  files: [
    { path: BACKUP, sizeBytes: 1e8, offset: 1e7, isDeleted: true },
    { path: LOG, sizeBytes: 4e8, offset: 0, isDeleted: false },
  ],
  otherFiles: 7,
};
const UPSTREAMS = [
  { name: 'fluentd-0.logging.svc.cluster.local:24224', isUp: false },
  { name: 'fluentd-1.logging.svc.cluster.local:24224', isUp: true },
];
const STATES: Readonly<Record<string, Vitals>> = {
  well: vitalsOf({ upstreams: UPSTREAMS.slice(1) }),
  'to be looked at': vitalsOf({ logs: [BEHIND], upstreams: UPSTREAMS }),
  'at risk': vitalsOf({
    logs: [
      { ...BEHIND, isAtRisk: true },
      { ...LOG_VITALS, path: '/var/log/another.log' },
    ],
    sums: { ...SUMS, lostBytes: { deleted: 3e6 }, losses: { deleted: 2 } },
    upstreams: UPSTREAMS,
    said: [
      { time: NOW, level: 'warn', text: 'a receiver is down receiver=fluentd-0.logging.svc:24224' },
      { time: NOW, level: 'error', text: `lost: 3000000 bytes path=${BACKUP} ${'x'.repeat(200)}` },
    ],
  }),
};

describe('the status page in a browser', { skip, concurrency: PAGES_AT_ONCE }, () => {
  for (const [state, vitals] of Object.entries(STATES)) {
    it(`of an agent that is ${state} is readable on every screen, by day and by night`, async (t) => {
      const { address } = await serve(t, () => vitals);
      const { page, complaints } = await visit(t, address);
      for (const scheme of SCHEMES) {
        for (const width of WIDTHS) {
          await setScreen(page, { width, scheme });
          await assertReadable(page);
          assert.deepEqual(await accessibilityProblems(page), [], `${width} px, ${scheme}`);
        }
      }
      await assertStructured(page);
      assert.deepEqual(complaints, []);
    });
  }

  it('has colours of its own by night', async (t) => {
    const { address } = await serve(t, vitalsOf);
    const { page } = await visit(t, address);
    const paper = 'getComputedStyle(document.body).backgroundColor';
    const byDay = await inPage(page, paper);
    await setScreen(page, { scheme: 'dark' });
    assert.notEqual(await inPage(page, paper), byDay);
  });

  it('shows what is new, and leaves everybody where he is', async (t) => {
    const said: Said[] = Array.from({ length: 9 }, (_, index) => {
      return { time: NOW, level: 'warn', text: `warning ${index}` };
    });
    let delivered = 1;
    const { address } = await serve(t, () =>
      vitalsOf({ sums: { ...SUMS, deliveredEvents: delivered }, said, logs: [BEHIND] }),
    );
    const { page, complaints } = await visit(t, address, { width: 360 });
    await page.evaluate(`(() => {
      const items = [...document.querySelectorAll('ol li')];
      window.kept = items.find(({ innerText }) => innerText.includes('warning 7'));
      window.row = document.querySelector('tbody tr');
      document.querySelector('footer a').focus({ preventScroll: true });
      getSelection().selectAllChildren(window.kept);
      scrollTo(0, 300);
    })()`);
    delivered = 7_654_321;
    said.push({ time: NOW, level: 'error', text: 'news' });
    said.shift();
    await refresh(page);
    await until('the news', async () => (await textOf(page)).includes('7,654,321'));
    const text = await textOf(page);
    assert.ok(text.includes('news') && !text.includes('warning 0'));
    assert.deepEqual(
      await inPage(
        page,
        `[kept.isConnected && kept.innerText.includes('warning 7'), row.isConnected,
          getSelection().toString().includes('warning 7'), scrollY, document.activeElement.innerText]`,
      ),
      [true, true, true, 300, 'Pause'],
    );
    assert.deepEqual(complaints, []);
  });

  it('says when nobody answers any more, and when somebody does again', async (t) => {
    const { address, server, port } = await serve(t, vitalsOf);
    const { page } = await visit(t, address);
    const tells = async (): Promise<boolean> => {
      await refresh(page);
      return (await textOf(page)).includes('The agent does not answer.');
    };
    assert.equal(await tells(), false);
    await server.close();
    await until('that it says so', tells);
    const again = new StatusServer({
      look: vitalsOf,
      metrics: new Metrics(),
      metricsType: METRICS_TYPE,
    });
    t.after(async () => again.close());
    await again.listen({ host: '127.0.0.1', port });
    await until('that it says so no more', async () => !(await tells()));
  });

  it('stands still when it is paused', async (t) => {
    const { address } = await serve(t, vitalsOf);
    const { page, requests } = await visit(t, address);
    await Promise.all([page.waitForNavigation(), page.click('footer a')]);
    assert.equal(requests.at(-1), `${address}?paused`);
    const asked = requests.length;
    await refresh(page);
    assert.equal(await inPage(page, 'document.querySelectorAll("script, noscript").length'), 0);
    assert.equal(requests.length, asked);
    await Promise.all([page.waitForNavigation(), page.click('footer a')]);
    assert.equal(page.url(), address);
  });

  it('is loaded anew when the agent is another one', async (t) => {
    let version = '1.2.3';
    const { address } = await serve(t, () => vitalsOf({ version }));
    const { page } = await visit(t, address);
    version = '1.2.4';
    await Promise.all([page.waitForNavigation(), refresh(page)]);
    assert.match(await textOf(page), /Version 1\.2\.4/);
  });

  it('refreshes itself without scripts as well', async (t) => {
    let delivered = 1;
    const { address } = await serve(t, () =>
      vitalsOf({ sums: { ...SUMS, deliveredEvents: delivered } }),
    );
    const { page, complaints } = await visit(t, address, { scripts: false });
    delivered = 7_654_321;
    await page.waitForNavigation();
    assert.match(await page.content(), /7,654,321/);
    assert.deepEqual(complaints, []);
  });

  it('of a running agent shows its logs, receivers and errors, asks nobody else, and takes no name for more', async (t) => {
    const workplace = new Workplace(t);
    const { logs, path } = workplace;
    const receiver = await ForwardServer.start();
    const absent = await ForwardServer.absent();
    t.after(async () => receiver.stop());
    mkdirSync(dirname(logs.file(HOSTILE)), { recursive: true });
    logs.write('audit.log', eventsOf(1, 20));
    logs.write(HOSTILE, eventsOf(101, 110));
    const paths = [path, logs.file(HOSTILE)];
    await workplace.ship({ paths });
    // Nobody knows what was written to it before it was deleted: that is an error with its path.
    logs.remove(HOSTILE);
    logs.write(HOSTILE, eventsOf(121, 130));
    const receivers = [absent, receiver].flatMap(({ port }) => [
      '--output',
      `forward://127.0.0.1:${port}`,
    ]);
    const agent = await workplace.follow({ paths, flags: [...LISTEN, ...receivers] });
    const address = `${await addressOf(agent)}/`;
    await agent.says('a receiver is down');
    const { page, requests, complaints } = await visit(t, address, { width: 360 });
    const text = await agent.until('all of it', async () => {
      await refresh(page);
      const seen = await textOf(page);
      return seen.includes('down') && seen.includes('lost: ') && seen;
    });
    for (const shown of [
      `127.0.0.1:${absent.port}: down`,
      `127.0.0.1:${receiver.port}: up`,
      'Events were lost.',
      `Receiver 127.0.0.1:${absent.port} is down.`,
      path,
      HOSTILE_SEEN,
    ]) {
      assert.ok(text.includes(shown), shown);
    }
    assert.match(text, /error[^]*lost: an unknown number of bytes[^]*gol\.log/);
    await assertReadable(page);
    assert.deepEqual(await accessibilityProblems(page), []);
    assert.equal(await inPage(page, 'document.querySelectorAll("img, body script").length'), 0);
    logs.append('audit.log', eventsOf(21, 60));
    const shown = (await workplaceBytes(page, path)) ?? 0;
    assert.equal(shown, eventsOf(1, 20).length);
    // Nobody asks for it: that is the page's own clock.
    await agent.until('the new numbers', async () => {
      return (await workplaceBytes(page, path)) === eventsOf(1, 60).length;
    });
    assert.deepEqual(complaints, []);
    assert.deepEqual(
      requests.filter((url) => url !== address),
      [],
    );
    await agent.stop();
  });
});

/** How many bytes of the active file are delivered, as the page has it. */
async function workplaceBytes(page: Page, path: string): Promise<number | undefined> {
  const cell = `section[data-key="${path}"] tbody tr[data-key="${path}"] td:nth-of-type(2) data`;
  return Number(await inPage(page, `document.querySelector('${cell}')?.value`));
}

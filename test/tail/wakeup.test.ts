/** A sleep ends with a hint, its time or the abort; a hint that comes too early is not lost. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { pause, Wakeup } from '../../src/tail/wakeup.ts';

/** A sleep that only something else than its time may end. */
const LONG_MS = 100_000;
/** Timers of Node count whole milliseconds. */
const TIMER_MS = 1;

/** A signal that ends with the test, so that no sleep outlives it. */
function signalOf(t: TestContext): AbortSignal {
  const stop = new AbortController();
  t.after(() => stop.abort());
  return stop.signal;
}

/** Whether a promise is settled by now. */
async function isOver(sleep: Promise<unknown>): Promise<boolean> {
  let over = false;
  void sleep.then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

test('a hint ends the sleep, and not the next one', async (t) => {
  const signal = signalOf(t);
  const wakeup = new Wakeup();
  const sleep = wakeup.sleep(LONG_MS, signal);
  assert.equal(await isOver(sleep), false);
  wakeup.notify();
  assert.equal(await isOver(sleep), true);
  assert.equal(await sleep, true);
  assert.equal(await isOver(wakeup.sleep(LONG_MS, signal)), false);
});

test('a sleep that ends by itself had no hint', async (t) => {
  assert.equal(await new Wakeup().sleep(1, signalOf(t)), false);
});

test('a hint that comes while nobody sleeps ends the next sleep, and only that', async (t) => {
  const signal = signalOf(t);
  const wakeup = new Wakeup();
  wakeup.notify();
  wakeup.notify();
  assert.equal(await isOver(wakeup.sleep(LONG_MS, signal)), true);
  assert.equal(await isOver(wakeup.sleep(LONG_MS, signal)), false);
});

test('a hint does not end a pause, but the next sleep', async (t) => {
  const signal = signalOf(t);
  const wakeup = new Wakeup();
  const paused = wakeup.pause(LONG_MS, signal);
  assert.equal(wakeup.hinted, false);
  wakeup.notify();
  assert.equal(wakeup.hinted, true);
  assert.equal(await isOver(paused), false);
  const short = new Wakeup();
  short.notify();
  const before = performance.now();
  await short.pause(20, signal);
  assert.ok(performance.now() - before >= 20 - TIMER_MS, 'nor did the one before it');
  assert.equal(await isOver(short.sleep(LONG_MS, signal)), true);
  assert.equal(short.hinted, false);
});

test('an interruption ends a pause, a sleep, or the next sleep', async (t) => {
  const signal = signalOf(t);
  const wakeup = new Wakeup();
  const paused = wakeup.pause(LONG_MS, signal);
  wakeup.interrupt();
  assert.equal(await isOver(paused), true);
  assert.equal(await isOver(wakeup.sleep(LONG_MS, signal)), true);
  const sleep = wakeup.sleep(LONG_MS, signal);
  assert.equal(await isOver(sleep), false);
  wakeup.interrupt();
  assert.equal(await isOver(sleep), true);
});

test('the abort ends a pause of a wakeup, under whatever signal', async (t) => {
  const wakeup = new Wakeup();
  for (let round = 0; round < 2; round++) {
    const stop = new AbortController();
    const paused = wakeup.pause(LONG_MS, stop.signal);
    stop.abort();
    assert.equal(await isOver(paused), true);
  }
  assert.equal(await isOver(wakeup.pause(LONG_MS, AbortSignal.abort())), true);
  assert.equal(await isOver(wakeup.sleep(LONG_MS, signalOf(t))), false);
});

test('the time ends the sleep, and not sooner', async (t) => {
  const before = performance.now();
  await new Wakeup().sleep(20, signalOf(t));
  assert.ok(performance.now() - before >= 20 - TIMER_MS);
});

test('the abort ends the sleep, also when it came before', async () => {
  const stop = new AbortController();
  const wakeup = new Wakeup();
  const sleep = wakeup.sleep(LONG_MS, stop.signal);
  stop.abort();
  assert.equal(await isOver(sleep), true);
  assert.equal(await isOver(wakeup.sleep(LONG_MS, stop.signal)), true);
});

test('a pause ends with the abort, without an error', async () => {
  const stop = new AbortController();
  const sleep = pause(LONG_MS, stop.signal);
  assert.equal(await isOver(sleep), false);
  stop.abort();
  assert.equal(await isOver(sleep), true);
  await pause(LONG_MS, stop.signal);
});

test('a pause ends with its time', async (t) => {
  const before = performance.now();
  await pause(20, signalOf(t));
  assert.ok(performance.now() - before >= 20 - TIMER_MS);
});

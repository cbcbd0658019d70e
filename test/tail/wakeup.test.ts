/** A sleep ends with a hint, its time or the abort; a hint that comes too early is not lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause, Wakeup } from '../../src/tail/wakeup.ts';

const NEVER = new AbortController().signal;
/** A sleep that only something else than its time may end. */
const LONG_MS = 100_000;
/** Timers of Node count whole milliseconds. */
const TIMER_MS = 1;

/** Whether a promise is settled by now. */
async function isOver(sleep: Promise<void>): Promise<boolean> {
  let over = false;
  void sleep.then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

test('a hint ends the sleep', async () => {
  const wakeup = new Wakeup();
  const sleep = wakeup.sleep(LONG_MS, NEVER);
  wakeup.notify();
  await sleep;
});

test('a hint that comes while nobody sleeps ends the next sleep, and only that', async () => {
  const wakeup = new Wakeup();
  wakeup.notify();
  wakeup.notify();
  await wakeup.sleep(LONG_MS, NEVER);
  const second = wakeup.sleep(LONG_MS, NEVER);
  assert.equal(await isOver(second), false);
  wakeup.notify();
  await second;
});

test('a hint that ended a sleep does not end the next one', async () => {
  const wakeup = new Wakeup();
  const first = wakeup.sleep(LONG_MS, NEVER);
  wakeup.notify();
  await first;
  const second = wakeup.sleep(LONG_MS, NEVER);
  assert.equal(await isOver(second), false);
  wakeup.notify();
  await second;
});

test('the time ends the sleep, and not sooner', async () => {
  const before = performance.now();
  await new Wakeup().sleep(20, NEVER);
  assert.ok(performance.now() - before >= 20 - TIMER_MS);
});

test('the abort ends the sleep, also when it came before', async () => {
  const stop = new AbortController();
  const wakeup = new Wakeup();
  const sleep = wakeup.sleep(LONG_MS, stop.signal);
  stop.abort();
  await sleep;
  await wakeup.sleep(LONG_MS, stop.signal);
});

test('a pause ends with the abort, without an error', async () => {
  const stop = new AbortController();
  const sleep = pause(LONG_MS, stop.signal);
  stop.abort();
  await sleep;
  await pause(LONG_MS, stop.signal);
});

test('a pause ends with its time', async () => {
  const before = performance.now();
  await pause(20, NEVER);
  assert.ok(performance.now() - before >= 20 - TIMER_MS);
});

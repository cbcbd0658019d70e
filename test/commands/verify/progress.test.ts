/** Progress: nothing for a while, then one line that is written over, and nothing in the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inMegabytes, Progress, type Screen } from '../../../src/commands/verify/progress.ts';

function watched(screen: Omit<Screen, 'write'>) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const progress = new Progress(
    { ...screen, write: (text: string) => written.push(text) },
    () => clock.ms,
  );
  return { written, clock, progress };
}

test('what is quick shows nothing, what takes its time a line now and then', () => {
  const { written, clock, progress } = watched({ isTTY: true, columns: 40 });
  progress.say(() => assert.fail('nobody reads it'));
  progress.end();
  assert.deepEqual(written, []);
  clock.ms = 1000;
  progress.say(() => 'a');
  clock.ms = 1100;
  progress.say(() => assert.fail('too soon'));
  clock.ms = 1200;
  progress.say(() => 'b\x1b[31m');
  progress.end();
  assert.deepEqual(written, ['\r\x1b[Ka', '\r\x1b[Kb\\x1b[31m', '\r\x1b[K']);
});

test('a long line keeps its end, on a terminal of any width', () => {
  for (const [columns, length] of [
    [20, 19],
    [0, 79],
  ] as const) {
    const { written, clock, progress } = watched({ isTTY: true, columns });
    clock.ms = 1000;
    progress.say(() => `${'x'.repeat(100)}: ${inMegabytes(1_500_000)}`);
    assert.equal(written[0]?.length, '\r\x1b[K'.length + length);
    assert.match(written[0] ?? '', /…x+: 1\.5 MB$/);
  }
});

test('what is no terminal shows nothing', () => {
  const { written, clock, progress } = watched({});
  clock.ms = 5000;
  progress.say(() => 'a');
  progress.end();
  assert.deepEqual(written, []);
});

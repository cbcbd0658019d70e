/** How time and memory grow with the backlog, and with the number of files it lies in. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from './bench.ts';
import { writeBacklog, type Input } from './inputs.ts';
import { MAIN, measure, type Measurement } from './measure.ts';
import { tableOf } from './table.ts';

const TIMES = [1, 10, 50] as const;
const FILES = 4;
/** The backups hold ten times the smallest backlog. */
const BACKUPS_TIMES = 10;

export const growth: Part = {
  name: 'growth',
  async measure({ node, directory, size, progress }) {
    const { growthBytes, growthBackups } = size;
    const at = join(directory, 'growth');
    const drained = async (name: string, make: () => Input): Promise<Measurement> => {
      progress(name);
      const input = make();
      const measured = await measure(node, {
        name,
        expected: input,
        destination: 'forward',
        command: (receiver) => ({ node: [MAIN, '-o', receiver?.url ?? '', input.directory] }),
      });
      rmSync(at, { recursive: true });
      return measured;
    };
    const backlogs: Measurement[] = [];
    for (const times of TIMES) {
      const bytes = (growthBytes * times) / FILES;
      backlogs.push(await drained(`${times} × the backlog`, () => writeBacklog(at, FILES, bytes)));
    }
    const backups: Measurement[] = [];
    for (const files of growthBackups) {
      const bytes = (growthBytes * BACKUPS_TIMES) / files;
      backups.push(await drained(`${files} backups`, () => writeBacklog(at, files, bytes)));
    }
    const [, ten, fifty] = backlogs;
    const facts = {
      'growth of time per byte': perByte(fifty) / perByte(ten),
      'growth of memory': (fifty?.peakBytes ?? NaN) / (ten?.peakBytes ?? NaN),
      'growth peak MB': Math.max(...backlogs.map(({ peakBytes }) => peakBytes)) / 1e6,
    };
    return { text: tableOf([...backlogs, ...backups]), facts };
  },
};

function perByte(measured: Measurement | undefined): number {
  return measured === undefined ? NaN : measured.seconds / measured.bytes;
}

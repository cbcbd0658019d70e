/** All fuzzers, by the names that `--only` knows. */
import type { Fuzzer } from './fuzz.ts';
import { config } from './config.ts';
import { gz } from './gz.ts';
import { lines } from './lines.ts';
import { names } from './names.ts';
import { checkpoints, letters, lock } from './state.ts';

export const FUZZERS: readonly Fuzzer[] = [lines, gz, names, checkpoints, letters, lock, config];

/** All fuzzers, by the names that `--only` knows. */
import { agent } from './agent.ts';
import { config } from './config.ts';
import { connection } from './connection.ts';
import { forward } from './forward.ts';
import type { Fuzzer } from './fuzz.ts';
import { gz } from './gz.ts';
import { lines } from './lines.ts';
import { names } from './names.ts';
import { policy } from './policy.ts';
import { receiver } from './receive.ts';
import { rewrite } from './rewrite.ts';
import { checkpoints, letters, lock } from './state.ts';

export const FUZZERS: readonly Fuzzer[] = [
  lines,
  rewrite,
  gz,
  names,
  checkpoints,
  letters,
  lock,
  config,
  policy,
  forward,
  connection,
  receiver,
  agent,
];

/**
 * Runs that once broke a property, and why they did: they are played each time. A seed tells the same run only as long as
 * the model asks the same questions of chance; one that has become another run is an ordinary run.
 */
export const REGRESSIONS: readonly { readonly seed: number; readonly was: string }[] = [
  { seed: 27, was: 'a backup that ends in its first line was shipped after younger ones' },
  { seed: 42, was: 'a renamed file that still grew was shipped again' },
  { seed: 75, was: 'a renamed file that still grew was shipped again, in parts' },
  { seed: 84, was: 'a gzip file that could not be read once was left alone' },
  {
    seed: 179,
    was: 'logrotate moved its backups during a look, and younger ones were shipped first',
  },
  { seed: 196, was: 'an error of the disk in the callback of a watch ended the agent' },
  { seed: 348, was: 'a file that could not be read at the start was shipped again when it could' },
  { seed: 100_028, was: 'an active file that was deleted was read before older backups' },
  { seed: 1884, was: 'an empty backup that was written to while it was looked at was forgotten' },
  { seed: 501_878, was: 'what was remembered and gone upset the order of what was there' },
  { seed: 502_307, was: 'a backup that was compressed in its first line was shipped last' },
  { seed: 100_048, was: 'bytes that were seen and cut were not counted as lost' },
  {
    seed: 8532,
    was: 'a nameless file that was compressed while the disk failed was shipped twice',
  },
  { seed: 2_004_003, was: 'a torn first line was shipped again when a clock was set back' },
  { seed: 2_008_916, was: 'a nameless backup was taken for the gz under the name that it had' },
  { seed: 3_006_881, was: 'names in another order were taken for a rotation' },
  { seed: 2_003_608, was: 'a length that nobody had asked for was missing in a loss' },
  { seed: 3_006_386, was: 'what was seen and cut in the middle of a read was missing in a loss' },
  {
    seed: 3_010_171,
    was: 'an active file was deleted while the clock was behind the names of older backups',
  },
  { seed: 3_000_326, was: 'a backup that was deleted during the first look was read too late' },
  { seed: 4_007_355, was: 'a gz that a look had not come to yet was forgotten, and shipped again' },
  {
    seed: 4_003_018,
    was: 'a file was forgotten when it took the name of one that could not be read',
  },
];

/** What a run has shown: a table for people, and what is wrong with it. Pure. */
import { markdownTable } from '../bench/table.ts';
import type { Options } from './options.ts';
import type { Result } from './torture.ts';

/** So much is a machine that has more to do than processors. */
const MUCH_WAITED = 0.2;

/** A value with what it must be, if anything. */
interface Row {
  readonly what: string;
  readonly found: number | string;
  readonly mustBeZero?: true;
}

export interface Report {
  readonly table: string;
  /** None of a run in which nothing is wrong. */
  readonly problems: readonly string[];
}

export function reportOf(result: Result, { cruel }: Options): Report {
  const rows = [...became(result, cruel), ...order(result), ...happened(result), ...took(result)];
  const wrong = rows.filter(({ mustBeZero, found }) => mustBeZero === true && found !== 0);
  const cells = rows.map(({ what, found, mustBeZero }) => {
    const text = typeof found === 'number' ? found.toLocaleString('en') : found;
    return [what, text, mustBeZero === true ? '0' : ''];
  });
  return {
    table: markdownTable([['what', 'found', 'must be'], ...cells]),
    problems: [
      ...wrong.map(({ what, found }) => `${what}: ${found}`),
      ...result.balance.silentFiles,
      ...result.accounts.problems,
      ...starved(result, cruel),
    ],
  };
}

/** Losses that are counted tell more of a machine than of the program when its agents got no processor. */
function starved({ balance, findings, waitedPart }: Result, cruel: boolean): readonly string[] {
  if (cruel || findings.losses === 0 || balance.silent > 0 || waitedPart < MUCH_WAITED) return [];
  const percent = (100 * waitedPart).toFixed(0);
  return [
    `all that is missing is counted, and agents waited for a processor for ${percent} % of their time: ` +
      'on a quieter machine, or with less of --megabytes-per-second, it may be none',
  ];
}

function became({ balance, findings, accounts, ...result }: Result, cruel: boolean): Row[] {
  const { received, counted, unseen, silent, countedTwice } = balance;
  const missing = result.written - received;
  const zero = { mustBeZero: true } as const;
  const losses: Row[] = [
    { what: '… told to be lost', found: counted },
    { what: '… written and deleted out of sight', found: unseen },
  ];
  return [
    { what: 'events written', found: result.written },
    { what: 'events received', found: received },
    { what: 'events missing', found: missing, ...(cruel ? {} : zero) },
    ...(cruel ? losses : []),
    { what: '… of which nobody knows', found: silent, ...zero },
    { what: 'records of losses', found: findings.losses, ...(cruel ? {} : zero) },
    ...(cruel ? [{ what: 'received before, and told to be lost', found: countedTwice }] : []),
    { what: 'generations whose accounts were compared', found: accounts.compared },
    { what: 'accounts that are wrong', found: accounts.wrong, ...zero },
  ];
}

function order({ findings }: Result): Row[] {
  return [
    { what: 'repeated, the same bytes under the same id', found: findings.repeated },
    { what: 'repeated otherwise', found: findings.repeatedOtherwise, mustBeZero: true },
    { what: 'under the id of another event', found: findings.misnamed, mustBeZero: true },
    {
      what: 'out of order in their generation',
      found: findings.disorderedInFile,
      mustBeZero: true,
    },
    { what: 'behind a younger generation', found: findings.disorderedFiles, mustBeZero: true },
    { what: 'records that nobody wrote', found: findings.unknown, mustBeZero: true },
  ];
}

function happened({ attacks, ...result }: Result): Row[] {
  return [
    { what: 'agents killed (SIGKILL)', found: attacks.killed },
    { what: 'agents told to end (SIGTERM)', found: attacks.terminated },
    { what: 'agents stopped for a moment (SIGSTOP)', found: attacks.frozen },
    { what: 'receivers killed (SIGKILL)', found: attacks.receiverKilled },
    { what: '… after some time without acks', found: attacks.swallowed },
    { what: '… and away for some time', found: attacks.refused },
    { what: 'receivers that hung (SIGSTOP)', found: attacks.receiverFrozen },
    { what: 'rotations', found: result.rotations },
    { what: 'longest time without an agent', found: seconds(result.longestAgentOutageMs) },
    { what: 'longest time without a receiver', found: seconds(result.longestReceiverOutageMs) },
  ];
}

function took(result: Result): Row[] {
  const { writtenBytes, peakBytes, waitedPart, drainSeconds } = result;
  return [
    { what: 'written, MB/s', found: (writtenBytes / 1e6 / result.seconds).toFixed(1) },
    { what: 'all received after the end, s', found: drainSeconds.toFixed(1) },
    { what: 'largest agent, MB', found: (peakBytes / 1e6).toFixed(1) },
    {
      what: 'agents waited for a processor, % of their time',
      found: (100 * waitedPart).toFixed(1),
    },
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

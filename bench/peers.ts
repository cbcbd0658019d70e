/**
 * Fluent Bit and Fluentd on the same job, when they are installed: the tail of the same files, JSON parsed, the time
 * taken from the event, shipped over Forward with acks. Only their configuration; knows nothing of how they are measured.
 */
import { accessSync, constants, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Command } from './measure.ts';

export interface Peer {
  readonly name: 'Fluent Bit' | 'Fluentd';
  /** Of its program, on PATH. */
  readonly binary: string;
  /** Writes its configuration into a directory, which it has for itself. */
  command(job: PeerJob): Command;
}

export interface PeerJob {
  /** Empty, for configuration and positions. */
  readonly scratch: string;
  /** Of the logs. */
  readonly directory: string;
  readonly host: string;
  readonly port: number;
  /** Between two flushes: 1 s is what both have by themselves. */
  readonly flushSeconds: number;
}

/** A line that does not fit is dropped; the longest one has 3 MB. */
const FLUENT_BIT_LINE = '8M';
/** Read at once: with the default of 32 KB it is a sixth slower, and with 2 MB a third. */
const FLUENT_BIT_READ = '512k';
/** What it may hold that was not acknowledged. Without it, it holds the backlog. */
const FLUENT_BIT_BUFFER = '64M';

const FLUENT_BIT: Peer = {
  name: 'Fluent Bit',
  binary: 'fluent-bit',
  command({ scratch, directory, host, port, flushSeconds }) {
    const parsers = join(scratch, 'parsers.conf');
    writeFileSync(
      parsers,
      section('PARSER', {
        Name: 'audit',
        Format: 'json',
        Time_Key: 'stageTimestamp',
        Time_Format: '%Y-%m-%dT%H:%M:%S.%LZ',
        Time_Keep: 'On',
      }),
    );
    const file = join(scratch, 'fluent-bit.conf');
    const service = { Flush: flushSeconds, Log_Level: 'warn', Parsers_File: parsers };
    const input = {
      Name: 'tail',
      Path: join(directory, '*.log'),
      Parser: 'audit',
      Tag: 'kube.audit',
      Read_from_Head: 'On',
      Refresh_Interval: 1,
      Buffer_Chunk_Size: FLUENT_BIT_READ,
      Buffer_Max_Size: FLUENT_BIT_LINE,
      Mem_Buf_Limit: FLUENT_BIT_BUFFER,
    };
    const output = {
      Name: 'forward',
      Match: '*',
      Host: host,
      Port: port,
      Require_ack_response: 'On',
      // Only so can Fluentd read what it sends.
      Retain_Metadata_In_Forward_Mode: 'false',
      Retry_Limit: 'no_limits',
    };
    const sections = [
      section('SERVICE', service),
      section('INPUT', input),
      section('OUTPUT', output),
    ];
    writeFileSync(file, sections.join('\n'));
    return { file: FLUENT_BIT.binary, args: ['-c', file] };
  },
};

function section(name: string, settings: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(settings).map(([key, value]) => `    ${key} ${value}\n`);
  return `[${name}]\n${lines.join('')}`;
}

/** `%iso8601` reads the time in half the time that a format with its parts takes. */
const FLUENTD: Peer = {
  name: 'Fluentd',
  binary: 'fluentd',
  command({ scratch, directory, host, port, flushSeconds }) {
    const file = join(scratch, 'fluentd.conf');
    writeFileSync(
      file,
      `<source>
  @type tail
  path ${join(directory, '*.log')}
  pos_file ${join(scratch, 'positions')}
  tag kube.audit
  read_from_head true
  refresh_interval 1
  <parse>
    @type json
    time_key stageTimestamp
    time_type string
    time_format %iso8601
    keep_time_key true
  </parse>
</source>
<match kube.audit>
  @type forward
  require_ack_response true
  heartbeat_type none
  <server>
    host ${host}
    port ${port}
  </server>
  <buffer>
    @type memory
    chunk_limit_size 8m
    total_limit_size 256m
    overflow_action block
    flush_mode interval
    flush_interval ${flushSeconds}s
    flush_thread_count 2
  </buffer>
</match>
`,
    );
    return { file: FLUENTD.binary, args: ['--no-supervisor', '-q', '-c', file] };
  },
};

const PEERS: readonly Peer[] = [FLUENT_BIT, FLUENTD];

/** Those that can be measured here, and the names of those that cannot. */
export function peersOnPath(path: string): {
  readonly present: readonly Peer[];
  readonly absent: readonly string[];
} {
  const folders = path.split(delimiter);
  const isThere = ({ binary }: Peer): boolean =>
    folders.some((folder) => isExecutable(join(folder, binary)));
  return {
    present: PEERS.filter(isThere),
    absent: PEERS.filter((peer) => !isThere(peer)).map(({ name }) => name),
  };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

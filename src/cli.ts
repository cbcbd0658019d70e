/**
 * The command line: which commands and options there are, and what they mean. Building and parsing have no side
 * effects but the actions that are passed in. Knows neither the configuration's rules (config/) nor the commands'
 * work (commands/), and loads neither: --help and --version answer at once.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { addPolicy, type PolicyActions } from './commands/policy/command-line.ts';
import type { ReceiveOptions } from './commands/receive/settings.ts';
import type { SimulateOptions } from './commands/simulate.ts';
import type { VerifyOptions } from './commands/verify.ts';
import type { Flags } from './config/flags.ts';
import { nearest } from './config/nearest.ts';
import { parseDuration } from './config/units.ts';
import { escapeControl } from './observe/terminal.ts';
import { VERSION } from './version.ts';

/** What the commands do. Each resolves to the exit code. */
export interface CliActions extends PolicyActions {
  ship(flags: Flags): Promise<number>;
  check(flags: Flags): Promise<number>;
  status(options: { readonly stateDir: string; readonly json: boolean }): Promise<number>;
  receive(options: ReceiveOptions): Promise<number>;
  replay(flags: Flags): Promise<number>;
  simulate(options: SimulateOptions): Promise<number>;
  verify(options: VerifyOptions): Promise<number>;
}

export interface CliContext {
  readonly actions: CliActions;
  /** AUDIT_SHIPPER_STATE_DIR is what `status` and `verify` read when -s is left out. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Width that help is folded to; asked only when help is shown. */
  readonly columns: () => number;
  /** Help and version go out; complaints go to err. Both take whole lines. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Wrong usage or configuration. */
export const EXIT_USAGE = 2;

const COMMANDS = [
  'check',
  'status',
  'receive',
  'replay',
  'simulate',
  'verify',
  'policy',
  'help',
] as const;
const FORMATS: readonly ReceiveOptions['format'][] = ['auto', 'json', 'pretty', 'wide'];
const LEVELS: readonly SimulateOptions['level'][] = ['Metadata', 'Request', 'RequestResponse'];

/** Runs the command that the arguments (without node and script) name. Rejects only when the command itself does. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  return exitCode;
}

type Finish = (exitCode: number) => void;

function buildProgram(context: CliContext, finish: Finish): Command {
  const program = new Command('audit-shipper');
  program
    .description(
      'Ships Kubernetes audit logs, and reads them: follows the files that kube-apiserver writes across ' +
        'every rotation and writes each event to stdout, oldest first. Everything else goes to stderr.',
    )
    .usage('[options] [paths...]\n       audit-shipper <command> [options]')
    .version(VERSION, '--version', 'show the version and end')
    .helpOption('-h, --help', 'show this help and end')
    .helpCommand('help [command]', 'show the help of a command')
    .enablePositionalOptions()
    .showHelpAfterError(`Run "audit-shipper --help" for all commands and options.`)
    .exitOverride()
    .configureOutput({
      writeOut: context.out,
      writeErr: context.err,
      outputError: (text, write) => write(safeError(text)),
      getOutHelpWidth: context.columns,
      getErrHelpWidth: context.columns,
    });
  addShipOptions(program)
    .addHelpText('after', SHIP_HELP)
    .action(async (paths: string[], options: ShipOptions) => {
      finish(await context.actions.ship(toFlags(paths, options)));
    })
    .hook('preSubcommand', refuseOptionsBeforeCommand);
  addCheck(program, context, finish);
  addStatus(program, context, finish);
  addReceive(program, context, finish);
  addReplay(program, context, finish);
  addSimulate(program, context, finish);
  addVerify(program, context, finish);
  addPolicy(program, context.actions, finish);
  return program;
}

/** As commander names them. */
type ShipOptions = Omit<Flags, 'paths'>;

function toFlags(paths: readonly string[], options: ShipOptions): Flags {
  return paths.length === 0 ? options : { ...options, paths };
}

/** The options of ship, which `check` takes as well. Values are checked with those of all other sources. */
function addShipOptions(command: Command): Command {
  command
    .argument(
      '[paths...]',
      'files, directories or globs (default: /var/log/kubernetes); of a directory every audit file with its backups',
    )
    .option(
      '-f, --follow',
      'go on reading what is written, across rotations (default: end when all is read)',
    );
  addDeliveryOptions(
    command,
    'where to remember what was delivered (default: nothing is remembered)',
  );
  return command
    .option(
      '--from <where>',
      'where nothing is remembered, start at: beginning, end, an RFC 3339 time, or a duration ago such as 15m ' +
        '(default: beginning)',
    )
    .option(
      '--listen <host:port>',
      'serve /metrics, /healthz, /readyz and a status page there, such as 127.0.0.1:9464 (default: nowhere)',
    )
    .option('--grace <duration>', 'how long a stop may wait for what is on its way (default: 10s)');
}

/** What becomes of events, wherever they come from. */
function addDeliveryOptions(command: Command, stateDir: string): Command {
  return command
    .option(
      '-o, --output <url>',
      'where events go: stdout, or forward://host[:24224] of a Fluentd or Fluent Bit, forwards:// with TLS; ' +
        'repeat for failover, in order (default: stdout)',
      collect,
    )
    .option('-s, --state-dir <dir>', stateDir)
    .option(
      '--format <format>',
      'for stdout: auto, json, pretty or wide; auto is pretty on a terminal and json otherwise (default: auto)',
    )
    .option('--tag <tag>', 'for Forward: the tag of all events (default: kube.audit)')
    .option(
      '--field <name=value>',
      'add this to every event, below "shipper"; repeat for more',
      collect,
    )
    .option(
      '-c, --config <file>',
      'YAML file; flags win over AUDIT_SHIPPER_* variables, which win over the file',
    )
    .option('--log-level <level>', 'error, warn, info or debug (default: info)');
}

const EXIT_CODES = `
Exit codes: 0 done or stopped by a signal, 1 could not go on,
            2 wrong usage or configuration`;

const SHIP_HELP = `
Examples:
  # all events on disk, then end
  audit-shipper /var/log/kubernetes
  # the last quarter of an hour, and what comes then
  audit-shipper -f --from 15m /var/log/kubernetes
  # what happens from now on, with source addresses and user agents
  audit-shipper -f --from end --format wide
  # remember across restarts what was delivered
  audit-shipper -f -s /var/lib/audit-shipper --format json | consumer
  # several logs by a glob (in quotes), one field of each event
  audit-shipper 'logs/*/audit.log' | jq -r .user.username
  # to Fluentd or Fluent Bit; to the second while the first is down
  audit-shipper -f -s state -o forward://fluentd-a -o forward://fluentd-b
  # validate a configuration
  audit-shipper check -c config.yaml
  # what was delivered, and the lag
  audit-shipper status -s /var/lib/audit-shipper
  # whether it is complete
  audit-shipper verify -s /var/lib/audit-shipper --delivered events.jsonl
  # how much of it an audit policy would keep
  audit-shipper policy test policy.yaml /var/log/kubernetes
  # a Forward receiver that prints, to try the whole way on one machine
  audit-shipper receive
  # audit events to try it with
  audit-shipper simulate /tmp/audit

"audit-shipper <command> --help" shows the options and examples of a command.
A path that is named like a command is written with its directory: ./status
${EXIT_CODES}`;

function addCheck(program: Command, { actions }: CliContext, finish: Finish): void {
  addShipOptions(program.command('check'))
    .usage('[options] [paths...]')
    .description(
      'validate the configuration: shows the settings in force and where each comes from, or every problem',
    )
    .addHelpText(
      'after',
      `
Examples:
  audit-shipper check -c /etc/audit-shipper/config.yaml
  AUDIT_SHIPPER_GRACE=30s audit-shipper check -f /var/log/kubernetes
${EXIT_CODES}`,
    )
    .action(async (paths: string[], options: ShipOptions) => {
      finish(await actions.check(toFlags(paths, options)));
    });
}

function addStatus(program: Command, { actions, env }: CliContext, finish: Finish): void {
  const stateDir = new Option(
    '-s, --state-dir <dir>',
    'the state directory of the agent to ask about (or AUDIT_SHIPPER_STATE_DIR)',
  ).makeOptionMandatory();
  const known = env['AUDIT_SHIPPER_STATE_DIR'] ?? '';
  program
    .command('status')
    .description('show what is remembered: each file with its offset, size and lag')
    .addOption(known === '' ? stateDir : stateDir.default(known))
    .option('--json', 'as JSON (default: a table)')
    .addHelpText(
      'after',
      `
Examples:
  audit-shipper status -s /var/lib/audit-shipper
  audit-shipper status -s /var/lib/audit-shipper --json
${EXIT_CODES}`,
    )
    .action(async (options: { readonly stateDir: string; readonly json?: true }) => {
      finish(await actions.status({ json: false, ...options }));
    });
}

/** As commander names them. */
interface ReceiveFlags extends Omit<ReceiveOptions, 'forMs'> {
  readonly for?: number;
}

function addReceive(program: Command, { actions }: CliContext, finish: Finish): void {
  const format = new Option('--format <format>', 'auto is pretty on a terminal and json otherwise');
  program
    .command('receive')
    .summary('a Forward receiver that prints, to try the whole way on one machine')
    .description(
      'a Forward receiver that prints the events it is sent, to try the whole way on one machine: ' +
        'it acknowledges an event when stdout has taken it, and keeps nothing',
    )
    .option(
      '--listen <host:port>',
      'where to listen; 0.0.0.0 is every address, port 0 a free one',
      '127.0.0.1:24224',
    )
    .option('--shared-key-file <file>', 'senders must know the secret in this file')
    .option('--username <name>', 'senders must log in as this user')
    .option('--password-file <file>', 'with the password in this file')
    .option('--tls-cert <file>', 'speak TLS, with this certificate and its chain (PEM)')
    .option('--tls-key <file>', 'with the private key of the certificate (PEM)')
    .option('--tls-ca <file>', 'senders must show a certificate that this CA has signed (PEM)')
    .addOption(format.choices(FORMATS).default('auto'))
    .option('--count <n>', 'end after so many events', wholeFrom(1))
    .option('--for <duration>', 'end after this time, such as 10s', durationMs)
    .addHelpText('after', RECEIVE_HELP)
    .action(async ({ for: forMs, ...rest }: ReceiveFlags) => {
      finish(await actions.receive({ ...rest, forMs }));
    });
}

const RECEIVE_HELP = `
Examples:
  audit-shipper receive
and in another terminal:
  audit-shipper -f -o forward://127.0.0.1:24224 /var/log/kubernetes

  # with TLS and a shared key
  audit-shipper receive --tls-cert cert.pem --tls-key key.pem \\
    --shared-key-file key.txt
  # ten events, on any free port (the log on stderr says which)
  audit-shipper receive --listen 127.0.0.1:0 --count 10 --format json | jq .verb

It is for trying. Integers above 2^53 are shown rounded, and a stdout that takes
nothing stops the reading once 1 MiB waits for it.
${EXIT_CODES}`;

function addReplay(program: Command, { actions }: CliContext, finish: Finish): void {
  addDeliveryOptions(program.command('replay'), 'the state directory of the agent that kept them')
    .summary('send again what no receiver took')
    .description(
      'send the dead letters of a state directory again: events that no receiver took, and lines that were too ' +
        'long. Each is removed when it is acknowledged; to stdout they are shown and kept.',
    )
    .addHelpText(
      'after',
      `
Examples:
  # read them
  audit-shipper replay -s /var/lib/audit-shipper
  # send them again, with the agent's own settings
  audit-shipper replay -c /etc/audit-shipper/config.yaml
${EXIT_CODES}`,
    )
    .action(async (options: ShipOptions) => {
      finish(await actions.replay(options));
    });
}

interface SimulateFlags {
  readonly rate: number;
  readonly maxsize: number;
  readonly maxbackup: number;
  readonly compress?: true;
  readonly level: SimulateOptions['level'];
  readonly count?: number;
  readonly for?: number;
  readonly seed: number;
  readonly fileName: string;
}

function addSimulate(program: Command, { actions }: CliContext, finish: Finish): void {
  const level = new Option('--level <level>', 'how much each event holds').choices(LEVELS);
  program
    .command('simulate')
    .description('write audit events and rotate them as kube-apiserver does, until stopped')
    .argument('<dir>', 'directory of the files; made when it is missing')
    .option('--rate <n>', 'events per second; 0 is as fast as possible', atLeast(0), 100)
    .option('--maxsize <MB>', 'size at which the file is rotated', above(0), 100)
    .option('--maxbackup <n>', 'how many rotated files are kept; 0 keeps all', wholeFrom(0), 10)
    .option('--compress', 'compress rotated files with gzip (default: leave them as they are)')
    .addOption(level.default('Metadata'))
    .option('--count <n>', 'end after so many events', wholeFrom(1))
    .option('--for <duration>', 'end after this time, such as 10s', durationMs)
    .option('--seed <n>', 'another number makes other events', wholeFrom(0), 1)
    .option('--file-name <name>', 'name of the file in the directory', fileName, 'audit.log')
    .addHelpText(
      'after',
      `
Examples:
  audit-shipper simulate /tmp/audit --maxsize 1 --rate 500
  audit-shipper simulate /tmp/audit --level RequestResponse --compress --for 10s
and in another terminal: audit-shipper -f /tmp/audit
${EXIT_CODES}`,
    )
    .action(async (dir: string, { maxsize, for: forMs, ...rest }: SimulateFlags) => {
      finish(await actions.simulate({ dir, maxsizeMb: maxsize, compress: false, forMs, ...rest }));
    });
}

interface VerifyFlags {
  readonly stateDir?: string;
  readonly delivered?: readonly string[];
  readonly json?: true;
  readonly strict?: true;
  readonly anyOrder?: true;
}

function addVerify(program: Command, { actions, env }: CliContext, finish: Finish): void {
  const stateDir = new Option(
    '-s, --state-dir <dir>',
    'the state directory of the agent that shipped (or AUDIT_SHIPPER_STATE_DIR)',
  );
  const known = env['AUDIT_SHIPPER_STATE_DIR'] ?? '';
  program
    .command('verify')
    .summary('prove that nothing is missing')
    .description(
      'prove that nothing is missing: shows for each file what became of its bytes and events, whether the ' +
        'accounts add up, and by shipper.id whether what was delivered is complete and in order',
    )
    .argument(
      '[paths...]',
      'files, directories or globs of the audit log (default: the logs that the state directory remembers)',
    )
    .addOption(known === '' ? stateDir : stateDir.default(known))
    .option(
      '--delivered <file>',
      'JSON lines that were delivered, plain or gzip; - is standard input; repeat for more',
      collect,
    )
    .option('--strict', 'events that came again are a fault, too')
    .option('--any-order', 'events out of order are no fault (for load_balance)')
    .option('--json', 'as JSON (default: a table)')
    .addHelpText('after', VERIFY_HELP)
    .action(async (paths: string[], { stateDir: directory, ...flags }: VerifyFlags) => {
      const defaults = { delivered: [], json: false, strict: false, anyOrder: false };
      finish(await actions.verify({ ...defaults, ...flags, paths, stateDir: directory }));
    });
}

const VERIFY_HELP = `
Examples:
  # what became of every byte, by the agent's accounts
  audit-shipper verify -s /var/lib/audit-shipper
  # whether all of it is in this file
  audit-shipper verify -s /var/lib/audit-shipper --delivered events.jsonl
  # without a state directory: this file against what is on disk
  audit-shipper verify /var/log/kubernetes --delivered events.jsonl.gz
  # what is missing, for a program
  zcat events-*.gz | audit-shipper verify /var/log/kubernetes --delivered - --json

Exit codes: 0 complete, 1 something is missing, lost, out of order or cannot be
            proved, 2 wrong usage`;

/** `audit-shipper -c x.yaml check` would check without the file, if the root's options were simply left aside. */
function refuseOptionsBeforeCommand(program: Command, command: Command): void {
  const given = program.options.find(
    (option) => program.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (given === undefined) return;
  const option = given.long ?? given.flags;
  program.error(
    `error: ${option} stands before the command; options follow it: audit-shipper ${command.name()} ${option} …`,
  );
}

/** Complaints repeat what was typed. What follows a `=` is left out: it may be a secret in the wrong place. */
function safeError(text: string): string {
  return text
    .replaceAll(/'(--?[^'=\s]+)=[^]*'/g, "'$1=…'")
    .split('\n')
    .map(escapeControl)
    .join('\n');
}

/**
 * What to say when the first path looks like a misspelt command: it names nothing on disk, is a plain word, and
 * is near to a command. Undefined when it does not.
 */
export function misspeltCommand(
  paths: readonly string[],
  exists: (path: string) => boolean,
): string | undefined {
  const [first] = paths;
  if (first === undefined || !/^[a-z]+$/i.test(first)) return undefined;
  const command = nearest(first, COMMANDS);
  if (command === undefined || exists(first)) return undefined;
  return (
    `there is no file or directory "${first}"; did you mean the command "${command}"? ` +
    `If it is a path that will appear later, write ./${first}`
  );
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

function atLeast(min: number): (value: string) => number {
  return (value) => {
    if (/^\d+(\.\d+)?$/.test(value) && Number(value) >= min) return Number(value);
    throw new InvalidArgumentError(`Write a number from ${min}.`);
  };
}

function above(min: number): (value: string) => number {
  return (value) => {
    if (/^\d+(\.\d+)?$/.test(value) && Number(value) > min) return Number(value);
    throw new InvalidArgumentError(`Write a number above ${min}.`);
  };
}

function wholeFrom(min: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && Number.isSafeInteger(number)) return number;
    throw new InvalidArgumentError(`Write a whole number from ${min}.`);
  };
}

function durationMs(value: string): number {
  const parsed = parseDuration(value);
  if (parsed.ok) return parsed.value;
  throw new InvalidArgumentError(`It ${parsed.message}.`);
}

function fileName(value: string): string {
  if (/^[^/\0]+$/.test(value) && value !== '.' && value !== '..') return value;
  throw new InvalidArgumentError('Write a name without a directory.');
}

/**
 * Builds what a Dockerfile says without Docker: each stage in a directory of its own, its commands with this machine's
 * tools in place of the base image's. The directory of the last stage is what the image would hold, and is run as its
 * root. Knows only the instructions that our Dockerfile uses, and refuses others.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';

/** npm ci downloads what is not in the cache of the machine. */
const STEP_TIMEOUT_MS = 300_000;

export interface Image {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly healthcheck: readonly string[];
}

interface Stage {
  readonly root: string;
  workdir: string;
  readonly env: Record<string, string>;
  user: string;
  entrypoint: readonly string[];
  healthcheck: readonly string[];
}

/** The instructions of a Dockerfile, without comments. */
export function instructionsOf(dockerfile: string): Instruction[] {
  return DockerfileParser.parse(dockerfile).getInstructions();
}

/** Throws with the words of the step that failed. The caller removes the directory `into`. */
export function buildImage(context: string, into: string): Image {
  const stages = new Map<string, Stage>();
  let last: Stage | undefined;
  for (const instruction of instructionsOf(readFileSync(join(context, 'Dockerfile'), 'utf8'))) {
    const words = instruction.getArguments().map((argument) => argument.getValue());
    if (instruction.getKeyword() === 'FROM') {
      last = newStage(join(into, `stage-${stages.size}`));
      stages.set(words.at(-2) === 'AS' ? (words.at(-1) ?? '') : '', last);
    } else if (last !== undefined) perform(instruction, { stage: last, stages, context });
  }
  if (last === undefined) throw new Error('the Dockerfile has no FROM');
  return last;
}

function newStage(root: string): Stage {
  mkdirSync(root, { recursive: true });
  return { root, workdir: '/', env: {}, user: '0', entrypoint: [], healthcheck: [] };
}

interface Place {
  readonly stage: Stage;
  readonly stages: ReadonlyMap<string, Stage>;
  readonly context: string;
}

function perform(instruction: Instruction, place: Place): void {
  const { stage } = place;
  const text = instruction.getArgumentsContent() ?? '';
  switch (instruction.getKeyword()) {
    case 'WORKDIR':
      stage.workdir = text;
      mkdirSync(join(stage.root, text), { recursive: true });
      return;
    case 'ENV':
      for (const pair of text.split(' ')) {
        const [name = '', value = ''] = pair.split('=');
        stage.env[name] = value;
      }
      return;
    case 'COPY':
      return copy(wordsWithFlags(instruction), place);
    case 'RUN':
      return runStep(text, stage);
    case 'USER':
      stage.user = text;
      return;
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(text) as string[];
      return;
    case 'HEALTHCHECK':
      stage.healthcheck = JSON.parse(text.slice(text.indexOf('['))) as string[];
      return;
    case 'LABEL':
      return;
    default:
      throw new Error(`this builder does not know ${instruction.getKeyword()}`);
  }
}

/** The parser keeps flags apart from arguments. */
export function wordsWithFlags(instruction: Instruction): string[] {
  return instruction.getTextContent().split(/\s+/).slice(1);
}

/** Of a directory its content is copied, as Docker does. */
function copy(words: readonly string[], { stage, stages, context }: Place): void {
  const flag = /^--from=(.*)$/.exec(words[0] ?? '')?.[1];
  const from = flag === undefined ? context : stages.get(flag)?.root;
  const paths = words.slice(flag === undefined ? 0 : 1);
  const target = paths.at(-1) ?? '';
  if (from === undefined) throw new Error(`COPY from a stage that is not there: ${flag}`);
  for (const source of paths.slice(0, -1)) {
    const isFile = statSync(join(from, source)).isFile();
    const into = isFile && target.endsWith('/') ? join(target, basename(source)) : target;
    const to = join(stage.root, resolve(stage.workdir, into));
    cpSync(join(from, source), to, { recursive: true, verbatimSymlinks: true });
  }
}

/** Node is this machine's, and absolute paths of the stage lie in its directory. */
function runStep(command: string, { root, workdir }: Stage): void {
  const local = command
    .replaceAll('/usr/local/bin/node ', `${process.execPath} `)
    .replaceAll(/(?<![\w/.])\/system/g, join(root, 'system'));
  execFileSync('sh', ['-euc', local], {
    cwd: join(root, workdir),
    timeout: STEP_TIMEOUT_MS,
    stdio: 'pipe',
    env: { ...process.env, npm_config_prefer_offline: 'true' },
  });
}

/** A clean directory with what git knows, as a checkout has it: nothing of node_modules or dist. */
export function cleanContext(root: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-context-'));
  const files = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  for (const file of files.split('\0').filter((name) => name !== '')) {
    cpSync(join(root, file), join(directory, file));
  }
  return directory;
}

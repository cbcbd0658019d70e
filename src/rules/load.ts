/**
 * The rules of a configuration, read from the files that it names: the audit policy, and the key of hashes. Knows nothing
 * of when they are read again, and of what the rules do.
 */
import type { Problem, RedactConfig, RulesConfig } from '../config/config.ts';
import { diskReason, readBounded } from '../config/load.ts';
import type { Policy } from '../event/policy/policy.ts';
import { Rewriter, type RedactionOptions } from '../event/rewrite/rewriter.ts';
import type { RuleSet } from '../event/rules.ts';
import { escapeControl } from '../observe/terminal.ts';

export type LoadedRules =
  | {
      readonly ok: true;
      /** Undefined where events go out as they are. */
      readonly ruleSet: RuleSet | undefined;
      /** What hardly anybody can mean. */
      readonly warnings: readonly Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Each is held against all before it. The largest policies that are published have some hundred. */
const REVIEWED_RULES_MAX = 1000;
/** As many bits as the hash has of security; a shorter key can be guessed. */
const HASH_KEY_MIN_BYTES = 16;

/** @returns all that is wrong at once; never throws for what files hold. */
export async function loadRules({
  policyFile,
  redact,
  bodies,
  dedot,
}: RulesConfig): Promise<LoadedRules> {
  const isIdle = redact === undefined && bodies === 'object' && !dedot;
  if (isIdle && policyFile === undefined) return { ok: true, ruleSet: undefined, warnings: [] };
  const problems: Problem[] = [];
  const policy = policyFile === undefined ? undefined : await loadPolicy(policyFile, problems);
  const redaction = redact && redactionOf(redact, problems);
  const rewriter = problems.length === 0 && makeRewriter({ redaction, bodies, dedot }, problems);
  if (rewriter === false || rewriter === undefined) return { ok: false, problems };
  return {
    ok: true,
    ruleSet: { policy, rewriter },
    warnings: await doubtsAbout(policy, policyFile),
  };
}

async function doubtsAbout(policy: Policy | undefined, file = ''): Promise<readonly Problem[]> {
  if (policy === undefined || policy.rules.length > REVIEWED_RULES_MAX) return [];
  const { reviewPolicy } = await import('../event/policy/review.ts');
  return reviewPolicy(policy).map(({ rule, line, message }) => {
    return { where: `${escapeControl(file)}:${line} rule ${rule}`, message };
  });
}

/** Its reader is loaded when there is a policy. */
async function loadPolicy(file: string, problems: Problem[]): Promise<Policy | undefined> {
  const text = readText('policy_file', file, 'name an audit policy', problems);
  if (text === undefined) return undefined;
  const { PolicyError, readPolicy } = await import('../event/policy/read-policy.ts');
  try {
    return readPolicy(text);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const name = escapeControl(file);
    for (const { line, column, path, message } of error.problems) {
      problems.push({ where: `${name}:${line}:${column} ${path}`.trimEnd(), message });
    }
    return undefined;
  }
}

function redactionOf(
  { hashKeyFile, ...redact }: RedactConfig,
  problems: Problem[],
): RedactionOptions {
  return {
    ...redact,
    hashKey: hashKeyFile === undefined ? undefined : hashKey(hashKeyFile, problems),
  };
}

/** As it is written for a person, one newline at the end is the editor's. */
function hashKey(file: string, problems: Problem[]): Buffer | undefined {
  const setting = 'redact.hash_key_file';
  const bytes = readFile(setting, file, 'name the file of a key', problems);
  if (bytes === undefined) return undefined;
  const key = Buffer.from(bytes.toString('latin1').replace(/\r?\n$/, ''), 'latin1');
  if (key.length >= HASH_KEY_MIN_BYTES) return key;
  const message = `${escapeControl(file)} holds less than ${HASH_KEY_MIN_BYTES} bytes; make a key with: openssl rand -hex 32`;
  problems.push({ where: setting, message });
  return undefined;
}

function makeRewriter(
  options: ConstructorParameters<typeof Rewriter>[0],
  problems: Problem[],
): Rewriter | undefined {
  try {
    return new Rewriter(options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.push({ where: 'redact.paths', message });
    return undefined;
  }
}

function readText(
  setting: string,
  file: string,
  advice: string,
  problems: Problem[],
): string | undefined {
  const bytes = readFile(setting, file, advice, problems);
  try {
    return bytes && new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    problems.push({
      where: setting,
      message: `${escapeControl(file)} is not UTF-8 text; save it as UTF-8`,
    });
    return undefined;
  }
}

function readFile(
  setting: string,
  file: string,
  advice: string,
  problems: Problem[],
): Buffer | undefined {
  try {
    return readBounded(file, advice);
  } catch (error) {
    const message = `cannot read ${escapeControl(file)}: ${diskReason(error)}`;
    problems.push({ where: setting, message });
    return undefined;
  }
}

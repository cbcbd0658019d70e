/**
 * Policies from files, and what is wrong with them in the words of a complaint: `file:line:column path: message`. Knows no
 * events.
 */
import { readBeginning } from '../../config/load.ts';
import type { Policy } from '../../event/policy/policy.ts';
import { POLICY_MAX_BYTES, PolicyError, readPolicy } from '../../event/policy/read-policy.ts';
import { reviewPolicy } from '../../event/policy/review.ts';
import { escapeControl } from '../../observe/terminal.ts';
import { decodeUtf8 } from '../../yaml-text.ts';

/** A policy that cannot be used; each line says one thing that is wrong. */
export class BadPolicy extends Error {
  readonly lines: readonly string[];

  constructor(path: string, lines: readonly string[]) {
    super(`the policy ${path} cannot be used`);
    this.lines = lines;
  }
}

/** @throws BadPolicy */
export function loadPolicy(path: string): Policy {
  const text = decodeUtf8(bytesOf(path));
  if (text === undefined) throw new BadPolicy(path, [`${path}: is not UTF-8 text`]);
  try {
    return readPolicy(text);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const lines = error.problems.map(({ line, column, path: field, message }) => {
      return [`${path}:${line}:${column}`, field, message].filter((part) => part !== '').join(': ');
    });
    throw new BadPolicy(path, lines);
  }
}

/** What nobody can mean, a line each. */
export function doubtLines(path: string, policy: Policy): readonly string[] {
  return reviewPolicy(policy).map(({ rule, line, message }) => {
    return `${path}:${line}: rule ${rule}: ${message}`;
  });
}

/** @returns no more than tells that it is too much: it may be an audit log. */
function bytesOf(path: string): Buffer {
  try {
    return readBeginning(path, POLICY_MAX_BYTES + 1);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new BadPolicy(path, [`cannot read the policy ${path}: ${error.message}`]);
  }
}

/** Says what is wrong, and nothing of it acts upon a terminal. */
export function complain(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`audit-shipper: ${escapeControl(line)}\n`);
}

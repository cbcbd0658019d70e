/** Policies and events in files, and what the commands below `policy` say of them. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { policyText } from './audit-policies.ts';
import { projectRoot } from './project.ts';
import { temporaryDirectory } from './temporary.ts';

const MAIN = join(projectRoot(), 'dist', 'src', 'main.js');

export interface Said {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/** A directory with policies and logs. */
export class PolicyDesk {
  readonly path: string;

  constructor(t: TestContext) {
    this.path = temporaryDirectory(t);
  }

  /** @returns the path of a policy with these rules. */
  policy(name: string, rules: readonly string[], more = ''): string {
    return this.file(name, policyText(rules, more));
  }

  file(name: string, content: string | Buffer): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  /** Runs `audit-shipper policy …`. */
  async run(args: readonly string[], input = ''): Promise<Said> {
    const child = spawn(process.execPath, [MAIN, 'policy', ...args], { cwd: this.path });
    child.stdin.end(input);
    const [out, err] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    return { exitCode: child.exitCode ?? (await exitOf(child)), out, err };
  }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function exitOf(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('close', resolve);
  });
}

export interface EventParts {
  readonly user?: string;
  readonly verb?: string;
  readonly resource?: string;
  readonly name?: string;
  readonly level?: string;
  readonly stage?: string;
  readonly auditID?: string;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
}

/** A line as kube-apiserver writes it, without its newline. */
export function auditLine(parts: EventParts = {}): string {
  const { user = 'ada', verb = 'get', resource = 'pods', name = 'front' } = parts;
  const { level = 'Metadata', stage = 'ResponseComplete', auditID = '7' } = parts;
  const { requestObject, responseObject } = parts;
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID,
    stage,
    requestURI: `/api/v1/namespaces/web/${resource}/${name}`,
    verb,
    user: { username: user, groups: ['system:authenticated'] },
    objectRef: { resource, namespace: 'web', name, apiVersion: 'v1' },
    requestObject,
    responseObject,
    stageTimestamp: '2026-11-22T09:00:00.000000Z',
  });
}

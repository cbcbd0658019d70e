/**
 * Fuzzes audit policies and what they ask of events: a text gives a policy or a list of problems, each with its place, and
 * a policy judges whatever stands in an event. Nothing is thrown, and all that is shown is fit for a terminal.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../src/commands/simulate/random.ts';
import { explain, explanationText } from '../../src/commands/policy/explanation.ts';
import { judge, judgeWithoutName, type Policy } from '../../src/event/policy/policy.ts';
import { attributesOf } from '../../src/event/policy/attributes.ts';
import { PolicyError, readPolicy } from '../../src/event/policy/read-policy.ts';
import { reviewPolicy } from '../../src/event/policy/review.ts';
import { Scratch } from '../../src/event/scratch.ts';
import { escapeControl } from '../../src/observe/terminal.ts';
import { projectRoot } from '../support/project.ts';
import { lineMaterial } from './corpus.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, randomBytes, wordsOf, type Material } from './mutate.ts';

const FOLDERS = [join('manifests', 'auditing'), 'docs'];

/** Our own policies, as YAML and as JSON would have them. */
function policiesIn(folder: string): readonly string[] {
  const path = join(projectRoot(), folder);
  const names = readdirSync(path).filter((name) => /^policy-.*\.yaml$/.test(name));
  return names.map((name) => readFileSync(join(path, name), 'utf8'));
}

const POLICIES: Material = {
  corpus: wordsOf(
    FOLDERS.flatMap(policiesIn),
    '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"None","users":["a"]}]}',
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [&a { level: None, verbs: [get] }, *a]\n',
    '',
  ),
  words: [
    ...wordsOf(
      '- ',
      ': ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '<<: ',
      '!x ',
      '---\n',
      '|',
      '\t',
      '\n',
    ),
    ...wordsOf('null', '~', 'yes', 'off', '1', '2026-01-02', '12:30', '"*"', "''", '__proto__: '),
    ...wordsOf('level: ', 'omitStages: ', 'resources: ', 'group: ', 'nonResourceURLs: ', 'Panic'),
    ...wordsOf('\u001b[31m', '\u202e', '\u0000', '\ufeff', '"\\e[1m"', '/a*b', 'a/v1'),
  ],
};

export const policy: Fuzzer = {
  name: 'policy',
  cases: 400,
  open: () => new PolicyReader(),
};

class PolicyReader implements Reader {
  readonly #scratch = new Scratch(0);
  readonly #lines = lineMaterial();
  /** The last good one: most that are changed are none. */
  #policy: Policy = readPolicy(POLICIES.corpus[0]?.toString() ?? '');

  check(random: Random): void {
    this.#policy = policyOf(textOf(random)) ?? this.#policy;
    for (const { message } of reviewPolicy(this.#policy)) assert.notEqual(message, '');
    const line = mutated(random, this.#lines);
    const core = this.#scratch.hold(line);
    if (!line.includes('\n') && core.judge(line.length) === 'object') {
      const attributes = attributesOf(core);
      const verdict = judge(this.#policy, attributes);
      assert.equal(judgeWithoutName(this.#policy, attributes) ?? verdict, verdict);
      const text = explanationText(explain(this.#policy, core), undefined);
      for (const shown of text.trimEnd().split('\n')) assertPlain(shown);
    }
    this.#scratch.release();
  }
}

function textOf(random: Random): string {
  const bytes = random.below(10) === 0 ? randomBytes(random, 200) : mutated(random, POLICIES);
  return bytes.toString('utf8');
}

function policyOf(text: string): Policy | undefined {
  try {
    return readPolicy(text);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    assert.ok(error.problems.length > 0, 'it says what is wrong');
    for (const { line, column, path, message } of error.problems) {
      assert.ok(line >= 1 && column >= 1 && message !== '', 'and where');
      assertPlain(`${path}: ${message}`);
    }
    return undefined;
  }
}

function assertPlain(line: string): void {
  assert.equal(line, escapeControl(line), 'it is fit for a terminal');
}

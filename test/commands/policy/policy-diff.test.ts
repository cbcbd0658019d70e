/** `audit-shipper policy diff`: what another policy would change, with the exit codes of diff(1). */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { auditLine, PolicyDesk } from '../../support/policy-files.ts';

interface Diff {
  readonly events: number;
  readonly same: number;
  readonly changes: readonly {
    readonly from: string;
    readonly to: string;
    readonly events: number;
    readonly bytes: number;
    readonly examples: readonly {
      readonly request: string;
      readonly ruleA?: number;
      readonly ruleB?: number;
    }[];
  }[];
}

const GET = auditLine({ level: 'RequestResponse' });
const LIST = auditLine({ verb: 'list' });
const SECRET = auditLine({ resource: 'secrets', level: 'RequestResponse' });

function deskWithEvents(t: TestContext): PolicyDesk {
  const desk = new PolicyDesk(t);
  desk.file('audit.log', `${GET}\n${LIST}\n${SECRET}\n${`${GET}\n`.repeat(5)}`);
  return desk;
}

describe('policy diff', () => {
  it('counts events by what is shipped of them, the most frequent change first', async (t) => {
    const desk = deskWithEvents(t);
    const a = desk.policy('a.yaml', ['level: RequestResponse\nverbs: [get]']);
    const b = desk.policy('b.yaml', [
      'level: Metadata\nresources: [{ resources: [secrets] }]',
      'level: Request\nverbs: [get]',
      'level: Request',
    ]);
    const { exitCode, out, err } = await desk.run(['diff', '--json', a, b, desk.path]);
    assert.deepEqual([exitCode, err], [1, '']);
    const { events, same, changes } = JSON.parse(out) as Diff;
    assert.deepEqual([events, same], [8, 0]);
    assert.deepEqual(
      changes.map(({ from, to, events: count, examples }) => [from, to, count, examples.length]),
      [
        ['RequestResponse', 'Request', 6, 3],
        ['dropped', 'Metadata', 1, 1],
        ['RequestResponse', 'Metadata', 1, 1],
      ],
    );
    assert.equal(changes[0]?.bytes, 6 * (GET.length + 1));
    const [example] = changes[1]?.examples ?? [];
    assert.deepEqual(
      [example?.request, example?.ruleA, example?.ruleB],
      ['ada: list pods "front" in namespace web', undefined, 3],
    );
  });

  it('shows a table and examples', async (t) => {
    const desk = deskWithEvents(t);
    const a = desk.policy('a.yaml', ['level: Metadata']);
    const b = desk.policy('b.yaml', ['level: None\nverbs: [list]', 'level: Metadata']);
    const { exitCode, out } = await desk.run(['diff', a, b, desk.path]);
    assert.equal(exitCode, 1);
    assert.match(out, /^1 of 8 events treated in another way\n\nEVENTS/);
    assert.match(out, /^ +1 +\d+ B +Metadata +dropped$/m);
    assert.match(out, /^ {2}ada: list pods .* \(rule 1 → rule 1; 7, .*audit\.log:\d+\)$/m);
  });

  it('sees no difference where the same is shipped, whatever rule says so', async (t) => {
    const desk = deskWithEvents(t);
    const a = desk.policy('a.yaml', ['level: Metadata']);
    const b = desk.policy('b.yaml', [
      'level: Metadata\nverbs: [get]',
      'level: Request\nverbs: [list]',
    ]);
    const { exitCode, out } = await desk.run(['diff', a, b, desk.path]);
    assert.deepEqual([exitCode, out], [0, '8 events: all are treated alike\n']);
  });

  it('sees managed fields where there are bodies', async (t) => {
    const desk = deskWithEvents(t);
    const rules = [
      'level: Metadata\nresources: [{ resources: [secrets] }]',
      'level: RequestResponse',
    ];
    const a = desk.policy('a.yaml', rules);
    const b = desk.policy('b.yaml', rules, 'omitManagedFields: true');
    const { out } = await desk.run(['diff', '--json', a, b, desk.path]);
    assert.deepEqual(
      (JSON.parse(out) as Diff).changes.map(({ from, to, events }) => [from, to, events]),
      [['RequestResponse', 'RequestResponse without managed fields', 6]],
    );
  });

  it('ends with 2 when it cannot tell', async (t) => {
    const desk = deskWithEvents(t);
    const good = desk.policy('a.yaml', ['level: Metadata']);
    const bad = desk.policy('b.yaml', ['level: x']);
    assert.equal((await desk.run(['diff', good, bad, desk.path])).exitCode, 2);
    assert.equal((await desk.run(['diff', good, good, 'nowhere'])).exitCode, 2);
    assert.equal((await desk.run(['diff', good, good, desk.path])).exitCode, 0);
  });
});

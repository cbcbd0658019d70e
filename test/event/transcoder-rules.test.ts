/**
 * Blocks with rules: what goes, what stays and what is changed, each line for itself, in every format, wherever the block
 * stands; and accounts that add up.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Block } from '../../src/event/block.ts';
import type { Core, Ruling } from '../../src/event/core.ts';
import { Edited } from '../../src/event/rewrite/edits.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import {
  BlockTranscoder,
  type EventWriter,
  type Fate,
  type Rules,
} from '../../src/event/transcoder.ts';
import { blockOf } from '../support/blocks.ts';
import { ALL_ADDED, forwardWriter, NOTHING_ADDED, WRITERS } from '../support/writers.ts';

const NOW_MS = 1_772_600_767_089;

/** Events whose verb is `drop` stay, those with `change` become another one; what is no event is left out. */
class FakeRules implements Rules {
  asked = 0;
  #verb = '';
  #core: Core | undefined;

  readonly ruling: Ruling = {
    asksWho: true,
    rule: (_subject, core) => {
      this.asked += 1;
      this.#core = core;
      const member = core.member('verb');
      const text = member && core.slab.toString('utf8', member.value, member.end);
      this.#verb = text ?? '';
      return text === '"drop"' || text === '"change"' ? 'stop' : 'all-go';
    },
  };

  fateOf(start: number, end: number): Fate {
    if (this.#verb === '"drop"') return { kind: 'filtered', reason: 'rule 1' };
    const event = JSON.parse(String(this.#core?.slab.toString('utf8', start, end))) as {
      readonly auditID: string;
    };
    const line = Buffer.from(changed(event.auditID));
    return { kind: 'rewritten', line: new Edited(line, 0, line.length, []), isRedacted: true };
  }

  invalid(bytes: Buffer, isBeginning: boolean): Buffer {
    return Buffer.from(`${bytes.length} bytes${isBeginning ? '' : ' of the middle'}`);
  }
}

/** More than a slab has room for beside its lines, and more than is written into any slab's room. */
const LONGER_BYTES: Readonly<Record<string, number>> = { b: 3000, c: 70_000, d: 60_000 };

/** It would be changed for ever, if it were asked about again. */
function changed(id: string): string {
  const added = 'x'.repeat(LONGER_BYTES[id] ?? 0);
  return `{"auditID":"${id}","verb":"change","level":"Metadata","added":"${added}"}`;
}

const eventLine = fc
  .record({
    verb: fc.constantFrom('get', 'drop', 'change'),
    auditID: fc.constantFrom('a', 'b', 'c'),
    requestObject: fc.option(fc.string({ maxLength: 2000 }), { nil: undefined }),
  })
  .map((event) => JSON.stringify(event));
const lines = fc.array(
  fc.oneof({ weight: 6, arbitrary: eventLine }, { weight: 1, arbitrary: fc.constantFrom('', '{') }),
  { maxLength: 30 },
);

const bytesOf = (payload: readonly Uint8Array[]): Buffer => Buffer.concat(payload);

/** What goes out for a block, with lines one by one and without rules. */
function expected(make: () => EventWriter, content: string): Buffer {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const line of content.split('\n').slice(0, -1)) {
    const verb = line.startsWith('{"')
      ? (JSON.parse(line) as { verb: string; auditID: string })
      : undefined;
    const text = verb?.verb === 'change' ? changed(verb.auditID) : line;
    const block = blockOf(`${text}\n`, { start });
    const transcoder = new BlockTranscoder(make(), () => NOW_MS);
    if (verb?.verb !== 'drop') {
      const rules = verb === undefined ? new FakeRules() : undefined;
      const one = rules ? new BlockTranscoder(make(), () => NOW_MS, rules) : transcoder;
      parts.push(...one.transcode(block).payload);
    }
    start += Buffer.byteLength(line) + 1;
  }
  return bytesOf(parts);
}

function inSlab(transcoder: BlockTranscoder, content: string): Block {
  const bytes = Buffer.from(content);
  const { slab } = transcoder.makeSlab(Math.max(1, bytes.length));
  slab.set(bytes);
  return blockOf(slab.subarray(0, bytes.length));
}

for (const [name, make] of WRITERS) {
  describe(`a block with rules, as ${name}`, () => {
    it('gives what each of its lines gives', () => {
      const check = fc.property(lines, fc.boolean(), (some, isInSlab) => {
        const content = some.map((line) => `${line}\n`).join('');
        const transcoder = new BlockTranscoder(make(), () => NOW_MS, new FakeRules());
        const block = isInSlab ? inSlab(transcoder, content) : blockOf(content);
        const { payload, accounts, changes } = transcoder.transcode(block);
        assert.deepEqual(
          bytesOf(payload).toString('latin1'),
          expected(make, content).toString('latin1'),
        );
        const dropped = some.filter((line) => line.includes('"verb":"drop"'));
        const droppedBytes = dropped.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
        assert.deepEqual(accounts.filtered, { events: dropped.length, bytes: droppedBytes });
        assert.equal(accounts.delivered.bytes + droppedBytes, Buffer.byteLength(content));
        const events = some.filter((line) => line !== '').length;
        assert.equal(accounts.delivered.events + dropped.length, events);
        assert.equal(changes.filtered.get('rule 1') ?? 0, dropped.length);
        assert.equal(changes.redacted, some.filter((line) => line.includes('"change"')).length);
      });
      fc.assert(check, { numRuns: 300 });
    });

    it('counts the bytes that are there where its last line has no newline', () => {
      for (const verb of ['get', 'drop', 'change']) {
        const transcoder = new BlockTranscoder(make(), () => NOW_MS, new FakeRules());
        const content = `{"verb":"get"}\n{"verb":"${verb}","auditID":"a"}`;
        for (const block of [blockOf(content), inSlab(transcoder, content)]) {
          const { payload, accounts } = transcoder.transcode(block);
          const whole = transcoder.transcode(blockOf(`${content}\n`));
          assert.deepEqual(bytesOf(payload), bytesOf(whole.payload));
          const bytes = verb === 'drop' ? content.length - content.indexOf('\n') - 1 : 0;
          assert.equal(accounts.filtered.bytes, bytes);
          assert.equal(accounts.delivered.bytes, content.length - bytes);
        }
      }
    });

    it('gives nothing, not an empty piece, where all of it stays', () => {
      const transcoder = new BlockTranscoder(make(), () => NOW_MS, new FakeRules());
      const content = '{"verb":"drop"}\n'.repeat(3);
      for (const block of [blockOf(content), inSlab(transcoder, content)]) {
        const { payload, accounts } = transcoder.transcode(block);
        assert.deepEqual(payload, []);
        assert.deepEqual(accounts.filtered, { events: 3, bytes: content.length });
        assert.deepEqual(accounts.delivered, { events: 0, bytes: 0 });
      }
    });
  });
}

describe('events that become other ones', () => {
  const line = (verb: string, auditID: string): string => `${JSON.stringify({ verb, auditID })}\n`;

  it('are one piece with their neighbours', () => {
    const rules = new FakeRules();
    const transcoder = new BlockTranscoder(forwardWriter(ALL_ADDED), () => NOW_MS, rules);
    const verbs = ['change', 'drop', 'change', 'get', 'change', 'change'];
    const content = verbs.map((verb) => line(verb, 'a')).join('');
    assert.equal(transcoder.transcode(inSlab(transcoder, content)).payload.length, 1);
    assert.equal(rules.asked, verbs.length);
  });

  it('leave what was written before as it is where the room ends', () => {
    const make = (): EventWriter => forwardWriter(ALL_ADDED);
    // The last one is longer than what is left of the room when no other one has any.
    const content = Buffer.from(line('change', 'b').repeat(200) + line('change', 'd'));
    const transcoder = new BlockTranscoder(make(), () => NOW_MS, new FakeRules());
    const { slab } = transcoder.makeSlab(64 * 1024);
    slab.set(content);
    const { payload } = transcoder.transcode(blockOf(slab.subarray(0, content.length)));
    assert.equal(bytesOf(payload).compare(expected(make, content.toString())), 0);
  });
});

describe('what is kept elsewhere of a line', () => {
  const json = new BlockTranscoder(
    new JsonWriter(new Shipper(ALL_ADDED)),
    () => NOW_MS,
    new FakeRules(),
  );
  const transcoder = new BlockTranscoder(forwardWriter(ALL_ADDED), () => NOW_MS, new FakeRules());
  const clean = (text: string): string => transcoder.clean(blockOf(text)).toString();

  it('is the line itself where no rule changes it', () => {
    assert.equal(clean('{"verb":"get"}\n'), '{"verb":"get"}\n');
    assert.equal(clean('{"verb":"get"}'), '{"verb":"get"}');
  });

  it('is what rules make of it', () => {
    assert.equal(clean('{"auditID":"a","verb":"change"}\n'), `${changed('a')}\n`);
  });

  it('is not what must not leave', () => {
    assert.equal(clean('{"verb":"drop"}\n'), '15 bytes\n');
    assert.equal(clean('{"verb":"get"\n'), '13 bytes\n');
    const line = { start: 100, end: 200, reason: 'a test' };
    const begin = { ...blockOf('secret', { start: 100 }), kind: 'part' as const, line };
    assert.equal(transcoder.clean(begin).toString(), '6 bytes');
    const middle = { ...blockOf('secret', { start: 106 }), kind: 'part' as const, line };
    assert.equal(transcoder.clean(middle).toString(), '6 bytes of the middle');
    const end = { ...blockOf('secret\n', { start: 112 }), kind: 'last-part' as const, line };
    for (const [block, text] of [
      [begin, '6 bytes'],
      [middle, '6 bytes of the middle'],
      [end, '6 bytes of the middle'],
    ] as const) {
      const { payload } = json.transcode(block);
      assert.match(bytesOf(payload).toString(), new RegExp(`"log":"${text}"`));
    }
  });

  it('is made of the pieces of a torn line', () => {
    const event = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"b","verb":"change"}';
    assert.equal(clean(`{"secret":"x${event}\n`), `12 bytes${changed('b')}\n`);
  });
});

describe('an event that is glued to a torn one', () => {
  it('is asked about as well', () => {
    const event = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"b","verb":"drop"}';
    const transcoder = new BlockTranscoder(
      new JsonWriter(new Shipper(NOTHING_ADDED)),
      () => 0,
      new FakeRules(),
    );
    const { payload, accounts } = transcoder.transcode(blockOf(`{"secret":"x${event}\n`));
    assert.match(bytesOf(payload).toString(), /"log":"12 bytes"/);
    assert.doesNotMatch(bytesOf(payload).toString(), /secret|audit\.k8s\.io/);
    assert.equal(accounts.filtered.events, 1);
  });
});

describe('an event of which only a part was read', () => {
  it('stays whole', () => {
    const transcoder = new BlockTranscoder(forwardWriter(ALL_ADDED), () => NOW_MS, new FakeRules());
    const block = { ...blockOf('{"verb":"drop"}\n'), kind: 'reduced' as const, end: 5000 };
    const { accounts } = transcoder.transcode(block);
    assert.deepEqual(accounts.filtered, { events: 1, bytes: 5000 });
    assert.deepEqual(accounts.delivered, { events: 0, bytes: 0 });
  });
});

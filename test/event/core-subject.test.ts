/**
 * The subject of an event: events that rules must tell apart have different ones, and what was answered for a subject is
 * asked again only where it must be.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Core, mayHaveSecret, type Answer, type Ruling } from '../../src/event/core.ts';

const SLAB_BYTES = 256 * 1024;
/** So many subjects that each place has to do with several. */
const MANY = 6000;

type Rule = Ruling['rule'];

const all = (rule: Rule): Ruling => ({ rule, asksWho: true });

/** Runs lines through a core that asks. @returns whether it stopped, by line. */
function ask(core: Core, lines: readonly string[], ruling: Ruling): boolean[] {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  core.slab.set(bytes);
  core.rewind();
  core.setStyle({ format: 'forward' });
  core.setClock(1, 0);
  core.setRuling(ruling);
  const stopped: boolean[] = [];
  for (let at = 0; at < bytes.length;) {
    const run = core.run(at, bytes.length, at);
    for (let event = 0; event < run.events; event++) stopped.push(false);
    if (run.reason === 'done') break;
    assert.equal(run.reason, 'ruled');
    stopped.push(true);
    at = core.endOfRuled;
  }
  return stopped;
}

const shared = new Core(SLAB_BYTES, 0);

function subjectOf(line: string, asksWho = true): string {
  let found: string | undefined;
  const rule: Rule = (subject) => {
    found = subject;
    return 'go';
  };
  ask(shared, [line], { rule, asksWho });
  assert.ok(found !== undefined);
  return found;
}

interface Asked {
  readonly responseStatus?: unknown;
  readonly level?: unknown;
  readonly stage?: unknown;
  readonly verb?: unknown;
  readonly user?: unknown;
  readonly objectRef?: unknown;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
}

/** What rules ask for, of an event as JSON.parse has it. */
function askedOf(line: string, asksWho: boolean): unknown {
  const event = JSON.parse(line) as Asked;
  const ref = recordOf(event.objectRef);
  const user = recordOf(event.user);
  const { requestObject, responseObject, responseStatus, objectRef: about } = event;
  const present = [requestObject, responseObject, responseStatus, about];
  const who = [event.stage, ref['namespace'], user['username'], user['groups']];
  return [
    ...[event.level, event.verb, recordOf(responseStatus)['code']].map(orNull),
    ...present.map((value) => orNull(value) !== null),
    ...[ref['resource'], ref['apiGroup'], ref['subresource']].map(orNull),
    ...(asksWho ? who.map(orNull) : []),
  ];
}

/** In the query, whose escapes mean bytes. What is no escape hides two letters: nobody decodes it. */
function hasNameOfSecret(uri: string): boolean {
  const query = uri.includes('?') ? uri.slice(uri.indexOf('?')) : '';
  const meant = query.replace(/%([^]{2})/g, (_, two: string) =>
    /[0-9a-f]{2}/i.test(two) ? String.fromCharCode(parseInt(two, 16)) : '#',
  );
  return /(?:token|secret|command|cmd)=/i.test(meant);
}

const orNull = (value: unknown): unknown => value ?? null;

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { ...(value as Record<string, unknown>) }
    : {};
}

const word = fc.constantFrom('', 'a', 'b', 'get', 'pods', 'a longer text than sixteen', 'ü', '"');
const odd = fc.constantFrom(null, 1, -1, 300, 70_000, true, [], {}, ['a', { a: 'b' }], { a: [1] });
const value = fc.oneof({ weight: 4, arbitrary: word }, { weight: 1, arbitrary: odd });
const groups = fc.oneof(fc.array(word, { maxLength: 3 }), value);
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined, freq: 6 });
const user = fc.record({
  extra: optional(fc.constantFrom({ username: ['b'], groups: 'c' }, [], 'x'.repeat(300))),
  username: optional(value),
  uid: optional(word),
  groups: optional(groups),
});
const objectRef = fc.record({
  name: optional(word),
  resource: optional(value),
  namespace: optional(value),
  apiGroup: optional(value),
  subresource: optional(value),
});
const event = fc.record({
  resource: optional(word),
  level: optional(value),
  auditID: word,
  stage: optional(value),
  verb: optional(value),
  user: optional(fc.oneof(user, odd)),
  objectRef: optional(fc.oneof(objectRef, odd)),
  requestObject: optional(fc.oneof(user, odd)),
  responseObject: optional(odd),
  responseStatus: optional(fc.oneof(fc.record({ metadata: odd, code: value }), odd)),
});
const line = event.map((fields) => JSON.stringify(fields));

describe('the subject of an event', () => {
  it('is the same exactly where what rules ask for is the same', () => {
    const keysOf = fc.subarray(['user', 'objectRef', 'level', 'verb', 'responseStatus']);
    const twice = fc.tuple(event, event, keysOf, fc.boolean());
    const check = fc.property(twice, ([first, second, keys, asksWho]) => {
      const common = Object.fromEntries(keys.map((key) => [key, Reflect.get(first, key)]));
      const lines = [first, { ...second, ...common }].map((fields) => JSON.stringify(fields));
      const [a = '', b = ''] = lines;
      const isSame = subjectOf(a, asksWho) === subjectOf(b, asksWho);
      const [one, other] = [askedOf(a, asksWho), askedOf(b, asksWho)];
      assert.equal(isSame, JSON.stringify(one) === JSON.stringify(other), `${a}\n${b}`);
    });
    fc.assert(check, { numRuns: 3000 });
  });

  it('does not know names, addresses, numbers of versions and what else differs from event to event', () => {
    const events = ['x', 'y'].map((one) =>
      JSON.stringify({
        auditID: one,
        requestURI: `/api/${one}`,
        user: { username: 'u', uid: one, extra: { id: [one] } },
        sourceIPs: [one],
        userAgent: one,
        objectRef: { resource: 'pods', name: one, uid: one, resourceVersion: one },
        requestObject: { a: one },
      }),
    );
    assert.equal(new Set(events.map((text) => subjectOf(text))).size, 1);
  });

  it('is of its own event, also where that begins as others do', () => {
    const found: string[] = [];
    const levels = ['Metadata', 'Request', 'Metadata', 'Request', 'Metadata'];
    const events = levels.map((level, index) =>
      JSON.stringify({ kind: 'Event', apiVersion: 'v1', level, auditID: 'a'.repeat(9 * index) }),
    );
    const rule: Rule = (subject) => (found.push(subject) === 0 ? 'stop' : 'go');
    ask(new Core(SLAB_BYTES, 0), events, { rule, asksWho: true });
    const expected = levels.map((level) => subjectOf(JSON.stringify({ level })));
    assert.deepEqual(found, expected);
  });

  it('is of the last value where a key comes twice, whatever came before', () => {
    // Longer than what it is found by: what follows it does not matter.
    const named = (name: string): string => `{"username":"${name}","groups":["${'g'.repeat(90)}"]}`;
    const status = '{"metadata":{},"code":200}';
    const core = new Core(SLAB_BYTES, 0);
    const found: string[] = [];
    const rule: Rule = (subject) => (found.push(subject) === 0 ? 'stop' : 'go');
    for (const last of [named('b'), 'null', '[]', '"x"', '7', named('a')]) {
      const twice = `{"user":${named('a')},"user":${last},"responseStatus":${status},"responseStatus":${last}}`;
      const once = `{"user":${last},"responseStatus":${last}}`;
      ask(core, [`{"user":${named('a')},"responseStatus":${status}}`, twice, once], all(rule));
      assert.equal(found.at(-2), subjectOf(once), last);
      assert.equal(found.at(-1), subjectOf(once), last);
    }
  });

  it('is empty where a user is in more groups than it has room for', () => {
    const many = Array.from({ length: 300 }, (_, index) => `group-of-many-${index}`);
    assert.equal(subjectOf(JSON.stringify({ user: { username: 'u', groups: many } })), '');
    assert.equal(mayHaveSecret(''), true);
  });

  it('is empty where what is asked first has no room, too', () => {
    const asked: string[] = [];
    const ruling: Ruling = {
      asksWho: false,
      goEarly: (subject) => asked.push(subject) === 0,
      rule: (subject) => (asked.push(subject) === 0 ? 'stop' : 'all-go'),
    };
    const long = { level: 'x'.repeat(5000), verb: 'get' };
    const core = new Core(SLAB_BYTES, 0);
    ask(core, [JSON.stringify(long), JSON.stringify({ ...long, level: 'y'.repeat(5000) })], ruling);
    assert.deepEqual(asked, ['', '']);
  });

  const uris: readonly (readonly [string, boolean])[] = [
    ['/api', false],
    ['/api?limit=500&resourceVersion=0', false],
    ['/api?fieldSelector=spec.nodeName%3Dnode1&token', false],
    ['/token=1', false],
    ['/api?token=1', true],
    ['/api?a=b&access_token=1', true],
    ['/api?a=b;id_token=1', true],
    ['/api?TOKEN=1', true],
    ['/api?%74oke%6E=1', true],
    ['/api?t%6Fken%3d1', true],
    ['/api?back=https%3A%2F%2Fa%3Ftoken%3D1', true],
    ['/api?a=token=1', true],
    ['/api?client_secret=1', true],
    ['/api?command=ls', true],
    ['/api?cmd=ls', true],
    ['/api?=token', false],
    ['/a?oken=1', false],
    ['/a?token%', false],
    ['/a?token%3', false],
    ['/api/v1/namespaces/a/pods/b/proxy/x?a=1?token=1', true],
  ];
  for (const [uri, expected] of uris) {
    it(`says that ${expected ? 'a secret may be' : 'no secret is'} in ${uri}`, () => {
      assert.equal(mayHaveSecret(subjectOf(JSON.stringify({ requestURI: uri }))), expected);
      const escaped = JSON.stringify({ requestURI: uri }).replaceAll('&', '\\u0026');
      assert.equal(mayHaveSecret(subjectOf(escaped)), expected);
    });
  }

  it('looks through a URI of any length, wherever in it something stands', () => {
    const part = fc.oneof(
      fc.constantFrom('/', '?', '&', '=', '%74', 'tokens', 'cmd=', 'a=b', 'Secret=1'),
      fc.integer({ min: 0, max: 40 }).map((length) => 'x'.repeat(length)),
      fc.constantFrom('token=1', 'access_token=', 'command=', '?token', '%3D', 't%6fken='),
    );
    const check = fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const uri = `/${parts.join('')}`;
      const isFound = mayHaveSecret(subjectOf(JSON.stringify({ requestURI: uri }), false));
      assert.equal(isFound, hasNameOfSecret(uri), uri);
    });
    fc.assert(check, { numRuns: 3000 });
  });
});

describe('the path of an event', () => {
  const subjectFor = (uri: string): string => subjectOf(JSON.stringify({ requestURI: uri }));
  const plain = subjectFor('/api/v1/pods');
  const other = subjectFor('/healthz');
  const namespaced = subjectFor('/api/v1/namespaces/a/pods');
  const paths: readonly (readonly [string, string])[] = [
    ['/version', other],
    ['/x/v1/pods', other],
    ['/api/v1', other],
    ['/apis/apps/v1', other],
    ['/api/v1/namespaces/', ''],
    ['/api/v1/pods/?limit=1', ''],
    ['/api/v1/namespaces', plain],
    ['/api/v1/namespaces?limit=1', plain],
    ['/api/v1/pods?a=/namespaces/b', plain],
    ['/apis/a.example/v1/things', plain],
    ['/apis/a.example/v1/things/namespaces', plain],
    ['', other],
    ['/api/v1/namespaces/a', namespaced],
    ['/apis/apps/v1/namespaces/a/deployments/b?x', namespaced],
    ['/api/v1/namespaces/a/things/namespaces/b', namespaced],
    ['/apis/a.example/v1/things/namespaces/status', ''],
    ['/api/v1/watch/namespaces/a/pods', ''],
    ['/api/v1/%6eamespaces/a/pods', ''],
    ['/api//v1/namespaces/a/pods', ''],
    ['//api/v1/namespaces/a/pods', ''],
    ['/x/v1/namespaces/a/pods', ''],
    ['/api/v1/namespaces/a/pods/b/log?follow=%74rue', namespaced],
    ['/api/v1/namespaces/a?namespaces/b', namespaced],
    ['/api/v1/namespaces/%61/pods', ''],
  ];
  for (const [path, expected] of paths) {
    it(`is ${expected === '' ? 'nothing to remember by' : expected === plain || expected === other ? 'of no namespace' : 'of a namespace'}: ${path}`, () => {
      assert.equal(subjectFor(path), expected);
    });
  }
  it('may be of any length', () => {
    const length = fc.integer({ min: 1, max: 40 });
    const check = fc.property(length, length, length, (a, b, c) => {
      const [group, name, rest] = ['g'.repeat(a), 'n'.repeat(b), 'r'.repeat(c)];
      const path = `/apis/${group}/v1/namespaces/${name}`;
      const subject = subjectFor(path);
      assert.equal(subjectFor(`/apis/a/v1/namespaces/${name}/${rest}?${rest}/${rest}`), subject);
      assert.equal(subjectFor(`${path}/${rest}/%61`), subject);
      assert.notEqual(subjectFor(`${path}m`), subject);
      assert.equal(subjectFor(`/apis/${group}%61/v1/namespaces/${name}`), '');
      assert.equal(subjectFor(`${path}/${rest}//${rest}`), subject);
      assert.equal(subjectFor(`/apis/${group}//v1/namespaces/${name}`), '');
    });
    fc.assert(check, { numRuns: 300 });
  });

  it('matters', () => {
    const another = subjectFor('/api/v1/namespaces/b/pods');
    const longer = subjectFor('/api/v1/namespaces/ab/pods');
    assert.equal(new Set([plain, namespaced, other, another, longer]).size, 5);
  });
});

describe('what was answered', () => {
  const lines = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => JSON.stringify({ verb: `verb-${index}` }));

  it('is asked once where all events with the subject go', () => {
    let asked = 0;
    const answer = (): Answer => {
      asked += 1;
      return 'all-go';
    };
    const core = new Core(SLAB_BYTES, 0);
    const stopped = ask(core, [...lines(3), ...lines(3), ...lines(3)], all(answer));
    assert.deepEqual([asked, stopped.length, stopped.some(Boolean)], [3, 9, false]);
  });

  it('of a few subjects is asked once, whatever it is in which they differ', () => {
    const codes = Array.from({ length: 60 }, (_, index) => 400 + index);
    const texts: readonly ((code: number) => object)[] = [
      (code) => ({ responseStatus: { code } }),
      (code) => ({ level: `${code}` }),
      (code) => ({ verb: `a verb of some length ${code}` }),
      (code) => ({ objectRef: { subresource: `${code} in the last part` } }),
    ];
    for (const text of texts) {
      const round = codes.map((code) => JSON.stringify(text(code)));
      const asked = { early: 0, whole: 0 };
      ask(new Core(SLAB_BYTES, 0), [...round, ...round, ...round], {
        asksWho: false,
        goEarly: () => {
          asked.early += 1;
          return false;
        },
        rule: () => {
          asked.whole += 1;
          return 'all-go';
        },
      });
      // In 2,048 places hardly any two take the place of each other.
      assert.ok(asked.early <= codes.length + 20, `early: ${asked.early}`);
      assert.ok(asked.whole <= codes.length + 20, `whole: ${asked.whole}`);
    }
  });

  it('first is enough where it says so, and otherwise the whole subject is asked', () => {
    const subjects: string[] = [];
    const isEarly = (subject: string): boolean => subject.includes('Metadata');
    const events = ['Metadata', 'Request', 'Metadata', 'Request'].map((level) =>
      JSON.stringify({ level, verb: 'get' }),
    );
    const stopped = ask(new Core(SLAB_BYTES, 0), events, {
      asksWho: true,
      goEarly: (subject) => {
        subjects.push(subject);
        return isEarly(subject);
      },
      rule: (subject) => {
        assert.ok(subject.startsWith(subjects[1] ?? '-'), 'what was asked first is its beginning');
        return 'stop';
      },
    });
    assert.deepEqual(stopped, [false, true, false, true]);
    assert.equal(subjects.length, 2);
  });

  it('is asked each time where it depends on the event, and where events stay', () => {
    const core = new Core(SLAB_BYTES, 0);
    let asked = 0;
    const answers: readonly Answer[] = ['go', 'stop'];
    const stopped = ask(
      core,
      Array.from({ length: 6 }, () => '{"verb":"get"}'),
      all(() => {
        asked += 1;
        return answers[asked % 2] ?? 'go';
      }),
    );
    assert.equal(asked, 6);
    assert.deepEqual(stopped, [true, false, true, false, true, false]);
  });

  it('is asked again when the rules are others', () => {
    const core = new Core(SLAB_BYTES, 0);
    const [text = ''] = lines(1);
    assert.deepEqual(
      ask(
        core,
        [text, text],
        all(() => 'all-go'),
      ),
      [false, false],
    );
    assert.deepEqual(
      ask(
        core,
        [text, text],
        all(() => 'stop'),
      ),
      [true, true],
    );
  });

  it('holds for its subject alone, however many there are', () => {
    const core = new Core(SLAB_BYTES, 0);
    const isKept = (subject: string): boolean => subject.includes('7');
    const ruling = all((subject) => (isKept(subject) ? 'stop' : 'all-go'));
    const many = lines(MANY);
    for (let round = 0; round < 3; round++) {
      const stopped = ask(core, many, ruling);
      assert.deepEqual(
        stopped,
        many.map((text) => text.includes('7')),
      );
    }
  });

  it('holds for its subject alone, whatever that consists of', () => {
    const core = new Core(SLAB_BYTES, 0);
    const kept = new Map<string, Answer>();
    let last = '';
    const ruling = all((subject) => {
      last = subject;
      return kept.get(subject) ?? 'all-go';
    });
    const check = fc.property(fc.array(line, { maxLength: 20 }), (some) => {
      for (const [index, text] of some.entries()) {
        const subject = subjectOf(text);
        if (!kept.has(subject)) kept.set(subject, index % 3 === 0 ? 'stop' : 'all-go');
        const [isStopped] = ask(core, [text], ruling);
        assert.equal(isStopped, kept.get(subject) === 'stop', `${text} ${last}`);
      }
    });
    fc.assert(check, { numRuns: 300 });
  });
});

/**
 * JSON as a tree that knows how each part is written: with white space, escapes and keys that stand twice. Whoever
 * changes a part of it knows every byte of the result. Pure.
 */
import * as fc from 'fast-check';
import { space } from './json-texts.ts';

export type Tree =
  | { readonly kind: 'scalar'; readonly text: string }
  | { readonly kind: 'object'; readonly members: readonly TreeMember[]; readonly blank: string }
  | { readonly kind: 'array'; readonly elements: readonly Tree[]; readonly blank: string };

export interface TreeMember {
  readonly key: string;
  /** As it is written, with its quotes. */
  readonly keyText: string;
  readonly value: Tree;
}

export function scalar(text: string): Tree {
  return { kind: 'scalar', text };
}

export function textOf(tree: Tree): string {
  if (tree.kind === 'scalar') return tree.text;
  const { blank } = tree;
  if (tree.kind === 'array') return `[${tree.elements.map(textOf).join(`${blank},`)}${blank}]`;
  const texts = tree.members.map(({ keyText, value }) => `${keyText}${blank}:${textOf(value)}`);
  return `{${blank}${texts.join(`,${blank}`)}}`;
}

export function isNull(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.text === 'null';
}

/** An object's members, each changed. */
export function mapMembers(tree: Tree, change: (member: TreeMember) => Tree): Tree {
  if (tree.kind !== 'object') return tree;
  const members = tree.members.map((member) => ({ ...member, value: change(member) }));
  return { ...tree, members };
}

/** A list's elements, or an object's values, each changed. */
export function mapChildren(tree: Tree, change: (child: Tree) => Tree): Tree {
  if (tree.kind === 'array') return { ...tree, elements: tree.elements.map(change) };
  return mapMembers(tree, ({ value }) => change(value));
}

const scalars = fc
  .constantFrom(
    'null',
    'true',
    '0',
    '-1.5e3',
    '9007199254740993',
    '""',
    '"x"',
    '"\\u0041\\"\\\\"',
    '"é🚀{,["',
  )
  .map(scalar);

/** Keys as they are written, some with an escape. */
export function keysOf(
  names: readonly string[],
): fc.Arbitrary<Pick<TreeMember, 'key' | 'keyText'>> {
  return fc.tuple(fc.constantFrom(...names), fc.boolean()).map(([key, isEscaped]) => {
    const first = key.charCodeAt(0).toString(16).padStart(4, '0');
    const escaped = `"\\u${first}${JSON.stringify(key.slice(1)).slice(1)}`;
    return { key, keyText: isEscaped && key !== '' ? escaped : JSON.stringify(key) };
  });
}

/** Trees with these keys; their root is an object. */
export function trees(names: readonly string[]): fc.Arbitrary<Tree> {
  const key = keysOf(names);
  const { object } = fc.letrec<{ value: Tree; object: Tree }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium' },
      scalars,
      tie('object'),
      fc.record({
        kind: fc.constant('array' as const),
        elements: fc.array(tie('value'), { maxLength: 3 }),
        blank: space,
      }),
    ),
    object: fc.record({
      kind: fc.constant('object' as const),
      members: fc.array(
        fc.tuple(key, tie('value')).map(([written, value]) => ({ ...written, value })),
        { maxLength: 5 },
      ),
      blank: space,
    }),
  }));
  return object;
}

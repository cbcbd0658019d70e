/**
 * Expressions of PromQL taken apart, by the grammar of Prometheus' own editor: which metrics they name, and with which
 * labels. Knows nothing of what there is.
 */
import { parser } from '@prometheus-io/lezer-promql';

/** A metric that is selected, with the labels that are asked of it. */
export interface Selected {
  readonly metric: string;
  readonly labels: readonly string[];
}

type Node = ReturnType<typeof parser.parse>['topNode'];

/** @throws where the text is no PromQL. */
export function selectedBy(query: string): Selected[] {
  const { topNode } = parser.parse(query);
  const text = ({ from, to }: Node): string => query.slice(from, to);
  const wrong = all(topNode, (node) => node.type.isError)[0];
  if (wrong !== undefined) throw new Error(`no PromQL at ${wrong.from}: ${query}`);
  return all(topNode, ({ name }) => name === 'VectorSelector').map((selector) => {
    const own = labelsIn(selector).map(text);
    const around = groupingsAround(selector).flatMap((grouping) => labelsIn(grouping).map(text));
    const metric = selector.getChild('Identifier');
    if (metric === null) throw new Error(`a selector without a metric's name: ${query}`);
    return { metric: text(metric), labels: [...new Set([...own, ...around])] };
  });
}

/** `by (…)`, `without (…)`, `on (…)` of whatever the selector is part of; what `group_left` brings, one side has. */
function groupingsAround(selector: Node): Node[] {
  const found: Node[] = [];
  let inside = selector;
  for (let node = selector.parent; node !== null; inside = node, node = node.parent) {
    const aggregation = node.getChild('AggregateModifier')?.getChild('GroupingLabels') ?? null;
    if (aggregation !== null) found.push(aggregation);
    const matching = node.getChild('MatchingModifierClause');
    if (matching === null) continue;
    const groupings = matching.getChildren('GroupingLabels');
    const brought = matching.getChild('GroupLeft') ?? matching.getChild('GroupRight');
    const isRight = inside.from > matching.from;
    // The labels that are brought come from the other side than the one that is named.
    const brings = brought !== null && isRight === (brought.name === 'GroupLeft');
    found.push(...(brings || brought === null ? groupings : groupings.slice(0, 1)));
  }
  return found;
}

function labelsIn(node: Node): Node[] {
  return all(node, ({ name }) => name === 'LabelName');
}

/** Of a node and all below it. */
function all(node: Node, isWanted: (one: Node) => boolean): Node[] {
  const found = isWanted(node) ? [node] : [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    found.push(...all(child, isWanted));
  }
  return found;
}

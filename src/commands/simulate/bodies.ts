/**
 * Kubernetes objects for `requestObject` and `responseObject`: plausible in shape and of a wished size.
 * Built as plain values in the key order of Kubernetes' types; knows nothing of audit events.
 */
import { type Random, uuid } from './random.ts';

export type Body = Readonly<Record<string, unknown>> | readonly unknown[];

/** What a body describes. */
export interface Subject {
  readonly kind: string;
  readonly apiVersion: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly time: Date;
}

const WORDS =
  'retry timeout cache upstream listener region bucket shard quota replica window budget feature tenant locale currency ' +
  'catalog discount basket invoice refund courier parcel pickup voucher tax stock supplier warehouse label <default> a&b';
const TEXT = `${WORDS} ${WORDS.toUpperCase()} größe=42 価格=1200 `;

/** Filler of exactly `length` characters that compresses about as well as configuration does. */
function text(random: Random, length: number): string {
  const start = random.below(TEXT.length);
  return TEXT.repeat(Math.ceil((start + length) / TEXT.length)).slice(start, start + length);
}

function metadata(random: Random, subject: Subject, manager: string): Body {
  const time = `${subject.time.toISOString().slice(0, 19)}Z`;
  const app = subject.name?.split('-')[0] ?? 'none';
  return {
    name: subject.name ?? `${app}-${random.hex(5)}`,
    namespace: subject.namespace,
    uid: uuid(random),
    resourceVersion: String(8_000_000 + random.below(900_000)),
    generation: 1 + random.below(40),
    creationTimestamp: time,
    labels: { app, 'app.kubernetes.io/part-of': 'shop', 'pod-template-hash': random.hex(10) },
    managedFields: [
      {
        manager,
        operation: 'Update',
        apiVersion: subject.apiVersion,
        time,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } }, 'f:spec': {} },
      },
    ],
  };
}

/** About 90 bytes for each entry of `env`. */
const ENV_ENTRY_BYTES = 90;

function container(random: Random, name: string, bytes: number): Body {
  const env = [];
  for (let count = Math.ceil(bytes / ENV_ENTRY_BYTES); count > 0; count--) {
    env.push({ name: `SETTING_${count}`, value: text(random, 20 + random.below(64)) });
  }
  return {
    name,
    image: `registry.example.org/shop/${name}@sha256:${random.hex(64)}`,
    env,
    resources: { limits: { memory: '512Mi' }, requests: { cpu: '100m', memory: '256Mi' } },
    terminationMessagePath: '/dev/termination-log',
    imagePullPolicy: 'IfNotPresent',
  };
}

function podSpec(random: Random, bytes: number): Body {
  return {
    containers: [container(random, 'app', bytes)],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    nodeName: `worker-${1 + random.below(3)}`,
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
  };
}

/** Everything below `metadata`, filled up to about `bytes`. */
function content(random: Random, kind: string, bytes: number): Readonly<Record<string, unknown>> {
  switch (kind) {
    case 'Pod':
      return { spec: podSpec(random, bytes), status: { phase: 'Running', podIP: '10.244.1.9' } };
    case 'Deployment':
    case 'ReplicaSet': {
      const replicas = 1 + random.below(6);
      const template = { metadata: { labels: { app: 'shop' } }, spec: podSpec(random, bytes) };
      return {
        spec: { replicas, selector: { matchLabels: { app: 'shop' } }, template },
        status: { replicas, readyReplicas: replicas },
      };
    }
    case 'Lease':
      return {
        spec: { holderIdentity: `cp-1_${uuid(random)}`, leaseDurationSeconds: 15 },
      };
    case 'Event':
      return { reason: 'Scheduled', message: text(random, 120), count: 1 + random.below(9) };
    case 'Binding':
      return { target: { kind: 'Node', name: `worker-${1 + random.below(3)}` } };
    case 'Scale':
      return { spec: { replicas: 1 + random.below(8) }, status: { replicas: 2 } };
    default:
      // One string of any length, as in a ConfigMap with a file in it.
      return { data: { 'settings.properties': text(random, bytes) } };
  }
}

/** One object of about `bytes` bytes; leases, events and the like are small whatever is wished. */
export function objectBody(random: Random, subject: Subject, bytes: number): Body {
  return {
    kind: subject.kind,
    apiVersion: subject.apiVersion,
    metadata: metadata(random, subject, 'deployer'),
    ...content(random, subject.kind, bytes),
  };
}

/** A list may not have more items than the page size that clients ask for (`limit=500`). */
const LIST_ITEMS_MAX = 500;
/** Metadata and the fixed fields of an item take about this much. */
const ITEM_OVERHEAD_BYTES = 1_200;

/** A list of about `bytes` bytes. */
export function listBody(random: Random, subject: Subject, bytes: number): Body {
  const itemBytes = Math.max(4_000, bytes / LIST_ITEMS_MAX);
  const items = [];
  for (let left = bytes; left > 0 && items.length < LIST_ITEMS_MAX; left -= itemBytes) {
    items.push({
      metadata: metadata(random, subject, 'kubelet'),
      ...content(random, subject.kind, Math.max(0, itemBytes - ITEM_OVERHEAD_BYTES)),
    });
  }
  return {
    kind: `${subject.kind}List`,
    apiVersion: subject.apiVersion,
    metadata: { resourceVersion: String(8_000_000 + random.below(900_000)) },
    items,
  };
}

/** A JSON patch: the one kind of `requestObject` that is an array. */
export function jsonPatchBody(random: Random): Body {
  return [
    { op: 'test', path: '/metadata/generation', value: random.below(40) },
    { op: 'replace', path: '/spec/replicas', value: 1 + random.below(8) },
  ];
}

/** A merge patch, as `kubectl apply` sends it. */
export function mergePatchBody(random: Random): Body {
  return {
    metadata: {
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': `{"note":"${text(random, 300)}"}\n`,
      },
    },
    spec: { template: { spec: { containers: [{ name: 'app', image: `shop:${random.hex(7)}` }] } } },
  };
}

/** A strategic merge patch of a status, as kubelets send it. */
export function statusPatchBody(random: Random, time: Date): Body {
  const heartbeat = `${time.toISOString().slice(0, 19)}Z`;
  const message = text(random, 60);
  return {
    status: {
      '$setElementOrder/conditions': [
        { type: 'MemoryPressure' },
        { type: 'DiskPressure' },
        { type: 'Ready' },
      ],
      conditions: [{ lastHeartbeatTime: heartbeat, message, status: 'True', type: 'Ready' }],
    },
  };
}

/**
 * Who talks to the simulated kube-apiserver: nodes, control-plane components, service accounts, people and
 * strangers. All names are invented. Knows nothing of what they ask for.
 */
import { createRandom, uuid } from './random.ts';

/** The order of keys is that of `authentication/v1` UserInfo; `JSON.stringify` leaves out what is undefined. */
interface User {
  readonly username?: string;
  readonly uid?: string | undefined;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

export interface Caller {
  readonly user: User;
  readonly impersonatedUser?: User;
  readonly sourceIPs: readonly string[];
  readonly userAgent: string | undefined;
  /** What the authorizer says about an allowed request (annotation `authorization.k8s.io/reason`). */
  readonly reason: string;
  /** The node a kubelet runs on, or the name a component uses for its lease. */
  readonly self: string;
}

const KUBERNETES = 'v1.33.4 (linux/amd64) kubernetes/74cdb42';
const CONTROL_PLANE_IP = '10.40.0.10';

/** Identities are the same in every run: only what happens depends on the seed. */
const identities = createRandom(0x5eed);

/** Since Kubernetes 1.32 a client certificate shows up as the hash of the certificate. */
function certificate(): User['extra'] {
  return { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${identities.hex(64)}`] };
}

function kubelet(node: string, ip: string): Caller {
  return {
    user: {
      username: `system:node:${node}`,
      groups: ['system:nodes', 'system:authenticated'],
      extra: certificate(),
    },
    sourceIPs: [ip],
    userAgent: `kubelet/${KUBERNETES}`,
    reason: '',
    self: node,
  };
}

function component(name: string, userAgentSuffix: string): Caller {
  const username = `system:${name}`;
  return {
    user: { username, groups: ['system:authenticated'], extra: certificate() },
    sourceIPs: [CONTROL_PLANE_IP],
    userAgent: `${name}/${KUBERNETES}${userAgentSuffix}`,
    reason: `RBAC: allowed by ClusterRoleBinding "${username}" of ClusterRole "${username}" to User "${username}"`,
    self: name,
  };
}

interface ServiceAccountSpec {
  readonly namespace: string;
  readonly name: string;
  readonly role: string;
  readonly userAgent: string;
  readonly ip: string;
  /** Pods carry bound tokens; the controllers inside kube-controller-manager do not. */
  readonly pod?: string;
}

function serviceAccount(spec: ServiceAccountSpec): Caller {
  const { namespace, name, role, pod } = spec;
  const extra =
    pod === undefined
      ? { 'authentication.kubernetes.io/credential-id': [`JTI=${uuid(identities)}`] }
      : {
          'authentication.kubernetes.io/credential-id': [`JTI=${uuid(identities)}`],
          'authentication.kubernetes.io/node-name': ['worker-1'],
          'authentication.kubernetes.io/node-uid': [uuid(identities)],
          'authentication.kubernetes.io/pod-name': [pod],
          'authentication.kubernetes.io/pod-uid': [uuid(identities)],
        };
  return {
    user: {
      username: `system:serviceaccount:${namespace}:${name}`,
      uid: uuid(identities),
      groups: [
        'system:serviceaccounts',
        `system:serviceaccounts:${namespace}`,
        'system:authenticated',
      ],
      extra,
    },
    sourceIPs: [spec.ip],
    userAgent: spec.userAgent,
    reason: `RBAC: allowed by ClusterRoleBinding "${role}" of ClusterRole "${role}" to ServiceAccount "${name}/${namespace}"`,
    self: name,
  };
}

function person(username: string, groups: readonly string[], userAgent: string): Caller {
  const team = groups[0] ?? '';
  return {
    user: { username, groups: [...groups, 'system:authenticated'] },
    sourceIPs: ['203.0.113.24', CONTROL_PLANE_IP],
    userAgent,
    reason: `RBAC: allowed by RoleBinding "${team}-edit/shop" of ClusterRole "edit" to Group "${team}"`,
    self: username,
  };
}

function stranger(ip: string, userAgent: string | undefined): Caller {
  return {
    user: { username: 'system:anonymous', groups: ['system:unauthenticated'] },
    sourceIPs: [ip],
    userAgent,
    reason:
      'RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer" to Group "system:unauthenticated"',
    self: 'anonymous',
  };
}

export const KUBELETS: readonly Caller[] = [
  kubelet('cp-1', CONTROL_PLANE_IP),
  kubelet('worker-1', '10.40.0.21'),
  kubelet('worker-2', '10.40.0.22'),
  kubelet('worker-3', '10.40.0.23'),
];

export const SCHEDULER: readonly Caller[] = [component('kube-scheduler', '/scheduler')];

export const CONTROLLER_MANAGER: readonly Caller[] = [
  component('kube-controller-manager', '/leader-election'),
];

export const CONTROLLERS: readonly Caller[] = [
  'deployment-controller',
  'replicaset-controller',
  'endpointslice-controller',
  'generic-garbage-collector',
  'horizontal-pod-autoscaler',
].map((name) =>
  serviceAccount({
    namespace: 'kube-system',
    name,
    role: `system:controller:${name}`,
    userAgent: `kube-controller-manager/${KUBERNETES}/system:serviceaccount:kube-system:${name}`,
    ip: CONTROL_PLANE_IP,
  }),
);

export const APISERVER: readonly Caller[] = [
  {
    user: { username: 'system:apiserver', uid: uuid(identities), groups: ['system:masters'] },
    sourceIPs: ['::1'],
    userAgent: `kube-apiserver/${KUBERNETES}`,
    reason: '',
    self: 'apiserver',
  },
];

export const WORKLOADS: readonly Caller[] = [
  serviceAccount({
    namespace: 'monitoring',
    name: 'prometheus',
    role: 'prometheus',
    userAgent: 'prometheus/3.5.0 (linux; amd64)',
    ip: '10.244.1.17',
    pod: 'prometheus-0',
  }),
  serviceAccount({
    namespace: 'ingress',
    name: 'ingress-controller',
    role: 'ingress-controller',
    userAgent: 'ingress-controller/v1.13.0 (linux/amd64) ingress/8fd1c1f',
    ip: '10.244.2.40',
    pod: 'ingress-controller-7c9d5b6f44-x2k8q',
  }),
  serviceAccount({
    namespace: 'delivery',
    name: 'deployer',
    role: 'deployer',
    userAgent: 'deployer/2.14.1 (linux/amd64)',
    ip: '10.244.1.92',
    pod: 'deployer-5f6b7d9c8b-qm4zt',
  }),
];

export const PEOPLE: readonly Caller[] = [
  person(
    'oidc:ines@example.org',
    ['oidc:shop'],
    'kubectl/v1.33.1 (darwin/arm64) kubernetes/8adc0f0',
  ),
  person(
    'oidc:tarek@example.org',
    ['oidc:shop'],
    'kubectl/v1.32.6 (linux/amd64) kubernetes/a3f1c92',
  ),
  person('oidc:zoë.müller@example.org', ['oidc:data'], 'k9s/0.50.9'),
];

export const ADMINISTRATORS: readonly Caller[] = [
  {
    user: {
      username: 'kubernetes-admin',
      groups: ['kubeadm:cluster-admins', 'system:authenticated'],
      extra: certificate(),
    },
    sourceIPs: [CONTROL_PLANE_IP],
    userAgent: `kubectl/${KUBERNETES}`,
    reason:
      'RBAC: allowed by ClusterRoleBinding "kubeadm:cluster-admins" of ClusterRole "cluster-admin" to Group "kubeadm:cluster-admins"',
    self: 'kubernetes-admin',
  },
];

/** `kubectl --as`: the authorizer judges the impersonated user. */
export const IMPERSONATORS: readonly Caller[] = ADMINISTRATORS.map((administrator) => ({
  ...administrator,
  impersonatedUser: {
    username: 'system:serviceaccount:shop:checkout',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
  },
  reason:
    'RBAC: allowed by RoleBinding "checkout/shop" of Role "checkout" to ServiceAccount "checkout/shop"',
}));

export const PROBES: readonly Caller[] = [stranger(CONTROL_PLANE_IP, 'kube-probe/1.33')];

/** The last one sends no user agent at all; the key is missing then. */
export const SCANNERS: readonly Caller[] = [
  stranger('198.51.100.77', 'Mozilla/5.0 (compatible; InternetCensus/2.0)'),
  stranger('198.51.100.201', undefined),
];

/** A request whose token was refused has no user: kube-apiserver writes `"user":{}`. */
export const REFUSED_TOKENS: readonly Caller[] = [
  {
    user: {},
    sourceIPs: ['10.244.3.8'],
    userAgent: 'python-requests/2.32.4',
    reason: '',
    self: 'unknown',
  },
];

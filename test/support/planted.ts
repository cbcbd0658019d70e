/**
 * Audit events with a planted word at every place where a secret may be, in every shape that it comes in, and another
 * word at places that are nobody's secret: after redaction no form of the first is left anywhere, and every one of the
 * second. Pure.
 */
import type { RedactionOptions, What } from '../../src/event/rewrite/rewriter.ts';
import { whatOf } from './rewriting.ts';

/** The secret. All that is planted has it in itself. */
const PLANTED = 'pl4nt3d';
/** What must stay. */
const INNOCENT = 'inn0cent';
const BASE64 = Buffer.from(`${PLANTED}!!`).toString('base64');
const HEX = Buffer.from(PLANTED).toString('hex');
const ESCAPED = `\\u0070l4nt\\u0033d`;
const PERCENT = '%70l4nt3%64';

/** The configuration with which nothing of it is left. */
export const PLANTED_REDACTION: RedactionOptions = {
  paths: [
    'body.spec.credentials.*',
    'requestObject.spec.users[*].password',
    'annotations["example.com/session"]',
    'user.extra["example.com/assertion"][*]',
  ],
  configMaps: true,
  env: true,
  hashKey: undefined,
};

/** In which forms the planted word stands in a text, also below escapes. */
export function leaksIn(text: string): readonly string[] {
  const plain = text.replace(/\\+u([0-9a-fA-F]{4})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return [PLANTED, BASE64.slice(0, 9), HEX, PERCENT].filter((form) => plain.includes(form));
}

export function innocentsIn(text: string): number {
  return text.split(INNOCENT).length - 1;
}

/** One event. */
export interface Planted {
  readonly name: string;
  /** Without its newline. */
  readonly line: string;
  readonly what: What;
}

/** Bodies and annotations are texts of JSON. */
interface Parts {
  readonly of?: string;
  readonly verb?: string;
  readonly query?: string;
  readonly code?: number;
  readonly message?: string;
  readonly request?: string;
  readonly response?: string;
  readonly annotations?: string;
  readonly extra?: string;
  /** More members. */
  readonly more?: string;
}

function planted(name: string, parts: Parts): Planted {
  const { of = '/secrets/', verb = 'create', query = '', code = 200, message } = parts;
  const what = whatOf(of, verb);
  const { group, resource, subresource } = what;
  const ref = { resource, namespace: 'shop', name: INNOCENT, apiGroup: group, subresource };
  const members = [
    '"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse"',
    `"auditID":"${name}","stage":"ResponseComplete"`,
    `"requestURI":"/api/${INNOCENT}${query}","verb":"${verb}"`,
    `"user":{"username":"${INNOCENT}","extra":{"a":["b"]${parts.extra ?? ''}}}`,
    ...(what.isResource ? [`"objectRef":${JSON.stringify(ref)}`] : []),
    `"responseStatus":{"metadata":{},"message":${JSON.stringify(message ?? INNOCENT)},"code":${code}}`,
    ...(parts.request === undefined ? [] : [`"requestObject":${parts.request}`]),
    ...(parts.response === undefined ? [] : [`"responseObject":${parts.response}`]),
    ...(parts.more === undefined ? [] : [parts.more]),
    '"stageTimestamp":"2026-03-04T05:06:07.123456Z"',
    `"annotations":{"authorization.k8s.io/decision":"${INNOCENT}"${parts.annotations ?? ''}}`,
  ];
  return { name, line: `{${members.join(',')}}`, what };
}

const COPY = 'kubectl.kubernetes.io/last-applied-configuration';
const META = `"metadata":{"name":"${INNOCENT}","labels":{"a.b/c":"${INNOCENT}"},"generation":9007199254740993}`;
const copied = (text: string): string =>
  `"metadata":{"annotations":{"${COPY}":${JSON.stringify(text)},"x":"${INNOCENT}"}}`;

function secret(more = `"data":{"password":"${BASE64}"}`): string {
  return `{"kind":"Secret","apiVersion":"v1",${META},"type":"${INNOCENT}",${more}}`;
}

function operation(path: string, value: string): string {
  return `{"op":"add","path":${JSON.stringify(path)},"value":${value}}`;
}

/** Values of a map, as a client may write them. */
const MAPS: Readonly<Record<string, string>> = {
  data: `"data":{"a":"${BASE64}","tls.key":"${BASE64}"}`,
  stringData: `"stringData":{"a":"${PLANTED}"}`,
  'escaped values': `"stringData":{"a":"${ESCAPED}"}`,
  'escaped keys': `"\\u0064ata":{"\\u0061":"${BASE64}"}`,
  'odd values': `"data":{"a":{"b":["${PLANTED}"]},"n":null,"t":[1,"${PLANTED}"]}`,
  'a string': `"data":"${PLANTED}"`,
  'an array': `"stringData":["${PLANTED}",{"a":"${PLANTED}"}]`,
  'a key twice': `"data":{"a":"${BASE64}"},"data":{"a":"${BASE64}","a":"${BASE64}"}`,
  'a misspelt key': `"stringdata":{"a":"${PLANTED}"}`,
  'white space': `"data" : { "a" : "${BASE64}" , "b"\t:"${BASE64}" }`,
};

function secretShapes(): readonly Planted[] {
  const maps = Object.entries(MAPS).flatMap(([name, map]) => [
    planted(`secret created: ${name}`, { request: secret(map), response: secret(map) }),
    planted(`secret merged: ${name}`, { verb: 'patch', request: `{${map}}` }),
    planted(`secrets listed: ${name}`, {
      verb: 'list',
      response: `{"kind":"SecretList","items":[${secret(map)},${secret(map)}]}`,
    }),
    planted(`secrets in a table: ${name}`, {
      verb: 'list',
      response: `{"kind":"Table","columnDefinitions":["${INNOCENT}"],"rows":[{"cells":["${INNOCENT}"],"object":${secret(map)}}]}`,
    }),
  ]);
  return [
    ...maps,
    planted('secret deleted', {
      verb: 'delete',
      request: `{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"propagationPolicy":"${INNOCENT}"}`,
      response: secret(),
    }),
    planted('secret applied', { request: `{"kind":"Secret",${copied(secret())}}` }),
    planted('secret below a status', { of: '/secrets/status', verb: 'update', request: secret() }),
    planted('secret twice', { request: secret(), more: `"requestObject":${secret()}` }),
    planted('secret with escaped name of the body', { more: `"request\\u004fbject":${secret()}` }),
    planted('secret as a string', { request: JSON.stringify(secret()) }),
    planted('secret as text', { request: `"data: ${PLANTED}"` }),
    planted('secret as number', { request: `{"data":{"pin":1234}}`, verb: 'patch' }),
    planted('secret in an array', { request: `[${secret()},"${PLANTED}"]` }),
    planted('secret without an answer to its resource', { of: '', request: secret() }),
    planted('secret in a list of nobody', { of: '', request: `{"items":[${secret()}]}` }),
  ];
}

/** JSON patches: the pointer, and the value. */
const POINTERS: readonly (readonly [string, string])[] = [
  ['/data/password', `"${BASE64}"`],
  ['/stringData/password', `"${PLANTED}"`],
  ['/stringData/a~1b~0c', `{"deep":"${PLANTED}"}`],
  ['/data', `{"a":"${BASE64}"}`],
  ['/data', `"${PLANTED}"`],
  ['/data/a/b', `"${PLANTED}"`],
  ['', `{"data":{"a":"${BASE64}"}}`],
  ['/', `{"data":{"a":"${BASE64}"}}`],
  ['', `[${operation('', `[{"data":"${PLANTED}"}]`)}]`],
  ['data/a', `"${PLANTED}"`],
  ['/misspelt/a', `"${PLANTED}"`],
  [`/metadata/annotations/${COPY.replace('/', '~1')}`, `"${PLANTED}"`],
  ['/metadata/annotations', `{"${COPY}":"${PLANTED}","a":"${INNOCENT}"}`],
  ['/metadata', `{"annotations":{"${COPY}":"${PLANTED}"},"name":"${INNOCENT}"}`],
];

function patches(): readonly Planted[] {
  const label = operation('/metadata/labels/a', `"${INNOCENT}"`);
  const plain = POINTERS.map(([path, value]) =>
    planted(`patch of ${path}`, { verb: 'patch', request: `[${label},${operation(path, value)}]` }),
  );
  const odd = [
    `{"value":"${PLANTED}","path":"/data/a","op":"test"}`,
    `{"op":"add","path":"/metadata/labels/a","path":"/data/a","value":"${PLANTED}"}`,
    `{"op":"add","path":7,"value":"${PLANTED}"}`,
    `{"op":"add","value":"${PLANTED}"}`,
    `{"op":"add","p\\u0061th":"\\u002fdata\\u002fa","v\\u0061lue":"${PLANTED}"}`,
    `{"op":"add","path":"/data/a","Value":"${PLANTED}"}`,
    `"${PLANTED}"`,
  ].map((text, index) => planted(`odd patch ${index}`, { verb: 'patch', request: `[${text}]` }));
  const webhook = JSON.stringify({
    configuration: INNOCENT,
    patch: [{ op: 'add', path: '/data', value: { a: PLANTED } }],
    patchType: 'JSONPatch',
  });
  const name = 'patch.webhook.admission.k8s.io/round_0_index_0';
  const annotations = `,"${name}":${JSON.stringify(webhook)}`;
  return [...plain, ...odd, planted('patch of a webhook', { annotations })];
}

function tokens(): readonly Planted[] {
  const review = (more: string): string =>
    `{"kind":"TokenReview",${META},"spec":{"token":"${PLANTED}","audiences":["${INNOCENT}"]}${more}}`;
  const request = `{"kind":"TokenRequest",${META},"spec":{"audiences":["${INNOCENT}"]},"status":{"token":"${PLANTED}","expirationTimestamp":"${INNOCENT}"}}`;
  return [
    planted('token review', {
      of: 'authentication.k8s.io/tokenreviews/',
      request: review(''),
      response: review(`,"status":{"user":{"username":"${INNOCENT}"}}`),
    }),
    planted('token request', { of: '/serviceaccounts/token', request, response: request }),
    planted('token by a patch', {
      of: 'authentication.k8s.io/tokenreviews/',
      verb: 'patch',
      request: `[${operation('/spec/token', `"${PLANTED}"`)},${operation('/spec', `{"token":"${PLANTED}"}`)}]`,
    }),
    planted('token of nobody', { of: '', request: review('') }),
  ];
}

function refusals(): readonly Planted[] {
  const causes = `"details":{"name":"${INNOCENT}","causes":[{"message":"${PLANTED}"}]}`;
  const status = `{"kind":"Status","status":"Failure","message":"${PLANTED}",${causes},"code":422}`;
  return ['/secrets/', 'apps/deployments/', '/configmaps/'].flatMap((of) =>
    [400, 422, 500].map((code) =>
      planted(`refused with ${code}: ${of}`, {
        of,
        code,
        message: `json parse error (${HEX})`,
        response: status,
      }),
    ),
  );
}

function uris(): readonly Planted[] {
  const run = `?command=sh\\u0026command=${PERCENT}\\u0026container=${INNOCENT}\\u0026stdin=true`;
  const queries: readonly (readonly [string, string])[] = [
    ['/pods/exec', run],
    ['/pods/attach', run],
    ['/pods/exec', `?command=${PLANTED};still?of=it\\u0026tty=${INNOCENT}`],
    ['/nodes/proxy', `?cmd=${PLANTED}`],
    ['/services/proxy', `?x=1;access_token=${PLANTED}`],
    ['', `?token=${PLANTED}&token=${PLANTED}\\u0026limit=${INNOCENT}`],
    ['', `?%74oken=${PLANTED}&\\u0074oken=${PLANTED}&TOKEN=${PERCENT}`],
    ['', `?id_token=${ESCAPED}`],
    ['', `\\u003fid_token\\u003d${PLANTED}`],
    ['', `?next=/a?access_token=${PLANTED}`],
    ['', `?next=%2Fa%3Faccess%5Ftoken%3D${PLANTED}`],
    ['', `?refresh_token=${PLANTED}+${PLANTED}&a=${INNOCENT}`],
  ];
  return queries.map(([of, query], index) => planted(`URI ${index}`, { of, verb: 'get', query }));
}

function pods(): readonly Planted[] {
  const env = `[{"name":"${INNOCENT}","value":"${PLANTED}"},{"name":"B","valueFrom":{"secretKeyRef":{"key":"${INNOCENT}"}}}]`;
  const container = `{"name":"${INNOCENT}","image":"x","env":${env}}`;
  const spec = `"spec":{"nodeName":"${INNOCENT}","containers":[${container}],"initContainers":[${container}],"ephemeralContainers":[${container}]}`;
  const odd = [
    `{"op":"add","path":7,"value":"${PLANTED}"}`,
    `{"path":"/spec/a","x":"${PLANTED}"}`,
  ].map((text, index) =>
    planted(`odd patch ${index} of an environment`, {
      of: 'apps/deployments/',
      verb: 'patch',
      request: `[${text}]`,
    }),
  );
  const made = `"spec":{"replicas":1,"template":{${META},${spec}}}`;
  const shapes: readonly (readonly [string, string])[] = [
    ['/pods/', spec],
    ['/pods/ephemeralcontainers', spec],
    ['/podtemplates/', `"template":{${spec}}`],
    ['/replicationcontrollers/', made],
    ['apps/deployments/', made],
    ['apps/controllerrevisions/', `"data":{${made}}`],
    ['batch/cronjobs/', `"spec":{"jobTemplate":{${made}}}`],
    ['apps/statefulsets/', copied(`{${made}}`)],
    ['apps/daemonsets/', `"spec":{"template":{"spec":{"containers":[{"env":"${PLANTED}"}]}}}`],
    ['batch/jobs/', `"spec":{"template":{"spec":{"containers":[{"env":["${PLANTED}"]}]}}}`],
  ];
  const whole = shapes.flatMap(([of, text]) => [
    planted(`environment of ${of}`, { of, request: `{${text}}`, response: `{${text}}` }),
    planted(`environment of a list of ${of}`, { of, response: `{"items":[{${text}}]}` }),
  ]);
  const at = '/spec/template/spec/containers';
  const patched = [
    operation(`${at}/0/env/0/value`, `"${PLANTED}"`),
    operation(`${at}/0/env/-`, `{"name":"${INNOCENT}","value":"${PLANTED}"}`),
    operation(`${at}/-`, container),
    operation(at, `[${container}]`),
    operation('/spec', `{"template":{${spec}}}`),
  ].map((text, index) =>
    planted(`patch ${index} of an environment`, {
      of: 'apps/deployments/',
      verb: 'patch',
      request: `[${text}]`,
    }),
  );
  return [...whole, ...patched, ...odd];
}

function others(): readonly Planted[] {
  const config = `{"kind":"ConfigMap",${META},"data":{"a":"${PLANTED}"},"binaryData":{"b":"${BASE64}"}}`;
  const own = `"spec":{"size":"${INNOCENT}","credentials":{"a":"${PLANTED}","b":["${PLANTED}"]},"users":[{"name":"${INNOCENT}"}]}`;
  const users = `"spec":{"users":[{"name":"${INNOCENT}","password":"${PLANTED}"}]}`;
  const of = 'example.com/databases/';
  return [
    planted('config map', { of: '/configmaps/', request: config, response: config }),
    planted('config maps', { of: '/configmaps/', response: `{"items":[${config}]}` }),
    planted('own paths', { of, request: `{${own}}`, response: `{${own}}` }),
    planted('own paths in a list', { of, response: `{"items":[{${own}},{${own}}]}` }),
    planted('own paths below a list', { of, request: `{${users}}` }),
    planted('own paths in what was applied', { of, request: `{${copied(`{${own}}\n`)}}` }),
    planted('own paths in what was applied, and is no JSON', {
      of,
      request: `{${copied(`{${PLANTED}`)}}`,
    }),
    planted('own paths in a patch', {
      of,
      verb: 'patch',
      request: `[${operation('/spec/credentials/a', `"${PLANTED}"`)},${operation('/spec', `{"credentials":{"x":"${PLANTED}"},"size":"${INNOCENT}"}`)},${operation('/spec/users/0/password', `"${PLANTED}"`)}]`,
    }),
    planted('own annotations', { of, annotations: `,"example.com/session":"${PLANTED}"` }),
    planted('own fields', { of, extra: `,"example.com/assertion":["${PLANTED}"]` }),
  ];
}

/** All of them. */
export function plantedEvents(): readonly Planted[] {
  return [
    ...secretShapes(),
    ...patches(),
    ...tokens(),
    ...refusals(),
    ...uris(),
    ...pods(),
    ...others(),
  ];
}

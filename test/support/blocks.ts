/**
 * Blocks as the reader makes them, and real-looking events to fill them with. Pure.
 */
import type { Block, BlockKind } from '../../src/event/block.ts';

export interface BlockOptions {
  readonly start?: number;
  readonly kind?: BlockKind;
  readonly generation?: number;
  readonly log?: string;
  readonly fingerprint?: string;
}

export const LOG = '/var/log/kubernetes/audit.log';
export const FINGERPRINT = '0123456789abcdef0123456789abcdef';

/** A block with these bytes. */
export function blockOf(content: Buffer | string, options: BlockOptions = {}): Block {
  const { start = 0, kind = 'lines', generation = 1, log = LOG } = options;
  const { fingerprint = FINGERPRINT } = options;
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { generation, log, fingerprint, start, end: start + bytes.length, kind, bytes };
}

/** What a client may put into a body so that it looks like an event: kube-apiserver keeps it as it is. */
export const FORGED =
  '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","user":{"username":"forged"}}';

/** An event as kube-apiserver writes it, with several scripts, escapes, and forged events in its body. */
export function bodyEvent(auditId: string): string {
  return (
    `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"${auditId}",` +
    '"stage":"ResponseComplete","requestURI":"/apis/example.com/v1/things?fieldManager=größe","verb":"create",' +
    '"user":{"username":"zoë \\"quoted\\" 用户 🚀\\u0000\\\\"},' +
    `"requestObject":{"kind":"Thing","spec":${FORGED},"list":[${FORGED},${FORGED}]},` +
    `"responseObject":${FORGED},"stageTimestamp":"2026-03-04T05:06:07.123456Z",` +
    '"annotations":{"authorization.k8s.io/decision":"allow"}}'
  );
}

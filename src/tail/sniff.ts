/**
 * Tells an audit log by what it holds, for files in a directory whose name does not say it (Talos:
 * kube-apiserver.log). Looks at the beginning only; nothing of it is kept.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { inflate } from './fingerprint.ts';

/** `unknown`: nothing to see yet, or not readable; look again later. */
export type Sniffed = 'audit' | 'other' | 'unknown';

/** The marks of an event stand in its first 200 bytes (FIELD.md); a torn line or two may come before. */
const SNIFF_BYTES = 64 * 1024;
/** Compressed: events are as much of it as of that, and of nothing else it gives more than 8 MiB. */
const SNIFF_GZ_BYTES = 8 * 1024;
/** No line is complete yet, and the first may become an event: JSON, or the legacy format's time. */
const FIRST_LINE_BEGUN = /^\0*[{\d][^\n]*$/;

export function sniff(path: string, gz: boolean): Sniffed {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return 'unknown';
    throw error;
  }
  try {
    const buffer = Buffer.allocUnsafe(SNIFF_BYTES);
    const length = gz ? SNIFF_GZ_BYTES : SNIFF_BYTES;
    const bytes = buffer.subarray(0, readSync(fd, buffer, 0, length, 0));
    const text = gz ? inflate(bytes) : bytes;
    if (typeof text === 'string') return text === 'damaged' ? 'other' : 'unknown';
    return sniffText(text.subarray(0, SNIFF_BYTES).toString('latin1'));
  } catch (error) {
    if (error instanceof Error && 'code' in error) return 'unknown';
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Pure: whether the beginning of a file looks like audit events, as JSON or in the legacy format. */
export function sniffText(text: string): Sniffed {
  if (text.replaceAll('\0', '').trim() === '') return 'unknown';
  const json = text.includes('"kind":"Event"') && text.includes('"audit.k8s.io/');
  const bare = text.includes('"auditID":"') && text.includes('"stage":"');
  const legacy = text.includes(' AUDIT: id="');
  if (json || bare || legacy) return 'audit';
  return FIRST_LINE_BEGUN.test(text) && text.length < SNIFF_BYTES ? 'unknown' : 'other';
}

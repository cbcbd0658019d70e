/**
 * Mistakes that the model must find: each is a change to the built program, as text. Some are what other shippers do
 * (FIELD.md). It knows where the code stands and nothing of how it is run.
 */

/** Text of one file that stands there once, and what takes its place. */
export interface Change {
  /** Below dist/src. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  readonly changes: readonly Change[];
}

const one = (name: string, file: string, find: string, replace: string): Mutation => ({
  name,
  changes: [{ file, find, replace }],
});

export const MUTATIONS: readonly Mutation[] = [
  one(
    'checkpoint before the ack',
    'memory.js',
    'const { position: offset, issuedTo: size, timeMs } = ledger;',
    'const { issuedTo: offset, issuedTo: size, timeMs } = ledger;',
  ),
  one(
    'close on rename',
    'tail/generation-set.js',
    "this.#parts.observer.rotated('renamed');\n        // What was rotated",
    'generation.position = Math.max(generation.position, generation.contentBytes());\n        // What was rotated',
  ),
  one(
    'trust the inode without the fingerprint',
    'tail/file-set.js',
    'return holder.fingerprint === undefined || holder.fingerprint === file.fingerprint;',
    'return true;',
  ),
  one(
    'skip gz',
    'tail/scanner.js',
    "if (name.endsWith('.gz') && all.has(name.slice(0, -'.gz'.length)))",
    "if (name.endsWith('.gz'))",
  ),
  one(
    'advance past a failed chunk',
    'deliver/dispatcher.js',
    'const delivery = error instanceof DeliveryError ? error : undefined;',
    'return this.#settle(consignment, addAccounts(NO_ACCOUNTS, consignment.chunk.accounts)), undefined;\n        const delivery = undefined;',
  ),
  one(
    'forget the last line without newline of a rotated file',
    'tail/grace.js',
    'return !follow || now - generation.changedAt >= TAIL_GRACE_MS;',
    'return false;',
  ),
  {
    name: 'treat a shorter file as the same generation',
    changes: [
      {
        file: 'tail/file-set.js',
        find: 'if (!reaches(file, holder.position))\n        return false;',
        replace: '',
      },
      {
        file: 'tail/file-set.js',
        find: 'return holder.fingerprint === undefined || holder.fingerprint === file.fingerprint;',
        replace:
          'return file.size < holder.position || holder.fingerprint === undefined || holder.fingerprint === file.fingerprint;',
      },
    ],
  },
  one(
    'write the checkpoints in place',
    'state-file.js',
    'return `${path}${TEMPORARY_ENDING}`;',
    'return path;',
  ),
  one('no fsync before the rename', 'state-file.js', 'await this.#handle.sync();', ''),
  one('count a loss as nothing', 'tail/generation-set.js', 'this.#parts.observer.lost(loss);', ''),
  one(
    'generations out of order',
    'tail/order.js',
    'return compareAge(a.age, b.age);',
    'return compareAge(b.age, a.age);',
  ),
  one(
    'release the descriptor of a file that is unlinked unread',
    'tail/generation-set.js',
    'generation.places = [];\n        if (harvester !== undefined',
    'generation.places = [];\n        generation.release();\n        if (harvester !== undefined',
  ),
  {
    name: 'a new id on resend',
    changes: [
      {
        file: 'output/forward/message.js',
        find: "hash('sha256', chunkId,",
        replace: "hash('sha256', `${chunkId} ${performance.now()}`,",
      },
      {
        file: 'output/forward/forward.js',
        find: 'if (known !== undefined)\n            return known;',
        replace: '',
      },
    ],
  },
  one(
    'any ack counts',
    'output/forward/connection.js',
    'pending.id === id && !pending.acked',
    '!pending.acked',
  ),
  one(
    'a place in the window is free before the ack',
    'pipeline.js',
    'this.#chunker.add(parcelOf(piece, share),',
    'share.release();\n            this.#chunker.add(parcelOf(piece, { release() {} }),',
  ),
  one('a chunk is as large as it becomes', 'pipeline.js', 'payloadBytes > chunkBytes ?', 'false ?'),
  one(
    'believe what a backup was seen to hold, though it grows',
    'tail/scanner.js',
    'if (path !== undefined)\n            this.#known.delete(path);',
    '',
  ),
  one(
    'a line counts as put aside without its letter',
    'deliver/long-lines.js',
    'await line.file?.complete();',
    '',
  ),
  one(
    'a line that is too long is cut short',
    'tail/block-reader.js',
    'return this.#nextPart(slab, start, ended, { start, end, reason: result.refusal });',
    'return { kind: "block", block: "lines", start, end, bytes: slab.subarray(0, 1) };',
  ),
  one(
    'leave out what appeared while nobody was there',
    'tail/generation-set.js',
    'const isNew = remembered.every(({ orphan }) => orphan);',
    'const isNew = true;',
  ),
];

/**
 * Compression of chunks: what goes in comes out, kinds that this Node does not have are refused, and one that fails
 * is tried again.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import { Compressor } from '../../../src/output/forward/compress.ts';
import { chunkOf, eventOf, eventsIn } from '../../support/forward-chunks.ts';
import { Sender } from '../../support/forward-sender.ts';
import { ForwardServer } from '../../support/forward-server.ts';

const ENTRIES = Buffer.from('an entry, and another one, '.repeat(1000));

/** As a chunk of two pieces. */
async function compress(kind: 'gzip' | 'zstd'): Promise<Buffer> {
  const payload = [ENTRIES.subarray(0, 100), ENTRIES.subarray(100)];
  return new Compressor(kind).compress({ payload, payloadBytes: ENTRIES.length });
}

describe('compression', () => {
  it('with gzip can be undone', async () => {
    const compressed = await compress('gzip');
    assert.deepEqual(zlib.gunzipSync(compressed), ENTRIES);
    assert.ok(compressed.length < ENTRIES.length / 10);
  });

  it('of several chunks at once keeps them apart, also when buffers are used again', async () => {
    const compressor = new Compressor('gzip');
    for (let round = 0; round < 3; round++) {
      const chunks = Array.from({ length: 12 }, (_, index) =>
        Buffer.alloc(20_000 - 1000 * index, `${round}.${index} `),
      );
      const compressed = await Promise.all(
        chunks.map(async (chunk) =>
          compressor.compress({ payload: [chunk], payloadBytes: chunk.length }),
        ),
      );
      assert.deepEqual(
        compressed.map((bytes) => zlib.gunzipSync(bytes)),
        chunks,
      );
    }
  });

  it('with zstd can be undone where Node has it, and is refused where it has not', async () => {
    const { zstdDecompressSync: undo } = zlib as { zstdDecompressSync?: (bytes: Buffer) => Buffer };
    if (undo === undefined) assert.throws(() => new Compressor('zstd'), /Node 22.15 or newer/);
    else assert.deepEqual(undo(await compress('zstd')), ENTRIES);
  });

  it('that fails, fails one attempt: the next one compresses again', async (t) => {
    const server = await ForwardServer.start();
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port], compress: 'gzip' });
    const good = chunkOf('chunk-1', [eventOf('event-1')]);
    let reads = 0;
    const failsOnce = {
      ...good,
      get payload() {
        reads += 1;
        if (reads === 1) throw new Error('no memory');
        return good.payload;
      },
    };
    await sender.deliver([failsOnce]);
    const [received] = server.chunks;
    assert.ok(received);
    assert.deepEqual(eventsIn(zlib.gunzipSync(received.entries)), [eventOf('event-1')]);
  });

  it('gives the same bytes when a chunk is sent again', async (t) => {
    const server = await ForwardServer.start({
      script: { message: (peer, message) => (peer.number < 3 ? peer.reset() : peer.ack(message)) },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port], compress: 'gzip' });
    await sender.deliver([chunkOf('chunk-1', [eventOf('event-1')])]);
    const [first, ...again] = server.chunks;
    assert.equal(again.length, 2);
    for (const { id, entries, options } of again) {
      assert.deepEqual([id, entries, options], [first?.id, first?.entries, first?.options]);
    }
  });
});

/**
 * The whole agent on the simulated machine: started, stopped cleanly, or cut off at any moment. It is loaded only when
 * the modules of Node were replaced. It hands what it sees of the agent to the judge and judges little itself.
 */
import { FSWatcher } from 'chokidar';
import { runAgent, type AgentResult } from '../../src/agent.ts';
import { forwardOutput } from '../../src/commands/forward-output.ts';
import type { ForwardConfig, ShipConfig } from '../../src/config/config.ts';
import { ForwardWriter } from '../../src/event/forward-writer.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { Shipper } from '../../src/event/shipper.ts';
import { BlockTranscoder, type Slab, type Transcoder } from '../../src/event/transcoder.ts';
import type { Log } from '../../src/observe/log.ts';
import { Pipeline } from '../../src/pipeline.ts';
import type { Machine } from '../sim/machine.ts';
import { keptIn, type Kept } from './letters.ts';
import { demand, Violation, type Judge, type SavedPosition } from './judge.ts';
import type { Profile } from './profile.ts';
import { ForwardHost, RecordingOutput, type Receiver } from './receiver.ts';

export const STATE = '/sim/state';
export const LOGS = '/sim/logs';
const CHECKPOINTS = `${STATE}/checkpoints.json`;
const LETTERS = `${STATE}/dead-letter`;
const LETTER_ENDING = '.jsonl';
const HOST = { host: 'receiver.test', port: 24224 };
const GRACE_MS = 2000;
/** Beyond the grace period a stop takes the time of a few calls. */
const STOP_MS = 500;

const FORWARD: ForwardConfig = {
  sharedKey: undefined,
  username: undefined,
  password: undefined,
  tls: {},
  upstreams: [{ kind: 'forward', ...HOST, tls: false }],
  tag: 'kube.audit',
  timeKey: 'now',
  compress: 'none',
  loadBalance: false,
  lingerMs: 20,
  timeouts: { connect: 1000, handshake: 1000, write: 3000, ack: 3000 },
};

/** Who judges the run under way; the hooks below are put in once. */
let judging: Judge | undefined;

export function judgeWith(judge: Judge | undefined): void {
  judging = judge;
}

/** A method of the pipeline, to be called on whatever pipeline there is. */
function methodOf<K extends 'accept' | 'lost' | 'skip'>(name: K): Pipeline[K] {
  return Object.getOwnPropertyDescriptor(Pipeline.prototype, name)?.value as Pipeline[K];
}

/** Sees every block, every loss and what is left out, and that no byte is in no account. */
function hookPipeline(): void {
  const accept = methodOf('accept');
  const lost = methodOf('lost');
  const skip = methodOf('skip');
  Pipeline.prototype.accept = function (block, place): void {
    judging?.took(block);
    accept.call(this, block, place);
    const ledgers = [...this.ledgers.values()];
    const underWay = ledgers.reduce((sum, { ledger }) => sum + ledger.inFlightBytes, 0);
    judging?.counted(this.accounts.inFlightBytes, underWay);
  };
  Pipeline.prototype.skip = function (range): void {
    judging?.skipped(range);
    skip.call(this, range);
  };
  Pipeline.prototype.lost = function (loss): void {
    judging?.lost(loss);
    lost.call(this, loss);
  };
}

hookPipeline();
// Which logs there are is found by looking: chokidar would only end the sleep between two looks.
FSWatcher.prototype.add = function () {
  return this;
};
FSWatcher.prototype.unwatch = function () {
  return this;
};

/** Memories are used again: making one takes longer than a whole run. */
class PooledTranscoder implements Transcoder {
  readonly #transcoder: BlockTranscoder;
  readonly #free = new Map<number, Slab[]>();
  readonly #used: [number, Slab][] = [];

  constructor(transcoder: BlockTranscoder) {
    this.#transcoder = transcoder;
  }

  transcode: Transcoder['transcode'] = (block) => this.#transcoder.transcode(block);
  loss: Transcoder['loss'] = (notice) => this.#transcoder.loss(notice);
  recycle: Transcoder['recycle'] = (payload) => this.#transcoder.recycle(payload);
  clean: Transcoder['clean'] = (block) => this.#transcoder.clean(block);

  makeSlab(bytes: number): Slab {
    const slab = this.#free.get(bytes)?.pop() ?? this.#transcoder.makeSlab(bytes);
    this.#used.push([bytes, slab]);
    return slab;
  }

  /** The agent that used them is gone. */
  takeBack(): void {
    for (const [bytes, slab] of this.#used.splice(0)) {
      const free = this.#free.get(bytes) ?? [];
      this.#free.set(bytes, free);
      // What held a longer line is larger now.
      if (slab.slab.length !== bytes) continue;
      this.recycle([slab.slab]);
      free.push(slab);
    }
  }
}

const shipper = new Shipper({ fields: {}, coordinates: true });
const TRANSCODERS = {
  json: new PooledTranscoder(new BlockTranscoder(new JsonWriter(shipper))),
  forward: new PooledTranscoder(
    new BlockTranscoder(new ForwardWriter({ shipper, timeKey: 'now' }), () => 0),
  ),
} as const;

/** The agent, and the receiver that it sends to. */
export class SimulatedAgent {
  readonly receiver: Receiver;
  readonly #machine: Machine;
  readonly #judge: Judge;
  readonly #profile: Profile;
  readonly #output: RecordingOutput | undefined;
  #stop: AbortController | undefined;
  #result: AgentResult | undefined;
  #failure: unknown;

  constructor(machine: Machine, judge: Judge, profile: Profile) {
    this.#machine = machine;
    this.#judge = judge;
    this.#profile = profile;
    if (profile.network === 'forward') {
      const host = new ForwardHost(machine, judge);
      machine.network.listen(`${HOST.host}:${HOST.port}`, host);
      this.receiver = host;
    } else {
      this.#output = new RecordingOutput(machine, judge, profile.concurrency);
      this.receiver = this.#output;
    }
  }

  get isRunning(): boolean {
    return this.#stop !== undefined && !this.hasEnded;
  }

  get hasEnded(): boolean {
    return this.#result !== undefined || this.#failure !== undefined;
  }

  start(follow = true): void {
    const machine = this.#machine;
    machine.note(`start ${follow}`);
    this.#judge.begin(this.savedPositions(), this.#letters());
    const isForward = this.#profile.network === 'forward';
    const transcoder = isForward ? TRANSCODERS.forward : TRANSCODERS.json;
    transcoder.takeBack();
    const log = this.#log();
    const { concurrency } = this.#profile;
    const output = this.#output ?? forwardOutput(FORWARD, concurrency, log);
    const stop = new AbortController();
    this.#stop = stop;
    this.#result = undefined;
    this.#failure = undefined;
    runAgent(this.#config(follow), { output, transcoder, log, signal: stop.signal }).then(
      (result) => {
        if (this.#stop === stop) this.#result = result;
      },
      (error: unknown) => {
        if (this.#stop === stop) this.#failure = error;
      },
    );
  }

  #config(follow: boolean): ShipConfig {
    const { network, concurrency, chunkBytes, maxEventBytes, maxHeldDeletedBytes, fromEnd } =
      this.#profile;
    return {
      paths: [LOGS],
      follow,
      from: { kind: fromEnd ? 'end' : 'beginning' },
      format: 'json',
      forward: network === 'forward' ? FORWARD : undefined,
      listen: undefined,
      stateDir: STATE,
      logLevel: 'info',
      graceMs: GRACE_MS,
      fields: {},
      coordinates: true,
      rules: { policyFile: undefined, redact: undefined, bodies: 'object', dedot: false },
      maxEventBytes,
      chunkBytes,
      inFlightChunks: concurrency,
      rotation: {},
      maxHeldDeletedBytes,
    };
  }

  #log(): Log {
    const say =
      (level: string): Log['info'] =>
      (message, fields) =>
        this.#machine.note(`${level}: ${message} ${JSON.stringify(fields ?? {})}`);
    return { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') };
  }

  /** SIGTERM. */
  askToStop(): void {
    this.#machine.note('stop');
    this.#stop?.abort();
  }

  /** How long it may take to end. */
  get stopMs(): number {
    return GRACE_MS + STOP_MS + 20 * this.#machine.character.latencyMs;
  }

  /** It has ended by itself, or by the signal: nothing is left of it. */
  conclude(): AgentResult | undefined {
    const [result, failure] = [this.#result, this.#failure];
    this.#stop = undefined;
    this.#judge.agent = 0;
    const leaks = this.#machine.leaks();
    demand(leaks.length === 0, 'nothing leaks', () => leaks.join(', '));
    this.#vanish();
    if (failure !== undefined) this.#judgeFailure(failure);
    if (result === undefined) return undefined;
    const { totals, inFlightBytes } = result;
    const { readBytes, deliveredBytes, filteredBytes, deadLetterBytes } = totals;
    const sum = deliveredBytes + filteredBytes + deadLetterBytes + inFlightBytes;
    demand(readBytes === sum, 'conservation', () => `${readBytes} were read, ${sum} are accounted`);
    const { unaccountedBytes } = totals;
    demand(unaccountedBytes === 0, 'conservation', () => `${unaccountedBytes} are in no account`);
    return result;
  }

  /** Only a state directory that cannot be used ends the agent. */
  #judgeFailure(failure: unknown): void {
    const code = failure instanceof Error && 'code' in failure ? failure.code : undefined;
    this.#machine.note(`failed ${String(code)}`);
    if (typeof code === 'string' && !code.startsWith('ERR_') && this.#profile.diskFaults) return;
    throw failure instanceof Violation ? failure : new Violation('it goes on', { cause: failure });
  }

  /** @param how whether the machine loses what was not synced */
  crash(how: 'killed' | 'power'): void {
    this.#machine.note(`crash ${how}`);
    this.#stop = undefined;
    this.#judge.agent = 0;
    this.#vanish();
    if (how === 'power') this.#machine.files.losePower(this.#machine.files.find(STATE));
  }

  /** Nothing that it waits for reaches it any more. */
  #vanish(): void {
    this.#output?.vanish();
    this.#machine.crash();
  }

  /** What the checkpoint file says. @throws when it is neither the old nor the new one. */
  savedPositions(): readonly SavedPosition[] {
    const { files } = this.#machine;
    if (!files.has(CHECKPOINTS)) return [];
    const text = files.find(CHECKPOINTS).content.toString('utf8');
    try {
      return (JSON.parse(text) as { checkpoints: SavedPosition[] }).checkpoints;
    } catch (error) {
      throw new Violation(`whole checkpoints: the file holds ${text.length} bytes`, {
        cause: error,
      });
    }
  }

  /** A file of the state directory has a new content. */
  replaced(path: string): void {
    if (path === CHECKPOINTS) this.#judge.saved(this.savedPositions());
    if (path.startsWith(LETTERS)) this.#judge.kept(keptIn(this.#machine.files.find(path).content));
  }

  /** The dead letters that are on the disk. */
  #letters(): readonly Kept[] {
    const { files } = this.#machine;
    if (!files.has(LETTERS)) return [];
    const all = [...files.find(LETTERS).entries];
    return all
      .filter(([name]) => name.endsWith(LETTER_ENDING))
      .map(([, { content }]) => keptIn(content));
  }
}

/**
 * Reads the rules again when a file of theirs changes, and when somebody asks for it. New rules that are wrong are
 * refused, and those before stay. Knows nothing of what the rules do.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Problem, RulesConfig, Setting } from '../config/config.ts';
import type { EventRules } from '../event/rules.ts';
import { stampOf } from '../file-stamp.ts';
import type { Log } from '../observe/log.ts';
import { loadRules } from './load.ts';

/** So soon a change is noticed: a look costs a call of the system for each file. */
const LOOK_MS = 2000;
/** The settings that can change while the agent runs. */
const RULE_KEYS: readonly string[] = ['policy_file', 'redact', 'bodies', 'dedot'];

/** What of a configuration is watched. */
interface Watched {
  readonly config: { readonly rules: RulesConfig };
  readonly settings: readonly Setting[];
}

export interface RulesWatchParts {
  readonly rules: EventRules;
  /** What the rules were made of. */
  readonly start: Watched;
  /** What the configuration says now, and its file, if it has one. */
  readonly readConfig: () =>
    | (Watched & { readonly ok: true })
    | { readonly ok: false; readonly problems: readonly Problem[] };
  readonly configFile: string | undefined;
  /** Calls back whenever somebody asks for the rules to be read again. */
  readonly onAsked: (listener: () => void) => void;
  readonly log: Log;
  readonly lookMs?: number;
}

export class RulesWatch {
  readonly #parts: RulesWatchParts;
  readonly #reloads = { ok: 0, refused: 0 };
  /** The files that are looked at, and how they were when they were read last. */
  #files: readonly string[];
  #stamp: string;
  /** One after the other. */
  #reading: Promise<void> = Promise.resolve();

  constructor(parts: RulesWatchParts) {
    this.#parts = parts;
    this.#files = this.#filesOf(parts.start.config);
    this.#stamp = this.#stampNow();
  }

  /** How often rules were read again, by what came of it. */
  get reloads(): Readonly<Record<'ok' | 'refused', number>> {
    return this.#reloads;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { onAsked, lookMs = LOOK_MS } = this.#parts;
    onAsked(() => this.#readAgain());
    while (!signal.aborted) {
      await delay(lookMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted && this.#stampNow() !== this.#stamp) this.#readAgain();
      await this.#reading;
    }
  }

  #readAgain(): void {
    this.#reading = this.#reading.then(() => this.#read());
  }

  async #read(): Promise<void> {
    const { log, rules, readConfig } = this.#parts;
    const before = this.#stampNow();
    const read = readConfig();
    const isSame = before === this.#stampNow();
    if (read.ok) this.#files = this.#filesOf(read.config);
    // What is written while it is read is read again.
    this.#stamp = isSame ? this.#stampNow() : '';
    const loaded = read.ok ? await loadRules(read.config.rules) : read;
    if (!read.ok || !loaded.ok) {
      this.#refuse(loaded.ok ? [] : loaded.problems);
      return;
    }
    rules.use(loaded.ruleSet);
    this.#reloads.ok += 1;
    log.info('rules were read again', { files: this.#files.join(' ') });
    for (const { where, message } of loaded.warnings) log.warn(message, { setting: where });
    this.#sayWhatWaits(read.settings);
  }

  #refuse(problems: readonly Problem[]): void {
    this.#reloads.refused += 1;
    const [first] = problems;
    this.#parts.log.error('new rules are wrong; those before stay in force', {
      setting: first?.where,
      reason: first?.message,
      problems: problems.length,
    });
  }

  #filesOf({ rules: { policyFile, redact } }: Watched['config']): readonly string[] {
    const files = [this.#parts.configFile, policyFile, redact?.hashKeyFile];
    return files.filter((file) => file !== undefined);
  }

  #stampNow(): string {
    return this.#files.map(stampOf).join(' ');
  }

  /** A changed file may hold more than rules. */
  #sayWhatWaits(settings: readonly Setting[]): void {
    const before = new Map(this.#parts.start.settings.map(({ key, value }) => [key, value]));
    const waiting = settings
      .filter(({ key, value }) => !RULE_KEYS.includes(key) && before.get(key) !== value)
      .map(({ key }) => key);
    if (waiting.length === 0) return;
    const message = 'settings changed that need a restart; until then those before stay in force';
    this.#parts.log.warn(message, { settings: waiting.join(' ') });
  }
}

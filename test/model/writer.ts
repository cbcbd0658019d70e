/**
 * Whoever writes an audit log and rotates it: kube-apiserver with lumberjack, or any writer with logrotate. It does so
 * on the simulated disk and in the model at once, and knows nothing of who reads.
 */
import { gzipSync } from 'node:zlib';
import type { Inode } from '../sim/file-system.ts';
import type { Machine } from '../sim/machine.ts';
import type { Life, Lives } from './lives.ts';

/** How a log is rotated. */
export type Style = 'lumberjack' | 'create' | 'copytruncate';

export interface WriterOptions {
  readonly machine: Machine;
  readonly lives: Lives;
  readonly directory: string;
  readonly base: string;
  readonly style: Style;
  readonly maxBackups: number;
  readonly compresses: boolean;
  /** Whether some of its events have bodies. */
  readonly bodies: boolean;
  /** Numbers of events, over all logs. */
  readonly nextNumber: () => number;
  /** The agent that runs, as the model counts them. */
  readonly agent: () => number;
}

/** A rotated file under its present name, newest first. */
interface Backup {
  path: string;
  readonly life: Life;
  gz: boolean;
}

const EVENT = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"';
const PLAIN_TEXT = 'this is no event, but a line all the same, number';
/** How long lumberjack's mill and logrotate's reopening take, at most. */
const LATER_MS = 400;
/** A timer starts logrotate: within one look of the agent it rotates a log once. */
const LOGROTATE_PAUSE_MS = 10;

export class Writer {
  readonly #options: WriterOptions;
  readonly #path: string;
  readonly #backups: Backup[] = [];
  /** The open file, whatever its name is by now. */
  #inode: Inode;
  #life: Life;
  /** The rest of the line that was begun. */
  #rest = '';
  #lastStamp = 0;
  #isCompressing = false;
  #rotatedAt = -Infinity;
  /** Whether the writer goes on where it was after its file was cut. */
  readonly #leavesHoles: boolean;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#path = `${options.directory}/${options.base}`;
    this.#leavesHoles = options.machine.random.below(3) === 0;
    [this.#inode, this.#life] = this.#create();
  }

  get directory(): string {
    return this.#options.directory;
  }

  // --- writing ---

  write(lines: number, longest: number): void {
    const { random } = this.#options.machine;
    this.#complete();
    for (let count = 0; count < lines; count++) {
      const isPlain = random.below(20) === 0;
      const padding = 'x'.repeat(random.below(longest));
      if (isPlain)
        this.#begin(`${PLAIN_TEXT} ${this.#options.nextNumber()} ${padding}\n`, undefined);
      else this.#writeEvent(padding.length);
    }
  }

  /** The writer is seen in the middle of a line. */
  begin(): void {
    this.#complete();
    const { random } = this.#options.machine;
    const number = this.#options.nextNumber();
    const text = eventText(number, random.below(60));
    const at = 1 + random.below(text.length - 1);
    this.#rest = text.slice(at);
    this.#begin(text.slice(0, at), number);
  }

  /** Killed in the middle of a line, and started again: the next event is glued to it. */
  tear(): void {
    if (this.#rest === '') this.begin();
    this.#giveUp();
    this.#writeEvent(this.#options.machine.random.below(60));
  }

  /** Nothing is left half done. */
  finish(): void {
    this.#complete();
  }

  #complete(): void {
    const rest = this.#rest;
    this.#rest = '';
    if (rest === '') return;
    this.#life.goOn(rest);
    this.#put(this.#life, this.#inode, rest);
  }

  /** The rest of a line that was begun never comes. */
  #giveUp(): void {
    this.#rest = '';
    this.#life.tear();
  }

  #writeEvent(padding: number): void {
    const { machine, nextNumber, bodies } = this.#options;
    const number = nextNumber();
    const hasBody = bodies && machine.random.below(2) === 0;
    this.#begin(hasBody ? eventWithBody(number, padding) : eventText(number, padding), number);
  }

  #begin(text: string, number: number | undefined): void {
    this.#life.begin(text, number);
    this.#put(this.#life, this.#inode, text);
  }

  #put(life: Life, inode: Inode, text: string, path = this.#path): void {
    const position = life.content.length - text.length;
    this.#options.machine.files.write(path, inode, Buffer.from(text), position);
  }

  // --- rotating ---

  rotate(): void {
    const { machine, style } = this.#options;
    // logrotate does one thing after the other, and some time passes until it is started again.
    const isBusy = this.#isCompressing || machine.nowMs - this.#rotatedAt < LOGROTATE_PAUSE_MS;
    if (style !== 'lumberjack' && isBusy) return;
    this.#rotatedAt = machine.nowMs;
    machine.note(`rotate ${this.#path}`);
    if (style === 'lumberjack') this.#rotateAsLumberjack();
    else if (style === 'create') this.#rotateByRename();
    else this.#rotateByCopy();
  }

  #rotateAsLumberjack(): void {
    const { machine } = this.#options;
    // Two rotations within one millisecond would overwrite each other (FIELD.md).
    this.#lastStamp = Math.max(this.#lastStamp + 1, Math.floor(machine.wallMs));
    const stamp = new Date(this.#lastStamp).toISOString().replace('Z', '').replaceAll(':', '-');
    this.#moveAway(`${this.#options.directory}/audit-${stamp}.log`);
    [this.#inode, this.#life] = this.#create();
    this.#later(() => this.#mill());
  }

  /** The writer goes on in the renamed file until it is told. */
  #rotateByRename(): void {
    this.#shift();
    this.#moveAway(`${this.#path}.1`);
    [this.#inode, this.#life] = this.#create();
    this.#later(() => this.#mill());
  }

  #moveAway(path: string): void {
    const { files, random } = this.#options.machine;
    if (!files.has(this.#path)) return;
    this.#endLine();
    files.rename(this.#path, path);
    this.#life.end();
    this.#backups.unshift({ path, life: this.#life, gz: false });
    const [life, inode] = [this.#life, this.#inode];
    if (random.below(3) === 0) this.#later(() => this.#straggle(life, inode));
  }

  /** An older writer still has the renamed file open. */
  #straggle(life: Life, inode: Inode): void {
    const backup = this.#backups.find((one) => one.life === life && !one.gz);
    if (backup === undefined || !life.places.has(inode)) return;
    // A first line that changes after it was taken as it is changes the name of everything: see README.md.
    if (life.hasTornFirstLine) return;
    const number = this.#options.nextNumber();
    const text = eventText(number, 0);
    life.begin(text, number);
    this.#put(life, inode, text, backup.path);
  }

  #endLine(): void {
    if (this.#options.machine.random.below(3) > 0) this.#complete();
    else this.#giveUp();
  }

  #rotateByCopy(): void {
    const { machine, lives } = this.#options;
    const { files, random } = machine;
    if (!files.has(this.#path)) return;
    this.#endLine();
    this.#shift();
    const copy = files.create(`${this.#path}.1`);
    files.write(`${this.#path}.1`, copy, this.#inode.content);
    lives.place(this.#life, copy);
    this.#backups.unshift({ path: `${this.#path}.1`, life: this.#life, gz: false });
    this.#life.keptBytes = this.#life.content.length;
    this.#life.end();
    // What is written between the copy and the truncation is lost to everybody.
    if (random.below(4) === 0) this.#writeEvent(random.below(40));
    this.#startAgain();
    this.#later(() => this.#mill());
  }

  /** The file is cut: another life begins in it. */
  #startAgain(): void {
    const { machine, lives } = this.#options;
    const hole = this.#leavesHoles ? this.#inode.content.length : 0;
    machine.files.truncate(this.#path, this.#inode);
    this.#life.wasCut = true;
    this.#life.vanish();
    this.#life = lives.begin(this.#path, this.#inode);
    this.#life.skip(hole);
    this.#life.beganInCutFile = true;
  }

  /** Numbered backups move up by one. */
  #shift(): void {
    const { files } = this.#options.machine;
    for (const [index, backup] of [...this.#backups.entries()].toReversed()) {
      const path = `${this.#path}.${index + 2}${backup.gz ? '.gz' : ''}`;
      if (!files.has(backup.path)) continue;
      files.rename(backup.path, path);
      backup.path = path;
    }
  }

  #later(run: () => void): void {
    const { machine } = this.#options;
    const ms = machine.random.pick([0, 1, 20, LATER_MS]) * machine.random.next();
    machine.scheduler.after(ms, 'world', run);
  }

  /** Deletes what is too much, and compresses the rest. */
  #mill(): void {
    const { maxBackups, compresses, style } = this.#options;
    if (this.#isCompressing) return;
    for (const backup of this.#backups.splice(maxBackups)) this.#delete(backup.path, backup.life);
    if (!compresses) return;
    // logrotate's delaycompress leaves the newest alone: somebody may still write to it.
    const [newest, ...older] = this.#backups;
    const ripe = style === 'lumberjack' && newest !== undefined ? [newest, ...older] : older;
    const next = ripe.findLast(({ gz }) => !gz);
    if (next !== undefined) this.#compress(next);
  }

  /** The gz grows beside its plain file, which goes when it is complete. */
  #compress(backup: Backup): void {
    const { machine, lives } = this.#options;
    const { files, random } = machine;
    const { path, life } = backup;
    if (!files.has(path)) return;
    this.#isCompressing = true;
    const plain = files.find(path);
    const gz = files.create(`${path}.gz`);
    const begun = gzipSync(plain.content);
    files.write(`${path}.gz`, gz, begun.subarray(0, random.below(begun.length)));
    machine.scheduler.after(random.next() * random.pick([1, 30, 900]), 'world', () => {
      files.truncate(`${path}.gz`, gz);
      files.write(`${path}.gz`, gz, gzipSync(plain.content));
      lives.place(life, gz);
      backup.path = `${path}.gz`;
      backup.gz = true;
      this.#unlink(path, life);
      this.#isCompressing = false;
      this.#later(() => this.#mill());
    });
  }

  // --- destroying ---

  /** A backup goes before its time. */
  deleteBackup(): void {
    if (this.#isCompressing) return;
    const backup = this.#backups.pop();
    if (backup !== undefined) this.#delete(backup.path, backup.life);
  }

  /** The active file is deleted, and a new one takes its place, maybe with its inode number. */
  replace(): void {
    this.#giveUp();
    this.#life.end();
    this.#delete(this.#path, this.#life);
    [this.#inode, this.#life] = this.#create();
  }

  /** Somebody cuts the file without keeping a copy. */
  cut(): void {
    this.#giveUp();
    this.#life.end();
    this.#life.places.delete(this.#inode);
    this.#life.isUncertain = this.#life.beganInCutFile;
    this.#startAgain();
  }

  #delete(path: string, life: Life): void {
    if (this.#options.machine.files.has(path)) this.#unlink(path, life);
  }

  #unlink(path: string, life: Life): void {
    const { machine, agent } = this.#options;
    const inode = machine.files.find(path);
    life.places.delete(inode);
    if (life.places.size === 0) life.vanish();
    if (life.places.size === 0 && machine.isHeld(inode)) life.heldBy = agent();
    // Who holds the file may know it as the one that was cut, and find nothing of that any more: see README.md.
    if (life.places.size === 0 && life.beganInCutFile) life.isUncertain = true;
    machine.files.unlink(path);
  }

  #create(): [Inode, Life] {
    const { machine, lives } = this.#options;
    const inode = machine.files.create(this.#path);
    return [inode, lives.begin(this.#path, inode)];
  }
}

function eventText(number: number, padding: number): string {
  return `${EVENT}${number}","level":"Metadata","userAgent":"${'x'.repeat(padding)}"}\n`;
}

function eventWithBody(number: number, padding: number): string {
  return `${EVENT}${number}","level":"Request","requestObject":{"text":"${'x'.repeat(padding)}"}}\n`;
}

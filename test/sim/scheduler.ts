/**
 * Virtual time and what happens at which moment of it, in one order that a seed decides. Time passes only from one
 * task to the next. It knows two sides, the agent and the world around it, and nothing of what they do.
 */

/** What the agent waits for can be dropped, as a crash does. What the world does may come between two calls. */
export type Side = 'agent' | 'world';

export interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly side: Side;
  /** Undefined when it was cancelled. */
  run: (() => void) | undefined;
}

export class Scheduler {
  /** Monotonic; not 0, as on a machine that has been up for a while. */
  nowMs = 100_000;
  /** How many tasks have run. */
  steps = 0;
  readonly #agent = new Heap();
  readonly #world = new Heap();
  #orders = 0;

  after(ms: number, side: Side, run: () => void): Task {
    const task: Task = { atMs: this.nowMs + ms, order: ++this.#orders, side, run };
    this.#heap(side).push(task);
    return task;
  }

  /** Whatever the agent waits for never happens. */
  dropAgent(): void {
    this.#agent.clear();
  }

  /** How many tasks of the agent are to come. */
  get waiting(): number {
    return this.#agent.count();
  }

  /**
   * Runs the next task, if its time comes until then; otherwise only time passes.
   * @returns false when there was none.
   */
  step(untilMs: number): boolean {
    const agent = this.#agent.peek();
    const world = this.#world.peek();
    const heap = isBefore(agent, world) ? this.#agent : this.#world;
    if ((heap.peek()?.atMs ?? Infinity) > untilMs) {
      this.nowMs = Math.max(this.nowMs, untilMs);
      return false;
    }
    this.#run(heap.pop());
    return true;
  }

  /** Time passes inside a call of the agent, and the world goes on meanwhile. */
  pass(ms: number): void {
    const end = this.nowMs + ms;
    for (
      let next = this.#world.peek();
      (next?.atMs ?? Infinity) <= end;
      next = this.#world.peek()
    ) {
      this.#run(this.#world.pop());
    }
    this.nowMs = Math.max(this.nowMs, end);
  }

  #run(task: Task | undefined): void {
    const run = task?.run;
    if (task === undefined || run === undefined) return;
    this.steps += 1;
    this.nowMs = Math.max(this.nowMs, task.atMs);
    task.run = undefined;
    run();
  }

  #heap(side: Side): Heap {
    return side === 'agent' ? this.#agent : this.#world;
  }
}

function isBefore(a: Task | undefined, b: Task | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined;
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** A binary heap; the first of the tasks that were not cancelled is on top. */
class Heap {
  #tasks: Task[] = [];

  clear(): void {
    this.#tasks = [];
  }

  count(): number {
    return this.#tasks.filter(({ run }) => run !== undefined).length;
  }

  push(task: Task): void {
    const tasks = this.#tasks;
    let index = tasks.push(task) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(task, tasks[parent])) break;
      this.#set(index, tasks[parent]);
      index = parent;
    }
    tasks[index] = task;
  }

  peek(): Task | undefined {
    while (this.#tasks[0] !== undefined && this.#tasks[0].run === undefined) this.pop();
    return this.#tasks[0];
  }

  pop(): Task | undefined {
    const tasks = this.#tasks;
    const [top] = tasks;
    const last = tasks.pop();
    if (last === undefined || tasks.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (isBefore(tasks[child + 1], tasks[child])) child += 1;
      if (!isBefore(tasks[child], last)) break;
      this.#set(index, tasks[child]);
      index = child;
    }
    tasks[index] = last;
    return top;
  }

  #set(index: number, task: Task | undefined): void {
    if (task !== undefined) this.#tasks[index] = task;
  }
}

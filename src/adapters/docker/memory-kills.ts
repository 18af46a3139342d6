import type { FileShell } from './file-shell.ts';

// cgroup v1 and v2; both are the kernel's, mounted read-only. The engine's own `State.OOMKilled` stays false for what exec starts.
const counters = '/sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events';
const script = `for f in ${counters}; do [ -r "$f" ] && while read -r k v; do [ "$k" = oom_kill ] && echo "$v"; done < "$f"; done; true`;

/** Counts what the kernel has killed in this container for lack of memory. */
export class MemoryKills {
  readonly #files: FileShell;
  #seen = 0;

  constructor(files: FileShell) {
    this.#files = files;
  }

  /** Whether there were any since this was last asked. */
  async anyNew(signal: AbortSignal): Promise<boolean> {
    const { exitCode, output } = await this.#files.run(script, { timeoutMs: 10_000 }, signal);
    const count = exitCode === 0 ? Number(output.trim().split('\n')[0]) : Number.NaN;
    if (!Number.isInteger(count)) return false;
    const isNew = count > this.#seen;
    this.#seen = count;
    return isNew;
  }
}

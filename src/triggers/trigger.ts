import type { Delivery } from '../core/delivery.ts';
import type { Task } from '../core/task.ts';

/** What somebody asked for, and the keys by which the same request is known when it is delivered again. */
interface Recognised {
  readonly task: Task;
  readonly keys: string[];
}

/** One way of asking. Decides from the signed payload alone; whether the person may ask is the run's first stage. */
export interface Trigger {
  readonly name: string;
  recognise(delivery: Delivery): Recognised | null;
}

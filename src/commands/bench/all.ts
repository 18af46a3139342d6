import { benchAgent } from './bench-agent.ts';
import { benchDemo } from './bench-demo.ts';
import { benchSandbox } from './bench-sandbox.ts';
import type { Figure } from './figure.ts';

/** Something to measure; `say` tells how it goes on. */
export interface Bench {
  readonly name: string;
  run(say: (line: string) => void): Promise<Figure[]>;
}

/** Every bench. A new one is a file and a line here. */
export const benches: readonly Bench[] = [
  { name: 'demo', run: benchDemo },
  { name: 'agent', run: benchAgent },
  { name: 'sandbox', run: benchSandbox },
];

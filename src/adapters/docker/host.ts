import type Docker from 'dockerode';

import type { SandboxLimits } from './container-template.ts';

/** What every part of this adapter works with. */
export interface Host {
  readonly docker: Docker;
  readonly limits: SandboxLimits;
  readonly labelsOf: (run: string, purpose: string) => Record<string, string>;
}

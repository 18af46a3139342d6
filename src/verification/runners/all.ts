import { jest } from './jest.ts';
import { mocha } from './mocha.ts';
import { nodeTest } from './node-test.ts';
import { pytest } from './pytest.ts';
import type { Runner } from './runner.ts';
import { tap } from './tap.ts';
import { unittest } from './unittest.ts';
import { vitest } from './vitest.ts';

/** Every test runner we can read. A new one is a file and a line here. */
export const runners: readonly Runner[] = [nodeTest, jest, vitest, mocha, tap, pytest, unittest];

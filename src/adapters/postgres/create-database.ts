import { PGlite } from '@electric-sql/pglite';

import { pgliteOptions } from './pglite-options.ts';

// A program of its own: makes the embedded database in the folder that it is given, and goes.

const [dataDir] = process.argv.slice(2);
const pglite = await PGlite.create({ ...pgliteOptions, ...(dataDir && { dataDir }) });
await pglite.close();

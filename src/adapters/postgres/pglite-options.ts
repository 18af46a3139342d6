/** 8 MB of buffers instead of 128: they lie in the bot's own memory, and the tables of a bot are small. */
export const pgliteOptions = { postgresqlconf: ['shared_buffers = 8MB'] };

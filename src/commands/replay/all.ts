import { journalFormat } from './journal-format.ts';
import { messagesFormat } from './messages-format.ts';
import { openHandsFormat } from './openhands-format.ts';
import type { RecordingFormat } from './recording.ts';
import { sweAgentFormat } from './swe-agent-format.ts';

/** The formats that recordings are read in; the first that knows the file has it. A new one is a file and a line here. */
export const formats: readonly RecordingFormat[] = [journalFormat, openHandsFormat, sweAgentFormat, messagesFormat];

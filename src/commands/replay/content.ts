import { z } from 'zod';

/** A message's content as text: it comes as a string, in parts, or not at all. */
export const Content = z
  .union([z.string(), z.array(z.object({ text: z.string().optional() }))])
  .nullish()
  .transform((content) =>
    typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join(''),
  );

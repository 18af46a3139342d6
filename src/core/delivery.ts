import { z } from 'zod';

/** One verified webhook, as GitHub sent it. `event` has been checked against the shape of `payload`. */
export const Delivery = z.object({
  id: z.string().min(1),
  event: z.string().min(1),
  payload: z.record(z.string(), z.unknown()),
});
export type Delivery = z.infer<typeof Delivery>;

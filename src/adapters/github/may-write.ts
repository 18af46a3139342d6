import { z } from 'zod';

import type { Task } from '../../core/task.ts';
import type { Access } from './access.ts';

const Permission = z.object({
  permission: z.string(),
  role_name: z.string().optional(),
  user: z.object({ id: z.number() }).nullable(),
});

/** Whether this very person, by id and not by a name that may have changed hands, may write to the repository now. */
export async function mayWrite(access: Access, { askedBy }: Task): Promise<boolean> {
  const found = await access.find(`the permission of ${askedBy.login}`, Permission, (octokit) =>
    octokit.repos.getCollaboratorPermissionLevel({ ...access.at, username: askedBy.login }),
  );
  if (found?.user?.id !== askedBy.id) return false;
  return (
    ['admin', 'write'].includes(found.permission) || ['admin', 'maintain', 'write'].includes(found.role_name ?? '')
  );
}

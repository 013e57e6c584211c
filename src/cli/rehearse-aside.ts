import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PushServer } from "../push/index.ts";

/**
 * Rehearses on a Unix socket of the server's own, which nobody can reach afterwards: on a port that several processes
 * share, its connection to itself would come to any of them. Rejects as `rehearse` does.
 */
export async function rehearseAside(server: Pick<PushServer, "listen" | "rehearse">): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "belfry-"));
  try {
    await server.rehearse(await server.listen({ path: join(folder, "rehearsal") }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

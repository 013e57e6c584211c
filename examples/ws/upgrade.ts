import type { Socket } from "node:net";
import type { UpgradeResult, Upgrader } from "belfry/ws";

const headBytesMax = 16_384;

/** Reads a request and answers it; what came behind its head goes back into the socket. Undefined when refused. */
export async function upgrade(socket: Socket, upgrader: Upgrader): Promise<UpgradeResult | undefined> {
  let head = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    head = Buffer.concat([head, chunk]);
    let answer: Uint8Array = new Uint8Array(headBytesMax);
    let result = { ...upgrader.upgrade(head, 0, head.length, answer, 0) };
    if (result.state === "more" && head.length < headBytesMax) continue;
    if (result.settled) ({ result, answer } = await result.settled);
    socket.write(answer.subarray(0, result.written));
    socket.unshift(head.subarray(result.read));
    return result.state === "upgraded" ? result : undefined;
  }
  return undefined;
}

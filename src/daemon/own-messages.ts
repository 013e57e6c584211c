import type { Delivery } from "./delivery.ts";

/** Publishes messages of the Bus's own, as if a client had. `headers` is a block, "" for none. */
export function makePublish(delivery: Delivery): (subject: string, headers: string, data: Buffer) => void {
  return (subject, headers, data) => {
    const subjectBytes = Buffer.byteLength(subject);
    const headerBytes = Buffer.byteLength(headers);
    const bytes = Buffer.allocUnsafe(subjectBytes + headerBytes + data.length);
    bytes.write(subject, 0);
    bytes.write(headers, subjectBytes);
    bytes.set(data, subjectBytes + headerBytes);
    const message = {
      bytes,
      subjectFrom: 0,
      subjectTo: subjectBytes,
      replyFrom: 0,
      replyTo: 0,
      headerBytes,
      payloadFrom: subjectBytes,
      payloadTo: bytes.length,
    };
    const route = delivery.routeOf(message);
    if (!route.isValid) return;
    delivery.publish(route, message, undefined);
    delivery.settle();
  };
}

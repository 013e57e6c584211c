import { finished } from "node:stream/promises";
import { parentPort } from "node:worker_threads";
import { type AddressObject, type AttachmentStream, type HeaderValue, MailParser, type MessageText } from "mailparser";
import { mailLimits } from "./limits.ts";
import { reasonOf } from "./log.ts";
import type { IncomingMail } from "./storage.ts";

/** What the thread answers to the bytes of a mail. */
export type ReadAnswer = { readonly mail: IncomingMail } | { readonly error: string };

const options = {
  skipImageLinks: true,
  skipTextToHtml: true,
  skipTextLinks: true,
  maxHtmlLengthToParse: mailLimits.htmlCharsMax,
  maxHeadSize: mailLimits.headBytesMax,
};

parentPort?.on("message", (bytes: Uint8Array) => {
  readMail(bytes).then(
    (mail) => parentPort?.postMessage({ mail } satisfies ReadAnswer),
    (error: unknown) => parentPort?.postMessage({ error: reasonOf(error) } satisfies ReadAnswer),
  );
});

async function readMail(bytes: Uint8Array): Promise<IncomingMail> {
  const parser = new MailParser(options);
  const mail = { sender: "", subject: "", text: "" };
  parser.on("headers", (headers) => {
    mail.sender = senderOf(headers.get("from"));
    mail.subject = String(headers.get("subject") ?? "");
  });
  parser.on("data", (part) => {
    if (part.type === "text") mail.text = textOf(part);
    else skip(part);
  });
  parser.end(bytes);
  await finished(parser);
  if (hasFailed(parser)) throw new Error("a head is too large, or there are too many parts");
  return mail;
}

/** mailparser has no better sign of a mail of which it read only the beginning: it ends as if nothing were wrong. */
function hasFailed(parser: MailParser): boolean {
  return "hasFailed" in parser && parser.hasFailed === true;
}

/** The text part; false if the mail has none, whatever the types say. */
function textOf(part: MessageText): string {
  return part.text || "";
}

/** Attachments are not kept, but the parser goes on only when they have been read. */
function skip(attachment: AttachmentStream): void {
  attachment.content.on("data", () => {});
  attachment.content.on("end", () => attachment.release());
}

/** The authors as people write them: `Ada <ada@example.com>`. */
function senderOf(from: HeaderValue | undefined): string {
  if (!isAddressObject(from)) return "";
  const authors = from.value.map(({ name, address }) => (name && address ? `${name} <${address}>` : name || address));
  return authors.filter(Boolean).join(", ");
}

function isAddressObject(value: HeaderValue | undefined): value is AddressObject {
  return typeof value === "object" && "value" in value && Array.isArray(value.value);
}

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { createTransport } from "nodemailer";
import { Announcer } from "../examples/mail/announcer.ts";
import { createMailHttp } from "../examples/mail/http.ts";
import { MailReceiver } from "../examples/mail/smtp.ts";
import { Storage } from "../examples/mail/storage.ts";
import type { MailEvent } from "../examples/mail/wire.ts";
import type { StreamPosition } from "../src/bus/index.ts";

/** A folder that is deleted after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "belfry-mail-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A Storage in a file of its own. */
export function openStorage(t: TestContext, file: string = join(temporaryFolder(t), "mail.db")): Storage {
  const storage = new Storage(file);
  t.after(() => storage.close());
  return storage;
}

/** What was published on the Bus of a test. */
export interface Published {
  readonly channel: string;
  readonly event: MailEvent;
}

/** A Bus that keeps what is published; `publish` may be replaced by one that fails. */
export class RecordingBus {
  readonly published: Published[] = [];
  publish = async (channel: string, data: string): Promise<StreamPosition> => {
    this.published.push({ channel, event: JSON.parse(data) });
    return { offset: 0, epoch: "" };
  };
}

/** A log that keeps its lines. */
export class RecordingLog {
  readonly lines: string[] = [];
  info(line: string): void {
    this.lines.push(line);
  }
  warn(line: string): void {
    this.lines.push(line);
  }
  error(line: string): void {
    this.lines.push(line);
  }
}

/** The Storage with its SMTP and HTTP sides on free ports; all of it ends with the test. */
export async function startMail(t: TestContext, options: { storage?: Pick<Storage, "add"> } = {}) {
  const file = join(temporaryFolder(t), "mail.db");
  const storage = openStorage(t, file);
  const bus = new RecordingBus();
  const log = new RecordingLog();
  const announcer = new Announcer({ publish: (channel, data) => bus.publish(channel, data) }, log);
  const receiver = new MailReceiver({ storage: options.storage ?? storage, announcer, log });
  const smtp = await receiver.listen(0, "127.0.0.1");
  t.after(() => receiver.close());
  const info = () => ({ smtp: { host: smtp.address, port: smtp.port } });
  const web = createServer(createMailHttp({ storage, announcer, log, info }));
  await once(web.listen(0, "127.0.0.1"), "listening");
  t.after(() => void web.close().closeAllConnections());
  const origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const transport = createTransport({ host: "127.0.0.1", port: smtp.port });
  return { file, storage, bus, log, announcer, smtp, origin, transport };
}

/** Says lines to an SMTP server, each when the one before was answered; gives all answers, the greeting first. */
export async function smtpDialog(port: number, lines: readonly string[]): Promise<string[]> {
  const socket = connect(port, "127.0.0.1");
  const answers: string[] = [];
  const unsaid = [...lines];
  for await (const answer of createInterface({ input: socket })) {
    if (/^\d{3}-/.test(answer)) continue;
    answers.push(answer);
    const line = unsaid.shift();
    if (line === undefined) socket.end();
    else socket.write(`${line}\r\n`);
  }
  return answers;
}

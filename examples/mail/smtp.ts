import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import { mailboxOf } from "./address.ts";
import type { Announcer } from "./announcer.ts";
import { mailLimits } from "./limits.ts";
import { type Log, reasonOf } from "./log.ts";
import { MailReader } from "./reader.ts";
import type { IncomingMail, Storage } from "./storage.ts";

/** What the SMTP server needs. */
export interface SmtpParts {
  readonly storage: Pick<Storage, "add">;
  readonly announcer: Pick<Announcer, "announce">;
  readonly log: Log;
}

/**
 * The way in for mail: takes a mail for any recipient from anybody, so it belongs on the loopback address. The answer
 * 250 is given when the mail is stored in all mailboxes, and then the Bus is told.
 */
export class MailReceiver {
  readonly #parts: SmtpParts;
  readonly #reader = new MailReader();
  readonly #server: SMTPServer;

  constructor(parts: SmtpParts) {
    this.#parts = parts;
    this.#server = new SMTPServer({
      banner: "Belfry mail example",
      disabledCommands: ["AUTH", "STARTTLS"],
      disableReverseLookup: true,
      logger: false,
      size: mailLimits.mailBytesMax,
      maxRecipients: mailLimits.recipientsMax,
      maxClients: mailLimits.smtpClientsMax,
      closeTimeout: mailLimits.smtpCloseMs,
      onRcptTo: (address, _session, callback) => callback(recipientError(address.address)),
      onData: (stream, session, callback) => {
        this.#receive(stream, session).then((answer) => callback(null, answer), callback);
      },
    });
  }

  /** Starts to take mail; resolves with the address, rejects with Node's error (`code` is EADDRINUSE, say). */
  async listen(port: number, host: string): Promise<{ address: string; port: number }> {
    const listening = once(this.#server.server, "listening");
    this.#server.once("error", () => {});
    this.#server.listen(port, host);
    await listening;
    this.#server.on("error", (error) => this.#parts.log.warn(`SMTP: ${reasonOf(error)}`));
    const { address, port: chosen } = this.#server.server.address() as AddressInfo;
    return { address, port: chosen };
  }

  /** Takes no new connections, and ends those that are there when they are done or have had their time. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(resolve));
    await this.#reader.close();
  }

  async #receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string> {
    const mail = await this.#read(await readAll(stream), envelopeSender(session));
    const deliveries = this.#store(
      session.envelope.rcptTo.map(({ address }) => recipient(address)),
      mail,
    );
    this.#parts.announcer.announce(
      deliveries.map(({ mailbox, message, unread, version }) => ({
        mailbox,
        event: { type: "new", message, unread, version },
      })),
    );
    return `OK: stored in ${deliveries.length} ${deliveries.length === 1 ? "mailbox" : "mailboxes"}`;
  }

  async #read(bytes: Uint8Array, envelopeFrom: string): Promise<IncomingMail> {
    try {
      const mail = await this.#reader.read(bytes);
      return { ...mail, sender: mail.sender || envelopeFrom };
    } catch (error) {
      throw new SmtpRefusal(554, `The mail cannot be read: ${reasonOf(error)}`);
    }
  }

  /** A Storage that fails may work again later, so the sender is told to retry. */
  #store(recipients: readonly (string | undefined)[], mail: IncomingMail) {
    try {
      return this.#parts.storage.add(
        recipients.filter((mailbox) => mailbox !== undefined),
        mail,
      );
    } catch (error) {
      this.#parts.log.error(`A mail could not be stored: ${reasonOf(error)}`);
      throw new SmtpRefusal(451, "The mail could not be stored, try again later");
    }
  }
}

/** An answer to the SMTP client that is not "OK"; `responseCode` is where smtp-server looks for its code. */
class SmtpRefusal extends Error {
  readonly responseCode: number;
  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

/** The mailbox for RCPT TO; `postmaster` needs no domain (RFC 5321, 4.5.1). */
function recipient(address: string): string | undefined {
  return mailboxOf(address.toLowerCase() === "postmaster" ? "postmaster@localhost" : address);
}

function recipientError(address: string): SmtpRefusal | null {
  if (recipient(address)) return null;
  return new SmtpRefusal(
    553,
    `Not a mailbox here: a name, @ and a domain, ${mailLimits.addressBytesMax} bytes at most`,
  );
}

function envelopeSender(session: SMTPServerSession): string {
  return session.envelope.mailFrom ? session.envelope.mailFrom.address : "";
}

/** The bytes of the mail; of one that is too large nothing is kept, but all of it is read, so that the client hears why. */
async function readAll(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    if (stream.sizeExceeded) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (!stream.sizeExceeded) return Buffer.concat(chunks);
  throw new SmtpRefusal(552, `The mail is larger than ${mailLimits.mailBytesMax} bytes`);
}

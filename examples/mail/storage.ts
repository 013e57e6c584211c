import Database from "libsql";
import { mailLimits } from "./limits.ts";
import { reasonOf } from "./log.ts";
import { prepareDatabase } from "./schema.ts";
import { cleanText, clip, oneLine } from "./text.ts";
import type { MailboxState, MailMessage } from "./wire.ts";

/** A mail on its way in. */
export interface IncomingMail {
  readonly sender: string;
  readonly subject: string;
  readonly text: string;
}

/** A message that has been stored, and the state that its mailbox is in since. */
export interface Delivery extends MailboxState {
  readonly mailbox: string;
  readonly message: MailMessage;
}

/** What marking as seen did. */
export interface SeenResult extends MailboxState {
  /** How many messages were unseen before. */
  readonly changed: number;
}

/**
 * The article's Storage: stateful mailboxes in one SQLite file, changed in transactions. Mailboxes are named by
 * addresses as `mailboxOf` gives them. Methods are synchronous and return when the change is on the disk.
 */
export class Storage {
  readonly #database: Database.Database;
  readonly #statements: Statements;
  readonly #epoch: string;
  #open = true;

  /** Opens the file, and makes it if it is not there. Throws an error that names the file and the reason. */
  constructor(file: string) {
    try {
      this.#database = new Database(file);
      prepareDatabase(this.#database);
      this.#statements = prepareStatements(this.#database);
      this.#epoch = String(fields(this.#database.prepare("SELECT epoch FROM storage").get())?.epoch);
    } catch (error) {
      throw new Error(`Cannot open the mail storage ${file}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Stores a mail in each recipient's mailbox, in all of them or, with an error, in none. */
  add(recipients: readonly string[], mail: IncomingMail, receivedAt: number = Date.now()): Delivery[] {
    this.#mustBeOpen();
    const store = this.#database.transaction((): Delivery[] => {
      const row = storedForm(mail, receivedAt);
      const { sender, subject, preview, text } = row;
      const mailId = Number(this.#statements.addMail.run(sender, subject, receivedAt, preview, text).lastInsertRowid);
      return [...new Set(recipients)].map((mailbox) => this.#deliver(mailbox, mailId, row));
    });
    return store.immediate();
  }

  /** The newest `limit` messages of the mailbox with an id above `after`, newest first. */
  list(mailbox: string, options: { after?: number; limit?: number } = {}): MailMessage[] {
    this.#mustBeOpen();
    const { after = 0, limit = mailLimits.listDefault } = options;
    const rows = this.#statements.list.all(mailbox, after, Math.min(limit, mailLimits.listMax));
    return rows.map((row) => messageOf(row));
  }

  /** The whole text of one message, or undefined if the mailbox has no such message. */
  text(mailbox: string, id: number): string | undefined {
    this.#mustBeOpen();
    const row = fields(this.#statements.text.get(mailbox, id));
    return row && String(row.text);
  }

  /** Marks messages as seen: those with the ids, or all. */
  markSeen(mailbox: string, ids?: readonly number[]): SeenResult {
    this.#mustBeOpen();
    const mark = this.#database.transaction((): SeenResult => {
      const { seenAll, seenIds, saw } = this.#statements;
      const { changes } = ids ? seenIds.run(mailbox, JSON.stringify(ids)) : seenAll.run(mailbox);
      if (changes > 0) saw.run(changes, mailbox);
      return { changed: changes, ...this.state(mailbox) };
    });
    return mark.immediate();
  }

  /** How many messages are unread, and the version: one look at one row, however full the mailbox is. */
  state(mailbox: string): MailboxState {
    this.#mustBeOpen();
    const row = fields(this.#statements.state.get(mailbox));
    return row ? stateOf(row) : { unread: 0, version: 0 };
  }

  /**
   * A name for the state of the mailbox, fit for an ETag: it changes with every change, and is never used again, not
   * even when the file is deleted and a new one counts from zero.
   */
  version(mailbox: string): string {
    return `${this.#epoch}-${this.state(mailbox).version}`;
  }

  /** Ends the Storage; later calls throw. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#database.close();
  }

  #deliver(mailbox: string, mailId: number, row: StoredMail): Delivery {
    const { deliver, arrived } = this.#statements;
    const id = Number(deliver.run(mailbox, mailId).lastInsertRowid);
    const state = stateOf(fields(arrived.get(mailbox)) ?? {});
    const { sender, subject, preview, text, receivedAt } = row;
    const message = { id, sender, subject, text: preview, clipped: text !== null, receivedAt, seen: false };
    return { mailbox, message, ...state };
  }

  /** libsql itself would go on with a closed database. */
  #mustBeOpen(): void {
    if (!this.#open) throw new Error("The mail storage is closed");
  }
}

/** A mail as its row has it: `text` is null when `preview` is all of it. */
interface StoredMail {
  readonly sender: string;
  readonly subject: string;
  readonly receivedAt: number;
  readonly preview: string;
  readonly text: string | null;
}

function storedForm(mail: IncomingMail, receivedAt: number): StoredMail {
  const text = cleanText(mail.text);
  const preview = clip(text, mailLimits.previewCharsMax);
  return {
    sender: oneLine(mail.sender, mailLimits.headerCharsMax),
    subject: oneLine(mail.subject, mailLimits.headerCharsMax),
    receivedAt,
    preview,
    text: preview.length < text.length ? text : null,
  };
}

type Statements = ReturnType<typeof prepareStatements>;

/**
 * Each statement is used with one of `run`, `get` and `all` only: in libsql 0.5.29 a `get` after an `all` of the same
 * statement returns a row of the `all`.
 */
function prepareStatements(database: Database.Database) {
  const prepare = (sql: string) => database.prepare<Value[]>(sql);
  return {
    addMail: prepare("INSERT INTO mails (sender, subject, received_at, preview, text) VALUES (?, ?, ?, ?, ?)"),
    deliver: prepare("INSERT INTO messages (mailbox, mail) VALUES (?, ?)"),
    arrived: prepare(
      `INSERT INTO mailboxes (address, version, unread) VALUES (?, 1, 1)
       ON CONFLICT (address) DO UPDATE SET version = version + 1, unread = unread + 1 RETURNING version, unread`,
    ),
    list: prepare(
      `SELECT messages.id, sender, subject, preview, text IS NOT NULL AS clipped, received_at, seen
       FROM messages JOIN mails ON mails.id = messages.mail
       WHERE mailbox = ? AND messages.id > ? ORDER BY messages.id DESC LIMIT ?`,
    ),
    text: prepare(
      `SELECT coalesce(text, preview) AS text FROM messages JOIN mails ON mails.id = messages.mail
       WHERE mailbox = ? AND messages.id = ?`,
    ),
    seenAll: prepare("UPDATE messages SET seen = 1 WHERE mailbox = ? AND seen = 0"),
    seenIds: prepare(
      "UPDATE messages SET seen = 1 WHERE mailbox = ? AND seen = 0 AND id IN (SELECT value FROM json_each(?))",
    ),
    saw: prepare("UPDATE mailboxes SET version = version + 1, unread = unread - ? WHERE address = ?"),
    state: prepare("SELECT version, unread FROM mailboxes WHERE address = ?"),
  };
}

type Value = string | number | null;
type Fields = Readonly<Record<string, unknown>>;

/** A row as what it is. libsql adds a field `_metadata` to it, so rows are never handed on as they are. */
function fields(row: unknown): Fields | undefined {
  return typeof row === "object" && row !== null ? (row as Fields) : undefined;
}

function stateOf(row: Fields): MailboxState {
  return { unread: Number(row.unread), version: Number(row.version) };
}

function messageOf(row: unknown): MailMessage {
  const { id, sender, subject, preview, clipped, received_at, seen } = fields(row) ?? {};
  return {
    id: Number(id),
    sender: String(sender),
    subject: String(subject),
    text: String(preview),
    clipped: clipped === 1,
    receivedAt: Number(received_at),
    seen: seen === 1,
  };
}

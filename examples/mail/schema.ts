import { randomBytes } from "node:crypto";
import type Database from "libsql";

/** Raised whenever `tables` changes. */
const schemaVersion = 1;

/**
 * A mail is stored once, however many mailboxes it goes to. `text` comes last and holds only what `preview` does not: a
 * list of messages never reads the long ones from the disk.
 */
const tables = `
  CREATE TABLE storage (epoch TEXT NOT NULL) STRICT;
  CREATE TABLE mails (
    id INTEGER PRIMARY KEY,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    preview TEXT NOT NULL,
    text TEXT
  ) STRICT;
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox TEXT NOT NULL,
    mail INTEGER NOT NULL REFERENCES mails (id),
    seen INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX messages_of_mailbox ON messages (mailbox, id);
  CREATE INDEX unseen_messages ON messages (mailbox) WHERE seen = 0;
  CREATE TABLE mailboxes (
    address TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    unread INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** Sets the connection up and makes the tables in a new file. A mail that SMTP answered 250 survives a power cut. */
export function prepareDatabase(database: Database.Database): void {
  database.exec("PRAGMA busy_timeout = 5000");
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA foreign_keys = ON");
  database.transaction(makeTables).immediate(database);
}

function makeTables(database: Database.Database): void {
  const found = Number(Object(database.prepare("PRAGMA user_version").get()).user_version);
  if (found === schemaVersion) return;
  if (found !== 0) throw new Error(`its schema version is ${found}, this program knows ${schemaVersion}`);
  database.exec(tables);
  database.prepare("INSERT INTO storage (epoch) VALUES (?)").run(randomBytes(6).toString("base64url"));
  database.exec(`PRAGMA user_version = ${schemaVersion}`);
}

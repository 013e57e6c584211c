/**
 * What the Storage tells a page, over HTTP and over the Bus. Both ends import these types, so they cannot drift apart.
 */

/** One message in one mailbox. */
export interface MailMessage {
  /** Grows with each message; unique within the Storage. */
  readonly id: number;
  readonly sender: string;
  readonly subject: string;
  /** The text, or its beginning if `clipped`: GET /mailboxes/:address/messages/:id/text has all of it. */
  readonly text: string;
  readonly clipped: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly seen: boolean;
}

/** The state of a mailbox after a change. A higher version is a later state. */
export interface MailboxState {
  readonly unread: number;
  readonly version: number;
}

/** The answer to GET /mailboxes/:address/messages, newest message first. */
export interface MailList extends MailboxState {
  readonly messages: readonly MailMessage[];
}

/** A message arrived. */
export interface NewEvent extends MailboxState {
  readonly type: "new";
  readonly message: MailMessage;
}

/** Messages were marked as seen: those with the ids, or (`null`) all that are there at this version. */
export interface SeenEvent extends MailboxState {
  readonly type: "seen";
  readonly ids: readonly number[] | null;
}

/** What the channel `mail:` + address carries. */
export type MailEvent = NewEvent | SeenEvent;

/** The answer to GET /info: where mail is taken, and the notification API's port if it is not that of the page. */
export interface MailInfo {
  readonly smtp: { readonly host: string; readonly port: number };
  readonly pushPort?: number;
}

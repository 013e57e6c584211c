/** Every bound of the mail example, with its reason. */
export const mailLimits = {
  /** Longest address: `mail:` and the address must fit in a channel name of 255 bytes. */
  addressBytesMax: 250,
  /** Largest mail that SMTP takes, attachments included: 552 beyond. */
  mailBytesMax: 10 * 1024 * 1024,
  /** Most recipients of one mail: 452 beyond, as RFC 5321, 4.5.3.1.10 has it; the sender sends the rest in a second go. */
  recipientsMax: 1000,
  /** SMTP connections at once: with a mail of full size in each they hold 500 MiB. */
  smtpClientsMax: 50,
  /** Largest head of a mail or of one of its parts, 554 beyond: an address list of this size takes 0.1 s to read. */
  headBytesMax: 64 * 1024,
  /** Longest HTML part that is turned into text: beyond, the mail is refused with 554. */
  htmlCharsMax: 1024 * 1024,
  /** How long a mail may take to be read, and the memory for it: 554 beyond. Honest mails take less than a second. */
  readMs: 5000,
  readerHeapMiB: 256,
  /** Longest subject and sender that are kept: a line of RFC 5322 is not longer. */
  headerCharsMax: 998,
  /** Beginning of the text that lists and events carry: a push must stay far below what may wait for one connection. */
  previewCharsMax: 4000,
  /** Messages in one list. */
  listMax: 200,
  listDefault: 50,
  /** Ids in one request that marks as seen, and the size of its body. */
  seenIdsMax: 1000,
  requestBytesMax: 64 * 1024,
  /** How long SMTP clients may take to finish when the server ends. */
  smtpCloseMs: 1000,
  /** How long ending may take altogether. */
  closeMs: 2000,
} as const;

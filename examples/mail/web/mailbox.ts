import type { MailEvent, MailList, MailMessage } from "../wire.ts";

/** What the mailbox shows its changes on. */
export interface MailboxView {
  /** Shows exactly these messages, newest first. */
  showAll(messages: readonly MailMessage[]): void;
  /** Shows a message that has just arrived. */
  showNew(message: MailMessage): void;
  /** Shows messages as seen: those with the ids, or all. */
  showSeen(ids: readonly number[] | null): void;
  showUnread(unread: number): void;
  /** Says what is wrong, or with "" that nothing is. */
  showProblem(problem: string): void;
}

const retryMs = 1000;

/**
 * One mailbox as the page knows it: the list that was loaded over HTTP, and the events that were pushed since. Each
 * state of a mailbox has a version, so an event that a list already contains, or that comes twice, changes nothing.
 */
export class Mailbox {
  readonly #path: string;
  readonly #view: MailboxView;
  #etag = "";
  #version = -1;
  /** Counts loads: the answer to one that was overtaken is dropped. */
  #load = 0;
  /** Events that arrived while a list was on its way, and may be newer than it. */
  #arrived: MailEvent[] = [];

  constructor(address: string, view: MailboxView) {
    this.#path = `/mailboxes/${encodeURIComponent(address)}`;
    this.#view = view;
  }

  /** Takes an event from the channel. */
  receive(event: MailEvent): void {
    this.#arrived.push(event);
    this.#apply(event);
  }

  /** Loads what the page does not have yet, and tries again until it has it; the answer is 304 if nothing changed. */
  async load(): Promise<void> {
    const load = ++this.#load;
    this.#arrived = [];
    const response = await fetch(`${this.#path}/messages`, {
      cache: "no-store",
      headers: this.#etag ? { "If-None-Match": this.#etag } : {},
    }).catch(() => undefined);
    const list = response?.ok ? await listOf(response) : undefined;
    if (load !== this.#load) return;
    if (list) this.#replace(list, response?.headers.get("ETag") ?? "");
    if (list || response?.status === 304) this.#view.showProblem("");
    else await this.#failed(response);
  }

  /** Marks messages as seen: those with the ids, or all. The Storage announces it, and so this page hears of it. */
  async markSeen(ids?: readonly number[]): Promise<void> {
    await fetch(`${this.#path}/seen`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(ids ? { ids } : {}),
    }).catch(() => undefined);
  }

  /** The whole text of a message, or undefined if it cannot be had now. */
  async text(id: number): Promise<string | undefined> {
    const response = await fetch(`${this.#path}/messages/${id}/text`).catch(() => undefined);
    return response?.ok ? response.text().catch(() => undefined) : undefined;
  }

  #replace(list: MailList, etag: string): void {
    this.#etag = etag;
    this.#version = list.version;
    this.#view.showAll(list.messages);
    this.#view.showUnread(list.unread);
    for (const event of this.#arrived) this.#apply(event);
  }

  #apply(event: MailEvent): void {
    if (event.version <= this.#version) return;
    this.#version = event.version;
    if (event.type === "new") this.#view.showNew(event.message);
    else this.#view.showSeen(event.ids);
    this.#view.showUnread(event.unread);
  }

  async #failed(response: Response | undefined): Promise<void> {
    const refused = response && response.status >= 400 && response.status < 500;
    this.#view.showProblem(refused ? await errorOf(response) : "The list cannot be loaded now, trying again…");
    if (!refused) setTimeout((load: number) => load === this.#load && this.load(), retryMs, this.#load);
  }
}

async function listOf(response: Response): Promise<MailList | undefined> {
  return response.json().catch(() => undefined);
}

async function errorOf(response: Response): Promise<string> {
  const body: { error?: string } | undefined = await response.json().catch(() => undefined);
  return body?.error ?? `The server answered ${response.status}`;
}

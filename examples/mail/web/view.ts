import type { MailInfo, MailMessage } from "../wire.ts";
import type { MailboxView } from "./mailbox.ts";

/** What the page's dot says. */
export type State = "connecting" | "live" | "offline";

const stateTexts: Readonly<Record<State, string>> = {
  connecting: "connecting…",
  live: "live",
  offline: "offline – reconnecting…",
};

/** What a message's card asks for. */
export interface CardActions {
  seen(id: number): void;
  text(id: number): Promise<string | undefined>;
}

/** Shows the connection's state; `text` replaces its usual words. */
export function showState(state: State, text: string = stateTexts[state]): void {
  element("state").dataset.state = state;
  element("state-text").textContent = text;
}

/** The page's part that shows one mailbox. Everything from a mail goes in as text, never as markup. */
export function createView(address: string, actions: CardActions): MailboxView {
  const list = element("messages");
  const cards = new Map<number, HTMLLIElement>();
  const put = (message: MailMessage): HTMLLIElement => {
    const card = cards.get(message.id) ?? createCard(message.id, actions);
    cards.set(message.id, card);
    fill(card, message);
    return card;
  };
  return {
    showAll(messages) {
      const shown = messages.map((message) => put(message));
      for (const [id, card] of cards) if (!shown.includes(card)) cards.delete(id);
      reorder(list, shown);
      element("hint").hidden = cards.size > 0;
    },
    showNew(message) {
      const card = put(message);
      card.classList.add("fresh");
      list.prepend(card);
      element("hint").hidden = true;
      element("news").textContent = `New message from ${message.sender}: ${subjectOf(message)}`;
    },
    showSeen(ids) {
      for (const [id, card] of cards) if (!ids || ids.includes(id)) card.classList.remove("unseen");
    },
    showUnread(unread) {
      element("unread").textContent = String(unread);
      element("see-all").hidden = unread === 0;
      document.title = `${unread > 0 ? `(${unread}) ` : ""}${address} – Belfry mail`;
    },
    showProblem(problem) {
      element("problem").textContent = problem;
      element("problem").hidden = problem === "";
    },
  };
}

/** Fills in the lines that send a mail to this mailbox. */
export function showHint(address: string, { smtp }: MailInfo): void {
  const anywhere = smtp.host === "0.0.0.0" || smtp.host === "::";
  const host = anywhere ? location.hostname : smtp.host.includes(":") ? `[${smtp.host}]` : smtp.host;
  const to = shellWord(address);
  const port = smtp.port === 2525 ? "" : `SMTP_PORT=${smtp.port} `;
  element("hint-npm").textContent = `${port}npm run mail -- ${to} "Hello"`;
  element("hint-curl").textContent =
    `printf 'Subject: Hello\\n\\nIt works.\\n' | curl smtp://${host}:${smtp.port} ` +
    `--mail-from you@example.com --mail-rcpt ${to} -T -`;
}

/** The element with the id, which index.html has. */
export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/** Puts the cards in order and leaves alone those in place, so that one that is open or has the focus stays so. */
function reorder(list: HTMLElement, cards: readonly HTMLElement[]): void {
  for (const child of [...list.children]) if (!cards.some((card) => card === child)) child.remove();
  for (const [index, card] of cards.entries()) {
    if (list.children[index] !== card) list.insertBefore(card, list.children[index] ?? null);
  }
}

function createCard(id: number, actions: CardActions): HTMLLIElement {
  const card = document.createElement("li");
  card.dataset.testid = "message";
  card.dataset.id = String(id);
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(part("span", "sender"), part("time", "time"), part("span", "subject"), part("span", "first-line"));
  details.append(summary, part("pre", "text"));
  details.addEventListener("toggle", () => details.open && opened(card, id, actions));
  card.append(details);
  return card;
}

function part(tag: "span" | "time" | "pre", name: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  made.dataset.testid = name;
  made.dir = "auto";
  return made;
}

async function opened(card: HTMLLIElement, id: number, actions: CardActions): Promise<void> {
  if (card.classList.contains("unseen")) actions.seen(id);
  if (!card.dataset.clipped) return;
  const text = await actions.text(id);
  if (text === undefined) return;
  delete card.dataset.clipped;
  card.dataset.whole = "";
  partOf(card, "text").textContent = text;
}

function fill(card: HTMLLIElement, message: MailMessage): void {
  card.classList.toggle("unseen", !message.seen);
  partOf(card, "sender").textContent = message.sender || "(no sender)";
  partOf(card, "subject").textContent = subjectOf(message);
  partOf(card, "first-line").textContent = firstLine(message.text);
  const time = partOf(card, "time");
  const received = new Date(message.receivedAt);
  time.setAttribute("datetime", received.toISOString());
  time.title = received.toLocaleString();
  time.textContent = shortTime(received);
  if (card.dataset.whole !== undefined) return;
  if (message.clipped) card.dataset.clipped = "yes";
  partOf(card, "text").textContent = `${message.text || "(no text)"}${message.clipped ? " …" : ""}`;
}

function partOf(card: HTMLLIElement, name: string): HTMLElement {
  const found = card.querySelector<HTMLElement>(`.${name}`);
  if (!found) throw new Error(`A card has no .${name}`);
  return found;
}

function subjectOf(message: MailMessage): string {
  return message.subject || "(no subject)";
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line.trim() !== "") ?? "";
}

/** The time of day for today's messages, the day for older ones. */
function shortTime(time: Date): string {
  const today = time.toDateString() === new Date().toDateString();
  return today
    ? time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : time.toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" });
}

/** The text as one word of a shell: an address in a link may contain anything, and the hint is there to be pasted. */
function shellWord(text: string): string {
  return /^[\w.+@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

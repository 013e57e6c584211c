import type { FromClient, Message, ToClient } from "../envelope.ts";

type Change = Extract<ToClient, { type: "arrived" | "left" | "renamed" }>;
type State = "connecting" | "live" | "offline";

const stateTexts = { connecting: "connecting…", live: "live", offline: "reconnecting…" } as const;
const retryMsMin = 250;
const retryMsMax = 8000;
/** A join that is not answered in this time is given up: the connection is tried anew. */
const joinMsMax = 5000;
/** Lines that the page keeps. */
const linesMax = 500;

const log = element("log");
const input = element<HTMLInputElement>("input");
const nameField = element<HTMLInputElement>("name");
const roomField = element<HTMLInputElement>("room-name");

let socket: WebSocket | undefined;
let retryMs = retryMsMin;
let timer: ReturnType<typeof setTimeout> | undefined;
/** The name here, which is not the wanted one when that was taken. */
let ownName = "";
let members = new Set<string>();
let lastText = "";
/** Whether the reader sees the newest line, and wants to go on seeing it; not so once scrolled up. */
let followsEnd = true;
/** The name to ask for when joining. */
let wanted = remembered() || `Guest ${1000 + Math.floor(Math.random() * 9000)}`;
remember(wanted);

nameField.value = wanted;
// Enter is a change too: of the two forms above the message nothing but their fields counts.
nameField.addEventListener("change", rename);
roomField.addEventListener("change", () => {
  location.hash = encodeURIComponent(roomField.value.trim());
});
onSubmit("name-form", () => {});
onSubmit("room-form", () => {});
onSubmit("message-form", say);
log.addEventListener("scroll", () => {
  followsEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
});
// A phone's keyboard takes half of the log away.
new ResizeObserver(showEnd).observe(log);
addEventListener("hashchange", () => (isLive() ? join() : connect()));
// After a change of network the old connection may be dead, and nothing would say so for a long time.
addEventListener("online", connect);
connect();

// ---- The connection -----------------------------------------------------------------------------------------------

/** Opens the one WebSocket, in the place of what there was. */
function connect(): void {
  clearTimeout(timer);
  drop();
  if (retryMs === retryMsMin) showState("connecting");
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/chat`);
  socket = opened;
  opened.onopen = join;
  opened.onmessage = ({ data }: MessageEvent<string>) => take(JSON.parse(data));
  opened.onclose = retry;
}

/** Tries again later, and later each time; not all at once who were cut together. */
function retry(): void {
  clearTimeout(timer);
  drop();
  showState("offline");
  timer = setTimeout(connect, retryMs * (0.5 + Math.random() / 2));
  retryMs = Math.min(retryMs * 2, retryMsMax);
}

function drop(): void {
  if (!socket) return;
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.close();
  socket = undefined;
}

function join(): void {
  clearTimeout(timer);
  timer = setTimeout(retry, joinMsMax);
  send({ type: "join", room: roomName(), name: wanted });
}

function send(envelope: FromClient): void {
  socket?.send(JSON.stringify(envelope));
}

function isLive(): boolean {
  return element("state").dataset.state === "live";
}

// ---- What the server says -----------------------------------------------------------------------------------------

function take(envelope: ToClient): void {
  if (envelope.type === "joined") joined(envelope);
  else if (envelope.type === "error") refused(envelope.code, envelope.message);
  else if (envelope.type === "message") addLine(messageLine(envelope));
  else changed(envelope);
}

/** The room as it is now replaces what was shown: what was said while the page was away is in it. */
function joined({ room, name, members: names, history }: Extract<ToClient, { type: "joined" }>): void {
  clearTimeout(timer);
  retryMs = retryMsMin;
  ownName = name;
  members = new Set(names);
  showProblem("");
  showState("live");
  element("room").textContent = room;
  document.title = `${room} – Belfry chat`;
  nameField.value = name;
  roomField.value = room;
  log.replaceChildren(...history.map(messageLine));
  element("hint").hidden = history.length > 0;
  followsEnd = true;
  showEnd();
  showMembers();
}

function refused(code: string, message: string): void {
  clearTimeout(timer);
  showProblem(message);
  if (!isLive()) {
    showState("offline", "not in a room");
    timer = setTimeout(join, retryMsMax);
  } else if (code === "name-taken") nameField.value = ownName;
  else if (code === "too-fast" && input.value === "") input.value = lastText;
}

/** Somebody has come, gone, or changed the name. */
function changed(envelope: Change): void {
  if (envelope.type === "arrived") members.add(envelope.name);
  if (envelope.type === "left") members.delete(envelope.name);
  if (envelope.type === "renamed") renamed(envelope.from, envelope.name);
  addLine(eventLine(sentenceOf(envelope)));
  showMembers();
}

function renamed(from: string, name: string): void {
  members.delete(from);
  members.add(name);
  if (from !== ownName) return;
  ownName = name;
  nameField.value = name;
  remember(name);
}

function sentenceOf(envelope: Change): string {
  if (envelope.type === "arrived") return `${envelope.name} has joined`;
  if (envelope.type === "left") return `${envelope.name} has left`;
  return `${envelope.from} is now ${envelope.name}`;
}

// ---- What the reader does -----------------------------------------------------------------------------------------

function say(): void {
  const text = input.value.trim();
  if (text === "") return;
  showProblem(isLive() ? "" : "Not connected: the message stays here until you send it again.");
  if (!isLive()) return;
  send({ type: "message", text });
  lastText = text;
  input.value = "";
}

function rename(): void {
  const name = nameField.value.trim();
  if (name === "" || name === ownName) return;
  showProblem("");
  if (isLive()) {
    send({ type: "rename", name });
  } else {
    remember(name);
    if (socket?.readyState === WebSocket.OPEN) join();
  }
}

function onSubmit(form: string, act: () => void): void {
  element(form).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

// ---- What is shown ------------------------------------------------------------------------------------------------

function showState(state: State, text: string = stateTexts[state]): void {
  element("state").dataset.state = state;
  element("state-text").textContent = text;
}

function showProblem(problem: string): void {
  element("problem").textContent = problem;
  element("problem").hidden = problem === "";
}

function showMembers(): void {
  element("members").textContent = `${members.size} here: ${[...members].join(", ")}`;
}

function addLine(line: HTMLElement): void {
  element("hint").hidden = true;
  log.append(line);
  while (log.children.length > linesMax) log.firstElementChild?.remove();
  showEnd();
}

function showEnd(): void {
  if (followsEnd) log.scrollTop = log.scrollHeight;
}

/** Everything from a member goes in as text, never as markup. */
function messageLine({ name, text, at }: Message): HTMLElement {
  const line = make("div", "");
  const time = make("time", new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  line.className = name === ownName ? "line own" : "line";
  line.dataset.testid = "line";
  line.style.setProperty("--hue", String(hueOf(name)));
  line.append(make("strong", name), time, make("span", text));
  return line;
}

function eventLine(text: string): HTMLElement {
  const line = make("p", text);
  line.className = "event";
  return line;
}

function make(tag: "div" | "p" | "span" | "strong" | "time", text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

/** The same name has the same colour, everywhere. */
function hueOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return hash;
}

// ---- What is remembered -------------------------------------------------------------------------------------------

/** The room in the address, `#tea`. */
function roomName(): string {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim() || "lobby";
  } catch {
    return "lobby";
  }
}

function remembered(): string {
  try {
    return localStorage.getItem("name") ?? "";
  } catch {
    return ""; // The reader's browser forbids it.
  }
}

function remember(name: string): void {
  wanted = name;
  try {
    localStorage.setItem("name", name);
  } catch {
    // Then the name lasts as long as the page.
  }
}

function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}`);
  return found as Kind;
}

import { ChatError, chatLimits, type FromClient, type Message, type ToClient } from "./envelope.ts";

/** What the rooms need of a connection. */
export interface Peer {
  readonly id: number;
  send(text: string): boolean;
}

/** A connection and where it is; its name means something only in a room. */
interface Member {
  readonly peer: Peer;
  name: string;
  room: Room | undefined;
  /** When its last envelopes came, at most envelopesPerSecondMax of them. */
  readonly times: number[];
}

/** One room: its members by `connection.id`, no two of the same name, and what was said last. */
class Room {
  readonly members = new Map<number, Member>();
  readonly #history: Message[] = [];

  join(member: Member, room: string, wanted: string): void {
    member.name = this.#freeName(wanted);
    member.room = this;
    this.tell({ type: "arrived", name: member.name });
    this.members.set(member.peer.id, member);
    const members = Array.from(this.members.values(), ({ name }) => name);
    send(member.peer, { type: "joined", room, name: member.name, members, history: this.#history });
  }

  leave(member: Member): void {
    member.room = undefined;
    this.members.delete(member.peer.id);
    this.tell({ type: "left", name: member.name });
  }

  rename(member: Member, name: string): void {
    if (name === member.name) return;
    const same = folded(name) === folded(member.name);
    if (!same && this.#takenNames().has(folded(name)))
      throw new ChatError("name-taken", `the name ${name} is taken here`);
    const from = member.name;
    member.name = name;
    this.tell({ type: "renamed", from, name });
  }

  say(member: Member, text: string): void {
    const message: Message = { type: "message", name: member.name, text, at: Date.now() };
    if (this.#history.push(message) > chatLimits.historyLinesMax) this.#history.shift();
    this.tell(message);
  }

  /** Sends to all. A member who does not read what it is sent is cut by the server: see outboxBytesMax. */
  tell(envelope: ToClient): void {
    const text = JSON.stringify(envelope);
    for (const { peer } of this.members.values()) peer.send(text);
  }

  /** The wanted name, or with a number behind it: who comes back before the server knows that it was gone is let in. */
  #freeName(wanted: string): string {
    const taken = this.#takenNames();
    let name = wanted;
    for (let number = 2; taken.has(folded(name)); number++) name = `${wanted} ${number}`;
    return name;
  }

  #takenNames(): Set<string> {
    return new Set(Array.from(this.members.values(), ({ name }) => folded(name)));
  }
}

/** The rooms by name, and everybody who is connected. */
export class Rooms {
  readonly #rooms = new Map<string, Room>();
  readonly #everybody = new Map<number, Member>();

  enter(peer: Peer): void {
    this.#everybody.set(peer.id, { peer, name: "", room: undefined, times: [] });
  }

  exit(peer: Peer): void {
    const member = this.#everybody.get(peer.id);
    this.#everybody.delete(peer.id);
    if (member) member.room?.leave(member);
  }

  /** Does what a member asks for, once `read` has found out what it is; answers an error when it is not allowed. */
  receive(peer: Peer, read: () => FromClient): void {
    const member = this.#everybody.get(peer.id);
    if (!member) return;
    try {
      count(member);
      this.#do(member, read());
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      send(peer, { type: "error", code: error.code, message: error.message });
    }
  }

  #do(member: Member, asked: FromClient): void {
    const { room } = member;
    if (asked.type === "join") this.#join(member, asked.room, asked.name);
    else if (!room) throw new ChatError("no-room", "join a room first");
    else if (asked.type === "rename") room.rename(member, asked.name);
    else if (asked.type === "message") room.say(member, asked.text);
    else room.leave(member);
  }

  #join(member: Member, name: string, wanted: string): void {
    const room = this.#rooms.get(name) ?? this.#make(name);
    if (room !== member.room && room.members.size >= chatLimits.roomMembersMax) {
      throw new ChatError("room-full", `${name} is full: a room has ${chatLimits.roomMembersMax} members at most`);
    }
    member.room?.leave(member);
    room.join(member, name, wanted);
  }

  /** Makes a room, in the place of the oldest empty one when there are too many. */
  #make(name: string): Room {
    if (this.#rooms.size >= chatLimits.roomsMax) {
      const [empty] = Array.from(this.#rooms).find(([, { members }]) => members.size === 0) ?? [];
      if (empty === undefined) throw new ChatError("too-many-rooms", `there are ${chatLimits.roomsMax} rooms already`);
      this.#rooms.delete(empty);
    }
    const room = new Room();
    this.#rooms.set(name, room);
    return room;
  }
}

/** Counts an envelope, of whatever kind: a flood of renames reaches everybody just as one of messages does. */
function count({ times }: Member): void {
  const { envelopesPerSecondMax } = chatLimits;
  const now = performance.now();
  if (times.length === envelopesPerSecondMax) {
    if (now - (times[0] as number) < 1000) {
      throw new ChatError("too-fast", `too fast: ${envelopesPerSecondMax} in a second at most; this one was dropped`);
    }
    times.shift();
  }
  times.push(now);
}

function send(peer: Peer, envelope: ToClient): void {
  peer.send(JSON.stringify(envelope));
}

/** Names that look the same are the same. */
function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

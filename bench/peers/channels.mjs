// The least of the notification protocol that clients need who connect, subscribe, and wait: commands, one on a line.

/** The replies to the commands in a text frame, "" when there are none; `subscribe` is called with each channel. */
export function answer(text, subscribe) {
  return text
    .split("\n")
    .map((line) => reply(JSON.parse(line), subscribe))
    .filter((line) => line !== "")
    .join("\n");
}

function reply(command, subscribe) {
  if (command.connect) return JSON.stringify({ id: command.id, connect: { client: `${command.id}` } });
  if (!command.subscribe) return "";
  subscribe(command.subscribe.channel);
  const position = { recoverable: true, recovered: true, offset: 0, epoch: "a" };
  return JSON.stringify({ id: command.id, subscribe: position });
}

/** What subscribers of a channel are told. */
export function push(channel, data) {
  return JSON.stringify({ push: { channel, pub: { data } } });
}

import { type DialOptions, dial } from "belfry/dial";
import { ControlHandler, closeCodes, compileText, randomKey, readMessages } from "belfry/ws";

/** Says each text to a WebSocket server; resolves to what it answered, one message for each. */
export async function ask(url: string, texts: string[], options: DialOptions = {}): Promise<string[]> {
  const { source, write } = await dial(url, options);
  const control = new ControlHandler({ server: false, send: write });
  for (const text of texts) await write(compileText(text, { key: randomKey() }));
  const answers: string[] = [];
  for await (const message of readMessages(source, control)) {
    answers.push(message.text());
    if (answers.length === texts.length) await control.close(closeCodes.NORMAL);
  }
  return answers;
}

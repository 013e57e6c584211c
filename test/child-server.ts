import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A server in a process of its own, which is asked and answers in lines of JSON, one after the other. */
export class ChildServer {
  readonly process: ChildProcess;
  readonly #answers: Record<string, unknown>[] = [];
  #wake = () => {};
  #gone = false;

  private constructor(child: ChildProcess) {
    this.process = child;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      this.#answers.push(JSON.parse(line));
      this.#wake();
    });
    child.once("exit", () => {
      this.#gone = true;
      this.#wake();
    });
  }

  /** Starts a file of `test/fixtures`, by its name, under `command`, Node by itself if not given. */
  static async start(fixture: string, options: object, command: readonly string[] = []): Promise<ChildServer> {
    const file = fileURLToPath(new URL(`fixtures/${fixture}.js`, import.meta.url));
    const [first = "", ...rest] = [...command, process.execPath, "--expose-gc", file, JSON.stringify(options)];
    const server = new ChildServer(spawn(first, rest, { stdio: ["pipe", "pipe", "inherit"] }));
    await server.#answer();
    return server;
  }

  /** Asks, and waits for the answer. */
  async ask<Answer>(question: object): Promise<Answer> {
    this.process.stdin?.write(`${JSON.stringify(question)}\n`);
    return (await this.#answer()) as Answer;
  }

  async stop(): Promise<void> {
    if (this.#gone) return;
    const exited = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exited;
  }

  async #answer(): Promise<Record<string, unknown>> {
    for (;;) {
      const answer = this.#answers.shift();
      if (answer) return answer;
      if (this.#gone) throw new Error("the server's process has ended");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The other side: says hello, and answers what is asked. */
export function answerLines(answer: (question: Record<string, unknown>) => Promise<object> | object): void {
  const say = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
  const lines = createInterface({ input: process.stdin });
  let before: Promise<unknown> = Promise.resolve();
  lines.on("line", (line) => {
    before = before.then(async () => say(await answer(JSON.parse(line))));
  });
  lines.once("close", () => process.exit(0));
  say({ ready: true });
}

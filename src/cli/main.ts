import { readFileSync } from "node:fs";
import { Command } from "commander";
import { busCommand } from "./bus.ts";
import { configCommand } from "./config.ts";
import { doctorCommand } from "./doctor.ts";
import { loadCommand } from "./load.ts";
import { publishCommand } from "./publish.ts";
import { serveCommand } from "./serve.ts";
import { subscribeCommand } from "./subscribe.ts";
import { tokenCommand } from "./token.ts";

/** The `belfry` command. */
export async function main(argv: readonly string[]): Promise<void> {
  const manifest = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const program = new Command("belfry")
    .description("A notification server: very many mostly silent WebSockets, told the moment something changed.")
    .version(manifest.version)
    .showHelpAfterError("(add --help for the options and examples)")
    .addCommand(serveCommand())
    .addCommand(busCommand())
    .addCommand(subscribeCommand())
    .addCommand(tokenCommand())
    .addCommand(loadCommand())
    .addCommand(configCommand())
    .addCommand(publishCommand())
    .addCommand(doctorCommand());
  await program.parseAsync(argv as string[]);
}

import { Command } from "commander";
import { BelfryError } from "../errors.ts";
import { loadConfigWithOrigins, printConfig, printDefaults } from "../push/config.ts";

const examples = `
Examples:
  Begin a configuration, with every key, its default and what it means
    $ belfry config --defaults > belfry.yaml

  See whether a file is right, in a deployment say; exit code 1 if it is not
    $ belfry config --check belfry.yaml

  See what holds in the end, after file and environment, and where each value came from
    $ BELFRY_CLIENT_ALLOW_ANONYMOUS=true belfry config belfry.yaml

A small file:
  channel:
    namespaces:
      news:
        allowSubscribeForClient: true
        historySize: 100
        historySeconds: 600
  token:
    hmacSecret: "a secret of your own"
`;

/** `belfry config`: what `belfry serve` is told, to begin with, to check and to see. */
export function configCommand(): Command {
  return new Command("config")
    .description("Print the configuration of belfry serve: its defaults, what a file makes of it, or what is wrong.")
    .argument("[file]", "YAML, or JSON if its name ends with .json")
    .option("--defaults", "print all keys with their defaults, as a file to begin with")
    .option("--check", "say only whether the file and the environment are right")
    .addHelpText("after", examples)
    .action(config);
}

function config(file: string | undefined, options: { defaults?: true; check?: true }): void {
  if (options.defaults) return void process.stdout.write(printDefaults());
  try {
    const loaded = loadConfigWithOrigins({ file, env: process.env });
    const answer = options.check ? `${file ?? "environment"}: ok\n` : printConfig(loaded.config, loaded.where);
    process.stdout.write(answer);
  } catch (error) {
    if (!(error instanceof BelfryError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

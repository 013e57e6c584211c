/** What `npm start` can be told by environment variables. */
export interface MailConfig {
  readonly port: number;
  readonly smtpPort: number;
  readonly host: string;
  readonly dataDir: string;
}

/** A variable with a value that is not allowed: the message names it and what is allowed. */
export class ConfigError extends Error {}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the variables; one that is missing or empty has its default. */
export function readConfig(environment: Environment): MailConfig {
  const config = {
    port: portIn(environment, "PORT", 8000),
    smtpPort: portIn(environment, "SMTP_PORT", 2525),
    host: hostIn(environment),
    dataDir: environment.DATA_DIR || "./mail-data",
  };
  if (config.port !== 0 && config.port === config.smtpPort) {
    throw new ConfigError(`PORT and SMTP_PORT are both ${config.port}: each needs a port of its own`);
  }
  return config;
}

function portIn(environment: Environment, name: string, fallback: number): number {
  const text = environment[name];
  if (!text) return fallback;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new ConfigError(
    `${name} is ${JSON.stringify(text)}: allowed are whole numbers from 0 (any free port) to 65535`,
  );
}

function hostIn(environment: Environment): string {
  const text = environment.HOST || "127.0.0.1";
  if (/^[\w.:-]+$/.test(text)) return text;
  throw new ConfigError(`HOST is ${JSON.stringify(text)}: allowed is an IP address or a host name, as 127.0.0.1`);
}

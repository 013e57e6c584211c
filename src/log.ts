/** Where a part says what a person should know: one line each, without secrets and without payloads. pino fits. */
export interface Log {
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

/** The log of who gave none: it drops every line. */
export const silent: Log = { info() {}, warn() {}, error() {} };

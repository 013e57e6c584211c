/** The value of `--name value` on the command line. */
export function option(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
}

/** Where to listen: `--port`, 0 for a free one, and `--host`. */
export const port = Number(option("port", "0"));
export const host = option("host", "127.0.0.1");

/** Tells whoever started this that it listens. */
export function listens(name, at) {
  console.log(`${name}: listening on ${host} port ${at}`);
}

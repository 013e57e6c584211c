/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST = 3;

/**
 * The listener that this process was started with, by systemd's socket activation; taken out of the environment.
 * undefined where there is none, or where it is meant for another process.
 */
export function takeListener(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { LISTEN_FDS: count, LISTEN_PID: of } = env;
  for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) delete env[name];
  return Number(count) >= 1 && Number(of) === pid ? FIRST : undefined;
}

/**
 * Whether a page of `origin` may connect to `host` (RFC 6455, 10.2). A browser sends the visitor's cookies whatever
 * page asks, so a foreign page must be refused; programs send no origin, and are let in. `allowed` names further
 * origins, or `*` for all.
 */
export function originAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes("*") || allowed.includes(origin)) return true;
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
}

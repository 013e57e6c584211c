import type { Whom } from "../operations.ts";
import { defined } from "./defined.ts";

/** Which connections a request is for; an empty client or session names none. */
export function whomOf({ user, client, session }: { readonly [Name in keyof Required<Whom>]: string }): Whom {
  return defined({ user, client: client || undefined, session: session || undefined });
}

/** The headers of upgrade requests, kept from the upgrade to the connect command, where a hook wants them. */
export class UpgradeHeaders {
  readonly #headers = new Map<number, ReadonlyMap<string, string>>();

  keep(fd: number, headers: ReadonlyMap<string, string>): void {
    this.#headers.set(fd, headers);
  }

  /** A client's header, whatever the case of its name. */
  of(fd: number, name: string): string | undefined {
    return this.#headers.get(fd)?.get(name.toLowerCase());
  }

  forget(fd: number): void {
    if (this.#headers.size > 0) this.#headers.delete(fd);
  }
}

/** What the store knows of one domain: what it uses, and since when it exists. */
export interface StoreDomain {
  readonly domid: number;
  /** The store's generation when it came; permissions that are older than it are for another domain. */
  readonly generation: number;
  /** Nodes that it owns. */
  nodes: number;
  watches: number;
  /** Bytes that count for {@link Quotas.memory}. */
  memory: number;
  /** The domain's ring is served. */
  introduced: boolean;
}

/** The domains that exist. Domain 0 always does. */
export class StoreDomains {
  readonly #domains = new Map<number, StoreDomain>();
  readonly #memoryQuota: number;

  constructor(memoryQuota: number) {
    this.#memoryQuota = memoryQuota;
    this.add(0, 0).introduced = true;
  }

  /** The domain as it is when it is already there. */
  add(domid: number, generation: number): StoreDomain {
    const known = this.#domains.get(domid);
    if (known !== undefined) return known;
    const domain = { domid, generation, nodes: 0, watches: 0, memory: 0, introduced: false };
    this.#domains.set(domid, domain);
    return domain;
  }

  find(domid: number): StoreDomain | undefined {
    return this.#domains.get(domid);
  }

  remove(domid: number): void {
    this.#domains.delete(domid);
  }

  /** Nothing happens for a domain that does not exist. */
  addNodes(domid: number, count: number): void {
    const domain = this.#domains.get(domid);
    if (domain !== undefined) domain.nodes += count;
  }

  /** Accounts `bytes`, or gives some back, without asking the quota. */
  addMemory(domid: number, bytes: number): void {
    const domain = this.#domains.get(domid);
    if (domain !== undefined) domain.memory += bytes;
  }

  /** False, and nothing is accounted, when the domain may not have so much. */
  tryAddMemory(domid: number, bytes: number): boolean {
    if (domid !== 0 && (this.#domains.get(domid)?.memory ?? 0) + bytes >= this.#memoryQuota) return false;
    this.addMemory(domid, bytes);
    return true;
  }
}

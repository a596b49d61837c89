/** Ports of a domain's first channels, in the order of making them. */
export const FIRST_PORTS = { store: 1, console: 2 } as const;

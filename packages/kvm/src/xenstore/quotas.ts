/** What one domain may use, as xenstored 4.17 bounds it. Domain 0 has no bounds. */
export interface Quotas {
  /** A domain that owns so many nodes creates no further one. */
  nodes: number;
  /** Bytes of a node with its permissions and the names of its children; a node stays below. */
  nodeSize: number;
  /** A domain with more than so many watches sets no further one. */
  watches: number;
  /** A connection with more than so many transactions starts no further one. */
  transactions: number;
  /** Nodes that a transaction reads or writes, absent ones too. */
  transactionNodes: number;
  permissionsPerNode: number;
  /** Replies that the domain has not taken yet; with so many, no further request is read. */
  outstanding: number;
  /** Bytes of nodes, transactions, watches and messages that wait; a domain stays below. */
  memory: number;
}

export const defaultQuotas: Readonly<Quotas> = {
  nodes: 1000,
  nodeSize: 2048,
  watches: 128,
  transactions: 10,
  transactionNodes: 1024,
  permissionsPerNode: 5,
  outstanding: 20,
  memory: 2560 * 1024,
};

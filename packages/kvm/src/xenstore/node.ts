import type { NodePermission } from "./permissions.ts";

/** A node at one time. It never changes: a write puts another one in its place, so transactions can keep it. */
export interface StoreNode {
  /** The store's count of changes at the last change of value, permissions or list of children. */
  readonly generation: number;
  /** At least one entry. */
  readonly permissions: readonly NodePermission[];
  readonly value: string;
  /** Names in the order in which they came. */
  readonly children: readonly string[];
  /** Bytes of the names, each with its NUL. */
  readonly childBytes: number;
}

const RECORD_HEADER = 24;
const RECORD_PERMISSION = 8;

/** Bytes as xenstored stores the node, which is what its quotas bound. */
export function nodeSize(node: StoreNode): number {
  return RECORD_HEADER + RECORD_PERMISSION * node.permissions.length + node.value.length + node.childBytes;
}

export function withChild(node: StoreNode, name: string): StoreNode {
  return {
    ...node,
    children: [...node.children, name],
    childBytes: node.childBytes + name.length + 1,
  };
}

export function withoutChild(node: StoreNode, name: string): StoreNode {
  return {
    ...node,
    children: node.children.filter((child) => child !== name),
    childBytes: node.childBytes - name.length - 1,
  };
}

export function ownerOf(node: StoreNode): number {
  return node.permissions[0]?.domid ?? 0;
}

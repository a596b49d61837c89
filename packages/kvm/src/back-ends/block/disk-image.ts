import { closeSync } from "node:fs";
import { constants } from "node:os";
import { discardBlocks, punchHole } from "../../host/block-device.ts";
import type { DiskIo, DiskLimits, Done, ServedDisk } from "./disk-io.ts";
import { threadIo } from "./thread-io.ts";
import { uringIo } from "./uring-io.ts";

/** A disk as the config has it. */
export interface DiskConfig {
  /** File or block device of the host. */
  readonly path: string;
  /** Number of the virtual device: 51712 for xvda. */
  readonly devid: number;
  /** The virtual device's name: `xvda`. */
  readonly name: string;
  readonly readonly: boolean;
  /** Whether the guest may give blocks back. */
  readonly discard: boolean;
  /** Whether the host's page cache is passed by; block devices always do. */
  readonly direct: boolean;
  readonly cdrom?: boolean;
  /** What the guest is told about us; true unless given. */
  readonly trusted?: boolean;
}

export interface DiskProperties {
  /** Of 512 bytes. */
  readonly sectors: number;
  /** Bytes that the storage writes at a time. */
  readonly physicalSectorSize: number;
  /** How blocks are given back, undefined when they are not. In bytes. */
  readonly discardable: { readonly granularity: number; readonly alignment: number } | undefined;
  readonly blockDevice: boolean;
}

/** An open and locked image. */
export class DiskImage implements ServedDisk {
  readonly config: DiskConfig;
  readonly properties: DiskProperties;
  readonly limits: DiskLimits;
  readonly io: DiskIo;
  readonly #fd: number;
  #settled: () => void = () => undefined;
  /** One at a time: each takes a thread of Node's pool. */
  readonly #discards: (() => void)[] = [];

  constructor(fd: number, config: DiskConfig, properties: DiskProperties, useUring: boolean) {
    this.#fd = fd;
    this.config = config;
    this.properties = properties;
    const { sectors, discardable } = properties;
    this.limits = { sectors, readonly: config.readonly, discard: discardable !== undefined };
    const settled = () => this.#settled();
    this.io = (useUring ? uringIo(fd, settled) : undefined) ?? threadIo(fd, settled);
  }

  /** Called after operations have ended; several may have. */
  onSettled(settled: () => void): void {
    this.#settled = settled;
  }

  discard(offset: number, length: number, done: Done): void {
    const start = () => {
      const method = this.properties.blockDevice ? discardBlocks : punchHole;
      method(this.#fd, offset, length, (worked) => {
        this.#discards.shift();
        this.#discards[0]?.();
        done(worked ? 0 : -constants.errno.EIO);
        this.#settled();
      });
    };
    this.#discards.push(start);
    if (this.#discards.length === 1) start();
  }

  /** Closes and unlocks. Nothing may be running. */
  close(): void {
    this.io.close();
    closeSync(this.#fd);
  }
}

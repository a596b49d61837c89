import { execFile } from "node:child_process";
import { PvhError } from "@pvh/errors";

export interface HostInterface {
  /** What the back end has called it: `vif3.0` */
  kernelName: string;
  /** What the config wants it to be called. */
  vifname?: string | undefined;
  bridge: string;
  mtu: number;
}

/** Puts a back end's interface on a bridge and turns it on: the work of xl's script vif-bridge. */
export async function joinBridge({ kernelName, vifname, bridge, mtu }: HostInterface): Promise<void> {
  const name = vifname ?? kernelName;
  const commands = [
    ...(vifname === undefined
      ? []
      : [`link set dev ${kernelName} down`, `link set dev ${kernelName} name ${vifname}`]),
    `link set dev ${name} address fe:ff:ff:ff:ff:ff mtu ${mtu} master ${bridge} up`,
  ];
  try {
    await ipBatch(commands);
  } catch (cause) {
    throw new PvhError("HOST_NETWORK", `The interface ${name} cannot be put on the bridge ${bridge}.`, {
      field: "vif",
      found: name,
      cause,
    });
  }
}

function ipBatch(commands: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile("ip", ["-batch", "-"], { timeout: 10_000 }, (error, _output, complaints) => {
      if (error === null) resolve();
      else reject(new Error(complaints.trim() || error.message));
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(`${commands.join("\n")}\n`);
  });
}

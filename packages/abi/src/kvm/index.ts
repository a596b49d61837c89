export * from "./capability.ts";
export * from "./ioctl.ts";
export * from "./run.ts";
export * from "./vcpu.ts";
export * from "./vm.ts";

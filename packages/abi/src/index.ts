export * from "./struct.ts";

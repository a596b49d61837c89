export type * from "./image/image.ts";

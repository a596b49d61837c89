import { struct, u32 } from "../../struct.ts";

/**
 * Structures of public/io/ring.h. The shared part of a ring: free-running indices, then entries, each as large as the
 * larger of request and response, as many as the pages hold, rounded down to a power of two.
 */
export const sring = struct("blkif_sring", 64, {
  req_prod: u32(0),
  req_event: u32(4),
  rsp_prod: u32(8),
  rsp_event: u32(12),
});

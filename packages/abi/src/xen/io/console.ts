import { bytes, struct, u32 } from "../../struct.ts";

/** The page of the PV console (public/io/console.h): indexes run freely and are used modulo the size of their ring. */
export const xenconsInterface = struct("xencons_interface", 3088, {
  in: bytes(0, 1024),
  out: bytes(1024, 2048),
  in_cons: u32(3072),
  in_prod: u32(3076),
  out_cons: u32(3080),
  out_prod: u32(3084),
});

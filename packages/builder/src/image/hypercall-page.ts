import { HYPERCALL, HYPERCALL_PAGE_SLOTS, HYPERCALL_STUB_SIZE, PAGE_SIZE } from "@pvh/abi";
import type { HypercallTrap } from "./image.ts";
import { assemble, type Instruction, instruction } from "./machine-code.ts";
import { plainCall } from "./shims/calls.ts";
import { SHIM_AREA, smpShims } from "./smp-shims.ts";

const INT3 = 0xcc;
const UD2 = instruction("ud2", 0x0f, 0x0b);

/**
 * The page whose stub n a guest calls for hypercall n: `mov $n, %eax`, the trap, `ret`. Stub 23 (iret) is ud2, as Xen's
 * HVM containers have it; the rest of each slot is int3.
 *
 * @throws RangeError when a trapping port needs more than 8 bits: only `out %eax, $imm8` leaves rdx, the third
 * argument, alone.
 */
export function hypercallPage(
  trap: HypercallTrap,
  { smpShims: withShims = false } = {},
): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(PAGE_SIZE).fill(INT3);
  const trapping = trapInstruction(trap);
  for (let nr = 0; nr < HYPERCALL_PAGE_SLOTS; nr++) {
    const stub = nr === HYPERCALL.iret ? [UD2] : plainCall(nr, trapping);
    page.set(
      stub.flatMap(({ bytes }) => bytes),
      nr * HYPERCALL_STUB_SIZE,
    );
  }
  if (withShims) addShims(page, trapping);
  return page;
}

function addShims(page: Uint8Array, trap: Instruction): void {
  for (const { at, bytes } of assemble(smpShims(trap))) {
    const room = at < SHIM_AREA ? HYPERCALL_STUB_SIZE : PAGE_SIZE - at;
    if (bytes.length > room) throw new RangeError(`${bytes.length} bytes do not fit in ${room}`);
    // Whole slots, so that no stub is left of which the beginning is missing.
    const slots = Math.ceil(bytes.length / HYPERCALL_STUB_SIZE);
    page.fill(INT3, at, at + slots * HYPERCALL_STUB_SIZE).set(bytes, at);
  }
}

function trapInstruction(trap: HypercallTrap): Instruction {
  switch (trap.kind) {
    case "vmcall":
      return instruction("vmcall", 0x0f, 0x01, 0xc1);
    case "vmmcall":
      return instruction("vmmcall", 0x0f, 0x01, 0xd9);
    case "port":
      if (!Number.isInteger(trap.port) || trap.port < 0 || trap.port > 0xff) {
        throw new RangeError(`the hypercall port must be 0..0xff, not ${trap.port}`);
      }
      return instruction(`out ${trap.port}, eax`, 0xe7, trap.port);
  }
}

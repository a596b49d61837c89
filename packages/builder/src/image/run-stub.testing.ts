import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytes, nested, struct, u64 } from "@pvh/abi";

/**
 * For tests: calls stubs of a hypercall page as native code. The trap is made `ud2; nop`, and a handler of SIGILL stands for
 * the hypervisor: it notes what it is given, answers, and spoils argument registers as Xen does when it is built with
 * debugging. It runs on a stack of its own and spoils what is below rsp, as an interrupt would.
 */

/** Where the C program has the guest's data. */
export const DATA = 0x10000000;
export const DATA_SIZE = 8192;
export const STACK_TOP = 0x20010000;

const REGISTERS = "rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15 rsp".split(" ");

const registers = struct("registers", 128, {
  rax: u64(0),
  rbx: u64(8),
  rcx: u64(16),
  rdx: u64(24),
  rsi: u64(32),
  rdi: u64(40),
  rbp: u64(48),
  r8: u64(56),
  r9: u64(64),
  r10: u64(72),
  r11: u64(80),
  r12: u64(88),
  r13: u64(96),
  r14: u64(104),
  r15: u64(112),
  rsp: u64(120),
});
export type Registers = ReturnType<typeof registers.decode>;

const request = struct("request", 4096 + 24 + 128 + DATA_SIZE, {
  page: bytes(0, 4096),
  slot: u64(4096),
  result: u64(4104),
  spoiled: u64(4112),
  registers: nested(4120, registers),
  data: bytes(4248, DATA_SIZE),
});

const trap = struct("trap", 256, { registers: nested(0, registers), argument: bytes(128, 128) });

const answer = struct("answer", 8 + 128 + 256 + DATA_SIZE, {
  traps: u64(0),
  registers: nested(8, registers),
  /** The last trap. */
  trap: nested(136, trap),
  data: bytes(392, DATA_SIZE),
});

const load = REGISTERS.map((name, i) => `" mov given+${8 * i}(%rip), %${name}\\n"`);
const store = REGISTERS.map((name, i) => `" mov %${name}, found+${8 * i}(%rip)\\n"`);

const source = `
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct registers { uint64_t value[16]; };
static struct { uint8_t page[4096]; uint64_t slot, result, spoiled; struct registers registers; uint8_t data[${DATA_SIZE}]; } request;
static struct { uint64_t traps; struct registers registers; struct { struct registers registers; uint8_t argument[128]; } trap;
                uint8_t data[${DATA_SIZE}]; } answer;
static const int order[16] = { REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_R8, REG_R9, REG_R10, REG_R11,
                               REG_R12, REG_R13, REG_R14, REG_R15, REG_RSP };
static const int arguments[5] = { REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8 };

struct registers given, found;
uint64_t target, own_stack;
void call_stub(void);
__asm__(".text\\n" "call_stub:\\n"
" push %rbx\\n push %rbp\\n push %r12\\n push %r13\\n push %r14\\n push %r15\\n"
" mov %rsp, own_stack(%rip)\\n"
${load.join("\n")}
" call *target(%rip)\\n"
${store.join("\n")}
" mov own_stack(%rip), %rsp\\n"
" pop %r15\\n pop %r14\\n pop %r13\\n pop %r12\\n pop %rbp\\n pop %rbx\\n ret\\n");

static void on_trap(int number, siginfo_t *info, void *context) {
    greg_t *now = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)number; (void)info;
    answer.traps++;
    for (int i = 0; i < 16; i++) answer.trap.registers.value[i] = now[order[i]];
    uint64_t rdx = now[REG_RDX];
    if (rdx >= ${STACK_TOP}ull - 4096 && rdx <= ${STACK_TOP}ull - 128) memcpy(answer.trap.argument, (void *)rdx, 128);
    memset((void *)(now[REG_RSP] - 128), 0xaa, 128);
    for (uint64_t i = 0; i < request.spoiled; i++) now[arguments[i]] = 0xdeadbeefdeadf00d;
    now[REG_RAX] = request.result;
    now[REG_RIP] += 2;
}

static void *map(uint64_t at, size_t size, int protection) {
    return mmap((void *)at, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);
}

int main(void) {
    static uint8_t handler_stack[65536];
    stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof handler_stack };
    struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    uint8_t *data = map(${DATA}, ${DATA_SIZE}, PROT_READ | PROT_WRITE);
    uint8_t *guest_stack = map(${STACK_TOP} - 65536, 65536, PROT_READ | PROT_WRITE);
    uint8_t *page = map(0, 4096, PROT_READ | PROT_WRITE);
    if (data == MAP_FAILED || guest_stack == MAP_FAILED || page == MAP_FAILED) return 1;
    if (fread(&request, sizeof request, 1, stdin) != 1) return 2;
    memcpy(page, request.page, 4096);
    memcpy(data, request.data, ${DATA_SIZE});
    if (mprotect(page, 4096, PROT_READ | PROT_EXEC)) return 3;
    sigaltstack(&stack, 0);
    sigaction(SIGILL, &action, 0);
    given = request.registers;
    target = (uint64_t)page + request.slot * 32;
    call_stub();
    answer.registers = found;
    memcpy(answer.data, data, ${DATA_SIZE});
    return fwrite(&answer, sizeof answer, 1, stdout) != 1;
}
`;

export interface StubCall {
  page: Uint8Array;
  slot: number;
  registers?: Partial<Registers>;
  /** Stands at {@link DATA}. */
  data?: Uint8Array;
  /** What the hypervisor answers. */
  result?: bigint;
  /** How many argument registers it spoils. */
  spoiled?: number;
}

/** Every register has a value of its own, but for those that the call says. */
export const DISTINCT: Registers = {
  ...registers.decode(registers.encode({})),
  ...Object.fromEntries(REGISTERS.map((name, i) => [name, 0x1111111111111111n * BigInt(i + 1) - 1n])),
  rsp: BigInt(STACK_TOP),
};

export interface StubRunner {
  run(call: StubCall): ReturnType<typeof answer.decode>;
  dispose(): void;
}

/** The runner, or why there can be none here. On CI there must be one: throws. */
export function stubRunner(): StubRunner | string {
  if (process.arch !== "x64") return "the stubs are x86-64 code";
  const dir = mkdtempSync(join(tmpdir(), "pvh-stubs-"));
  const dispose = () => rmSync(dir, { recursive: true, force: true });
  const program = join(dir, "run-stub");
  try {
    writeFileSync(join(dir, "run-stub.c"), source);
    execFileSync("cc", ["-O1", "-Wall", "-o", program, join(dir, "run-stub.c")], { stdio: "pipe" });
  } catch (cause) {
    dispose();
    const reason = "the stubs cannot be called here: install a C compiler";
    if (process.env.CI === "true") throw new Error(reason, { cause });
    return reason;
  }
  return {
    dispose,
    run: ({ page, slot, registers: set = {}, data = new Uint8Array(), result = 0n, spoiled = 0 }) => {
      const input = request.encode({
        page: withoutTraps(page),
        slot,
        result: BigInt.asUintN(64, result),
        spoiled,
        registers: { ...DISTINCT, ...set },
        data,
      });
      return answer.decode(execFileSync(program, { input }));
    },
  };
}

const VMCALL = Buffer.of(0x0f, 0x01, 0xc1);
const UD2_NOP = Buffer.of(0x0f, 0x0b, 0x90);

function withoutTraps(page: Uint8Array): Uint8Array {
  const changed = Buffer.from(page);
  for (let at = changed.indexOf(VMCALL); at >= 0; at = changed.indexOf(VMCALL, at)) UD2_NOP.copy(changed, at);
  return changed;
}

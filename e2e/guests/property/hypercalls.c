/* What the small hypercalls answer, what a domU is refused, multicalls, and the table of HVM params. */
#include "address.h"
#include "boot.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "real-xen.h"
#include "text.h"
#include "xen-hvm.h"

#ifdef __x86_64__
#include "pv-start-info.h"
#define CLASSIC true
#define STORE_FRAME start_info->store_mfn
#define CONSOLE_FRAME start_info->console_mfn
#else
#define CLASSIC false
#define STORE_FRAME 0xfeffc
#define CONSOLE_FRAME 0xfefff
#endif

#define NO_DOMAIN 0x7000
#define MMUEXT_TLB_FLUSH_MULTI 8
#define MMUEXT_INVLPG_MULTI 9
#define MANY_CALLS 300

struct multicall_entry {
  unsigned long op, result;
  unsigned long args[6];
};

struct mmuext_op {
  uint32_t cmd;
  unsigned long arg1;
  const void *arg2;
};

static char buffer[2048] __attribute__((aligned(8)));

static long version(unsigned command, const void *argument) {
  return hypercall_pointer(HYPERCALL_XEN_VERSION, command, argument);
}

/* The answer fills exactly `size` bytes. */
static void check_answer(const char *name, unsigned command, uint32_t size) {
  memset(buffer, 0x7e, sizeof buffer);
  expect(name, version(command, buffer), 0);
  check_equal("answer-end", (uint8_t)buffer[size], 0x7e);
  check("answer-last", buffer[size - 1] != 0x7e, (uint8_t)buffer[size - 1], "something written up to the last byte");
  expect("answer-bad-pointer", version(command, BAD_POINTER), XEN_EFAULT);
}

static bool contains(const char *text, const char *part) {
  uint32_t length = text_length(part, 64);
  for (; *text; text++)
    if (!memcmp(text, part, length)) return true;
  return false;
}

static void check_version(void) {
  long number = version(XENVER_VERSION, NULL);
  check("version", number >> 16 >= 4 && number >> 16 < 16, (uint64_t)number, "4.x or later");
  check_answer("extraversion", XENVER_EXTRAVERSION, 16);
  check_answer("compile-info", XENVER_COMPILE_INFO, 64 + 16 + 32 + 32);
  check_answer("capabilities", XENVER_CAPABILITIES, 1024);
  memset(buffer, 0, sizeof buffer);
  version(XENVER_CAPABILITIES, buffer);
  check("capabilities-text", contains(buffer, CLASSIC ? "xen-3.0-x86_64" : "hvm-3.0-x86_32"), 0,
        "the kind of guest that this is");
  check_answer("changeset", XENVER_CHANGESET, 64);
  check_answer("platform-parameters", XENVER_PLATFORM_PARAMETERS, sizeof(long));
  check_answer("guest-handle", XENVER_GUEST_HANDLE, 16);
  expect("pagesize", version(XENVER_PAGESIZE, NULL), PAGE_SIZE);
  expect("pagesize-argument", version(XENVER_PAGESIZE, buffer), XEN_EINVAL);
  memset(buffer, 0, sizeof buffer);
  expect("commandline", version(XENVER_COMMANDLINE, buffer), 0);
  check_text("commandline-denied", buffer, 64, "<denied>");
  long build_id = version(XENVER_BUILD_ID, NULL);
  check("build-id", build_id == XEN_EPERM || (CLASSIC && build_id == XEN_ENOSYS), (uint32_t)build_id, "-EPERM");
  expect("version-unknown", version(99, buffer), XEN_ENOSYS);
}

/* Calls that only PV guests have; their effects are native instructions here. */
static void check_absent(void) {
  static const unsigned numbers[] = {
      HYPERCALL_SET_TRAP_TABLE,
      HYPERCALL_MMU_UPDATE,
      HYPERCALL_SET_GDT,
      HYPERCALL_STACK_SWITCH,
      HYPERCALL_SET_CALLBACKS,
      HYPERCALL_FPU_TASKSWITCH,
      HYPERCALL_SCHED_OP_COMPAT,
      HYPERCALL_SET_DEBUGREG,
      HYPERCALL_GET_DEBUGREG,
      HYPERCALL_UPDATE_DESCRIPTOR,
      HYPERCALL_UPDATE_VA_MAPPING,
      HYPERCALL_EVENT_CHANNEL_OP_COMPAT,
      HYPERCALL_PHYSDEV_OP_COMPAT,
      HYPERCALL_UPDATE_VA_MAPPING_OTHERDOMAIN,
      HYPERCALL_SET_SEGMENT_BASE,
      HYPERCALL_NMI_OP,
      HYPERCALL_CALLBACK_OP,
      HYPERCALL_UNKNOWN,
      HYPERCALL_SLOTS - 1,
  };
  struct tally absent = {0};
  memset(buffer, 0, sizeof buffer);
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
    tally_item(&absent, numbers[i], (uint32_t)hypercall(numbers[i], 0, (unsigned long)buffer, 0), (uint32_t)XEN_ENOSYS);
  check_tally("pv-only", &absent);
  static const unsigned physdev[] = {6, 7, 28};
  struct tally refused = {0};
  for (unsigned i = 0; i < sizeof physdev / sizeof *physdev; i++)
    tally_item(&refused, physdev[i], (uint32_t)hypercall_pointer(HYPERCALL_PHYSDEV_OP, physdev[i], buffer),
               (uint32_t)XEN_ENOSYS);
  check_tally("physdev", &refused);
}

static void check_privileged(void) {
  static const unsigned numbers[] = {HYPERCALL_PLATFORM_OP, HYPERCALL_SYSCTL, HYPERCALL_DOMCTL};
  memset(buffer, 0, sizeof buffer);
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    long result = hypercall(numbers[i], (unsigned long)buffer, 0, 0);
    check("privileged", result == XEN_EPERM || result == XEN_EACCES, (uint32_t)result, "-EPERM or -EACCES");
  }
  check("xsm", hypercall(HYPERCALL_XSM_OP, (unsigned long)buffer, 0, 0) < 0, 0, "an error");
  check("xenpmu", hypercall_pointer(HYPERCALL_XENPMU_OP, 4, buffer) < 0, 0, "an error");
}

/* Xen 4.6 did not have it for PVH. */
static void check_vm_assist(void) {
  long result = hypercall(HYPERCALL_VM_ASSIST, 0, 5, 0);
  if (CLASSIC && result == XEN_ENOSYS) return;
  expect("vm-assist-enable", result, 0);
  expect("vm-assist-disable", hypercall(HYPERCALL_VM_ASSIST, 1, 5, 0), 0);
  expect("vm-assist-command", hypercall(HYPERCALL_VM_ASSIST, 2, 5, 0), XEN_ENOSYS);
  expect("vm-assist-type", hypercall(HYPERCALL_VM_ASSIST, 0, 63, 0), XEN_EINVAL);
  expect("vm-assist-wild-type", hypercall(HYPERCALL_VM_ASSIST, 0, 0xffffffff, 0), XEN_EINVAL);
}

/*
 * Xen since 4.9 does none of the operations for HVM containers, which is what it makes of a classic guest. With several vCPUs the
 * loader's hypercall page flushes by another call, and reads the operations itself, where a bad pointer is a fault.
 */
static void check_mmuext_of_container(const struct mmuext_op *flush, const struct mmuext_op *both, uint32_t *done) {
  uint64_t vcpus = 1;
  option_number(boot()->cmdline, "vcpus", &vcpus);
  long expected = vcpus > 1 ? 0 : XEN_EINVAL;
  struct mmuext_op other = {0, 0, NULL};
  expect("container-flush", hypercall4(HYPERCALL_MMUEXT_OP, (unsigned long)flush, 1, 0, DOMID_SELF), expected);
  expect("container-both", hypercall4(HYPERCALL_MMUEXT_OP, (unsigned long)both, 2, (unsigned long)done, DOMID_SELF), expected);
  check_equal("container-done", *done, vcpus > 1 ? 2 : 77);
  expect("container-no-flush", hypercall4(HYPERCALL_MMUEXT_OP, (unsigned long)&other, 1, 0, DOMID_SELF), XEN_EINVAL);
}

/* Linux 3.14 to 4.1 flushes other CPUs' TLBs this way. */
static void check_mmuext(void) {
  unsigned long vcpus = 1;
  uint32_t done = 77;
  struct mmuext_op flush = {MMUEXT_TLB_FLUSH_MULTI, 0, &vcpus};
  struct mmuext_op page = {MMUEXT_INVLPG_MULTI, (unsigned long)buffer, &vcpus};
  struct mmuext_op both[] = {flush, page};
  if (!CLASSIC) return;
  if (real_xen()) {
    check_mmuext_of_container(&flush, both, &done);
    return;
  }
  expect("tlb-flush-multi", hypercall4(HYPERCALL_MMUEXT_OP, (unsigned long)&flush, 1, 0, DOMID_SELF), 0);
  expect("invlpg-multi", hypercall4(HYPERCALL_MMUEXT_OP, (unsigned long)&page, 1, 0, DOMID_SELF), 0);
  expect("flush-both", hypercall4(HYPERCALL_MMUEXT_OP, (unsigned long)both, 2, (unsigned long)&done, DOMID_SELF), 0);
  check_equal("flush-done", done, 2);
  expect("flush-bad-pointer", hypercall4(HYPERCALL_MMUEXT_OP, (unsigned long)BAD_POINTER, 1, 0, DOMID_SELF), XEN_EFAULT);
}

static long multicall(const struct multicall_entry *entries, unsigned long count) {
  return hypercall(HYPERCALL_MULTICALL, (unsigned long)entries, count, 0);
}

static void check_multicall(void) {
  static struct multicall_entry many[MANY_CALLS];
  struct xen_feature_info info = {0, 0};
  struct multicall_entry entries[] = {
      {HYPERCALL_XEN_VERSION, 99, {XENVER_VERSION}},
      {HYPERCALL_XEN_VERSION, 99, {XENVER_GET_FEATURES, (unsigned long)&info}},
      {HYPERCALL_XEN_VERSION, 99, {XENVER_GET_FEATURES, (unsigned long)BAD_POINTER}},
      {HYPERCALL_UNKNOWN, 99, {0}},
      {~0ul, 99, {0}},
      {HYPERCALL_MULTICALL, 99, {0, 0}},
      {HYPERCALL_SCHED_OP, 99, {SCHEDOP_YIELD}},
  };
  long result = multicall(entries, sizeof entries / sizeof *entries);
  /* Xen 4.6 did not have it for PVH. */
  if (CLASSIC && result == XEN_ENOSYS) return;
  expect("multicall", result, 0);
  expect("multicall-version", (long)entries[0].result, version(XENVER_VERSION, NULL));
  expect("multicall-features", (long)entries[1].result, 0);
  check("multicall-features-written", info.submap, info.submap, "some features");
  expect("multicall-fault", (long)entries[2].result, XEN_EFAULT);
  expect("multicall-unknown", (long)entries[3].result, XEN_ENOSYS);
  expect("multicall-wild", (long)entries[4].result, XEN_ENOSYS);
  expect("multicall-nested", (long)entries[5].result, XEN_EINVAL);
  expect("multicall-yield", (long)entries[6].result, 0);
  check_equal("multicall-result-whole", entries[2].result, (unsigned long)(long)XEN_EFAULT);
  expect("multicall-none", multicall(entries, 0), 0);
  expect("multicall-bad-pointer", multicall(BAD_POINTER, 1), XEN_EFAULT);
  for (unsigned i = 0; i < MANY_CALLS; i++)
    many[i] = (struct multicall_entry){HYPERCALL_XEN_VERSION, 99, {XENVER_VERSION}};
  expect("multicall-many", multicall(many, MANY_CALLS), 0);
  struct tally results = {0};
  for (unsigned i = 0; i < MANY_CALLS; i++) tally_item(&results, i, many[i].result, many[0].result);
  check_tally("multicall-many-results", &results);
}

static bool among(uint32_t index, const uint8_t *indexes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (indexes[i] == index) return true;
  return false;
}

static long param(unsigned operation, uint16_t domid, uint32_t index, uint64_t value) {
  struct xen_hvm_param argument = {domid, 0, index, value};
  return hypercall_pointer(HYPERCALL_HVM_OP, operation, &argument);
}

/* Where a classic guest is a PVHv1 one, and not the HVM container that Xen makes of it since it has no such guests. */
static bool is_pvhv1(void) {
  return CLASSIC && !real_xen();
}

/* hvm_allow_set_param and hvm_allow_get_param of Xen 4.17; a PVHv1 guest has no param but the first. */
static const uint8_t writable[] = {0, 2, 15, 18, 19, 34, 36, 37};
static const uint8_t readable[] = {0, 1, 2, 15, 17, 18, 19, 34, 35, 36, 37};
static const uint8_t deprecated[] = {4, 13, 20, 21, 22, 23, 24, 25, 26, 30};

static long expected_refusal(uint32_t index, bool allowed) {
  if (index >= HVM_NR_PARAMS) return XEN_EINVAL;
  if (is_pvhv1() && index) return XEN_EINVAL;
  if (among(index, deprecated, sizeof deprecated)) return XEN_EINVAL;
  return allowed ? 0 : XEN_EPERM;
}

static void check_params(void) {
  struct tally reads = {0}, writes = {0};
  for (uint32_t index = 0; index < HVM_NR_PARAMS + 3; index++) {
    long refusal = expected_refusal(index, among(index, readable, sizeof readable));
    tally_item(&reads, index, (uint32_t)param(HVMOP_GET_PARAM, DOMID_SELF, index, 0), (uint32_t)refusal);
    /* Writing a permitted one has effects, which are not what this is about. */
    refusal = expected_refusal(index, among(index, writable, sizeof writable));
    if (refusal)
      tally_item(&writes, index, (uint32_t)param(HVMOP_SET_PARAM, DOMID_SELF, index, 1), (uint32_t)refusal);
  }
  check_tally("params-get", &reads);
  check_tally("params-set", &writes);
  uint64_t vector = CALLBACK_VIA_VECTOR | 0xf3;
  expect("param-callback", param(HVMOP_SET_PARAM, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, vector), 0);
  struct xen_hvm_param argument = {DOMID_SELF, 0, HVM_PARAM_CALLBACK_IRQ, 0};
  expect("param-callback-get", hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_GET_PARAM, &argument), 0);
  check_equal("param-callback-value", argument.value, vector);
  expect("param-no-domain", param(HVMOP_GET_PARAM, NO_DOMAIN, 0, 0), XEN_ESRCH);
  expect("param-bad-pointer", hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_GET_PARAM, BAD_POINTER), XEN_EFAULT);
  expect("param-bad-pointer-set", hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_SET_PARAM, BAD_POINTER), XEN_EFAULT);
  if (is_pvhv1()) return;
  argument.index = HVM_PARAM_STORE_PFN;
  expect("param-store-get", hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_GET_PARAM, &argument), 0);
  check_equal("param-store", argument.value, STORE_FRAME);
  argument.index = HVM_PARAM_CONSOLE_PFN;
  expect("param-console-get", hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_GET_PARAM, &argument), 0);
  check_equal("param-console", argument.value, CONSOLE_FRAME);
}

static void check_other_hvm_ops(void) {
  expect("hvmop-unknown", hypercall_pointer(HYPERCALL_HVM_OP, 99, buffer), XEN_ENOSYS);
  if (is_pvhv1()) return;
  expect("flush-tlbs", hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_FLUSH_TLBS, NULL), 0);
  expect("flush-tlbs-argument", hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_FLUSH_TLBS, buffer), XEN_EINVAL);
}

_Noreturn void guest_main(void) {
  interrupts_init();
  on_xen();
  check_version();
  check_absent();
  check_privileged();
  check_vm_assist();
  check_mmuext();
  check_multicall();
  check_params();
  check_other_hvm_ops();
  finish();
}

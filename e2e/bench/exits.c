// The comparison for the userspace-exit benchmark: the same guest image, run by a loop in C.
// usage: exits IMAGE ENTRY EBX MEMORY_BYTES
// Loads a raw image (offset = guest-physical address) as `pvhctl build` writes it, enters it in 32-bit protected mode
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEBUG_PORT 0xe9
#define PM1A_CONTROL 0x604

static int checked(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

static struct kvm_segment segment(int type) {
  struct kvm_segment s = {.limit = 0xffffffff, .type = type, .present = 1, .db = 1, .s = 1, .g = 1};
  return s;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  size_t memory = strtoull(argv[4], 0, 0);
  int kvm = checked(open("/dev/kvm", O_RDWR), "/dev/kvm");
  int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  uint64_t identity_map = 0xfffbc000;
  checked(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map), "KVM_SET_IDENTITY_MAP_ADDR");
  checked(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
  checked(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
  struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
  checked(ioctl(vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");

  uint8_t *ram = mmap(0, memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (ram == MAP_FAILED) checked(-1, "mmap");
  int image = checked(open(argv[1], O_RDONLY), argv[1]);
  for (size_t done = 0;;) {
    ssize_t n = pread(image, ram + done, memory - done, done);
    checked(n < 0 ? -1 : 0, "read");
    if (n == 0) break;
    done += n;
  }
  struct kvm_userspace_memory_region slot = {.memory_size = memory, .userspace_addr = (uintptr_t)ram};
  checked(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");

  int vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  size_t run_size = checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
  struct kvm_run *run = mmap(0, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  if (run == MAP_FAILED) checked(-1, "mmap");
  struct {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[256];
  } cpuid = {.head.nent = 256};
  checked(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID");
  checked(ioctl(vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2");

  struct kvm_sregs sregs;
  checked(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
  sregs.cr0 = 0x11;
  sregs.cs = segment(11);
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment(3);
  checked(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
  struct kvm_regs regs = {.rip = strtoull(argv[2], 0, 0), .rbx = strtoull(argv[3], 0, 0), .rflags = 2};
  checked(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");

  for (;;) {
    checked(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason != KVM_EXIT_IO) {
      fprintf(stderr, "exit %u is not port I/O\n", run->exit_reason);
      return 1;
    }
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    size_t length = run->io.size * run->io.count;
    if (run->io.direction == KVM_EXIT_IO_IN)
      memset(data, 0xff, length);
    else if (run->io.port == DEBUG_PORT)
      checked(write(1, data, length), "write");
    else if (run->io.port == PM1A_CONTROL)
      return 0;
  }
}

/* Whether /dev/kvm here runs a guest at all: one real-mode vCPU that writes 'K' to port 0xe9 and halts. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static const uint8_t code[] = {0xb0, 'K', 0xe6, 0xe9, 0xf4}; /* mov $'K', %al; out %al, $0xe9; hlt */

#define CHECK(name, result) \
    if ((long)(result) < 0) { perror(name); return 1; }

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    CHECK("open /dev/kvm", kvm);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    CHECK("KVM_CREATE_VM", vm);

    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK("mmap of guest memory", memory);
    memcpy(memory, code, sizeof(code));
    struct kvm_userspace_memory_region region = {.memory_size = 4096, .userspace_addr = (uintptr_t)memory};
    CHECK("KVM_SET_USER_MEMORY_REGION", ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));

    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    CHECK("KVM_CREATE_VCPU", vcpu);
    struct kvm_run *run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    CHECK("mmap of kvm_run", run);
    struct kvm_sregs sregs;
    CHECK("KVM_GET_SREGS", ioctl(vcpu, KVM_GET_SREGS, &sregs));
    sregs.cs.base = sregs.cs.selector = 0;
    CHECK("KVM_SET_SREGS", ioctl(vcpu, KVM_SET_SREGS, &sregs));
    struct kvm_regs regs = {.rip = 0, .rflags = 2};
    CHECK("KVM_SET_REGS", ioctl(vcpu, KVM_SET_REGS, &regs));

    for (;;) {
        CHECK("KVM_RUN", ioctl(vcpu, KVM_RUN, 0));
        if (run->exit_reason == KVM_EXIT_IO && run->io.port == 0xe9) {
            printf("out %c\n", *((char *)run + run->io.data_offset));
        } else if (run->exit_reason == KVM_EXIT_HLT) {
            puts("hlt");
            return 0;
        } else {
            printf("unexpected exit %u\n", run->exit_reason);
            return 1;
        }
    }
}

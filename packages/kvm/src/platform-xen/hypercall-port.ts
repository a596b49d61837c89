/**
 * The I/O port that the stubs of the hypercall page write to. One byte, so that a stub can be `out %eax, $port`; a port
 * that nothing on a PC uses and nobody probes; not 0x7e, where KVM advances RIP before the exit.
 */
export const HYPERCALL_PORT = 0xe4;

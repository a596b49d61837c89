import { APIC_REG, APIC_SVR, X2APIC_MSR_FIRST } from "@pvh/abi";
import { LocalApics } from "./index.ts";

/** APICs for the tests, with what they told the platform, in order, and a clock that the test sets. */
export class TestApics {
  readonly buffer: SharedArrayBuffer;
  readonly apics: LocalApics;
  events: string[] = [];
  time = 1_000_000;

  constructor(vcpus: number) {
    this.buffer = LocalApics.create(vcpus);
    this.apics = new LocalApics(this.buffer, vcpus, {
      wake: (vcpu) => this.events.push(`wake ${vcpu}`),
      now: () => this.time,
      init: (vcpu) => this.events.push(`init ${vcpu}`),
      startup: (vcpu, vector) => this.events.push(`startup ${vcpu} ${vector}`),
      nmi: (vcpu) => this.events.push(`nmi ${vcpu}`),
      enabled: (vcpu) => this.events.push(`enabled ${vcpu}`),
    });
  }

  read(vcpu: number, offset: number): number {
    return this.apics.readMmio(vcpu, offset, 4);
  }
  write(vcpu: number, offset: number, value: number): void {
    this.apics.writeMmio(vcpu, offset, 4, value);
  }

  /** The value of an MSR, or undefined for a general protection fault. */
  readMsr(vcpu: number, index: number): bigint | undefined {
    if (!this.apics.readMsr(vcpu, index)) return undefined;
    return (BigInt(this.apics.high) << 32n) | BigInt(this.apics.low);
  }
  /** False for a general protection fault. */
  writeMsr(vcpu: number, index: number, value: bigint): boolean {
    const high = Number(BigInt.asIntN(32, value >> 32n));
    return this.apics.writeMsr(vcpu, index, high, Number(BigInt.asIntN(32, value)));
  }
  readX2(vcpu: number, offset: number): bigint | undefined {
    return this.readMsr(vcpu, X2APIC_MSR_FIRST + (offset >> 4));
  }
  writeX2(vcpu: number, offset: number, value: bigint): boolean {
    return this.writeMsr(vcpu, X2APIC_MSR_FIRST + (offset >> 4), value);
  }

  /** Enables the APICs as an operating system does, with spurious vector 0xff. */
  enable(...vcpus: number[]): this {
    for (const vcpu of vcpus) this.write(vcpu, APIC_REG.SVR, APIC_SVR.ENABLE | 0xff);
    this.events = [];
    return this;
  }
  enterX2apic(...vcpus: number[]): this {
    for (const vcpu of vcpus) {
      const base = this.readMsr(vcpu, 0x1b) ?? 0n;
      if (!this.writeMsr(vcpu, 0x1b, base | 0xc00n)) throw new Error("no x2APIC mode");
      this.writeX2(vcpu, APIC_REG.SVR, 0x1ffn);
    }
    this.events = [];
    return this;
  }

  /** Takes every pending interrupt without ending one. */
  takeAll(vcpu: number): number[] {
    const taken: number[] = [];
    for (;;) {
      const vector = this.apics.pendingVector(vcpu);
      if (vector < 0) return taken;
      taken.push(this.apics.accept(vcpu, vector));
    }
  }
}

/** The vectors whose bits are set in ISR, TMR or IRR. */
export function vectors(read: (offset: number) => number, bitmap: number): number[] {
  return Array.from({ length: 256 }, (_, vector) => vector).filter(
    (vector) => ((read(bitmap + (vector >> 5) * 16) >>> (vector & 31)) & 1) === 1,
  );
}

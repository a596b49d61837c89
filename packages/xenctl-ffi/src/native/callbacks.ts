import koffi from "koffi";

/** `int (*)(void *data)` */
const ofData = koffi.pointer(koffi.proto("int", ["void *"]));
/** `int (*)(unsigned int, void *data)` */
const ofNumber = koffi.pointer(koffi.proto("int", ["uint", "void *"]));
/** `int (*)(uint32_t, unsigned int, void *data)` */
const ofNumbers = koffi.pointer(koffi.proto("int", ["uint32_t", "uint", "void *"]));

const types = { ofData, ofNumber, ofNumbers };

/**
 * Functions here that a library calls while it is called itself, on the same thread. What they throw cannot go through the
 * library: it is told that they failed, and {@link failure} is what they threw.
 */
export class Callbacks {
  readonly #registered: bigint[] = [];
  /** What the first one that failed has thrown. */
  failure: unknown;

  /** The address of a function that answers `done` when `work` returns, and `failed` when it throws. */
  add(
    type: keyof typeof types,
    results: { done: number; failed: number },
    work: (argument: number) => void,
  ): bigint {
    const address = koffi.register((argument: unknown) => {
      try {
        work(Number(argument));
        return results.done;
      } catch (error) {
        this.failure ??= error;
        return results.failed;
      }
    }, types[type]);
    this.#registered.push(address);
    return address;
  }

  /** Afterwards the addresses are nobody's. */
  release(): void {
    for (const address of this.#registered.splice(0)) koffi.unregister(address);
  }
}

const waiting: (() => void)[] = [];

/** Work that the answer of a task need not wait for. */
export function afterwards(work: () => void): void {
  waiting.push(work);
}

export function doAfterwards(): void {
  for (const work of waiting.splice(0)) work();
}

/** How long each side waits for the other, in ms. */
export interface Patience {
  /** For the connection, its encryption, and who is there. */
  hello: number;
  /** For a step of the other side's that makes or furnishes a domain. */
  step: number;
  /** For more of the memory: a guest gets two minutes to suspend, and nothing comes meanwhile. */
  memory: number;
}

export const PATIENCE: Patience = { hello: 20_000, step: 120_000, memory: 240_000 };

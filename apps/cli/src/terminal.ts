/** What a console needs from whatever carries it: a socket of the VMM or a WebSocket of pvhd. */
export interface ConsoleStream {
  send(data: Uint8Array): void;
  onData(listener: (data: Uint8Array) => void): void;
}

const CTRL_RIGHT_BRACKET = 0x1d;

/**
 * Connects this process's terminal with a console: output to stdout, keys to the guest. On a terminal the keys go
 * through raw, Ctrl-C included; Ctrl-] calls `onEscape`. Returns what puts the terminal back and ends its input for
 * good.
 */
export function attachTerminal(console: ConsoleStream, onEscape: () => void): () => void {
  const { stdin, stdout } = process;
  console.onData((data) => {
    stdout.write(data);
  });
  const raw = stdin.isTTY === true;
  const forward = (data: Buffer) => {
    const escapeAt = raw ? data.indexOf(CTRL_RIGHT_BRACKET) : -1;
    const keys = escapeAt < 0 ? data : data.subarray(0, escapeAt);
    if (keys.length > 0) console.send(keys);
    if (escapeAt >= 0) onEscape();
  };
  if (raw) stdin.setRawMode(true);
  stdin.on("data", forward);
  // A pipe that ends must not keep the process, and a failing one must not end it.
  stdin.on("error", () => stdin.pause());
  stdin.resume();
  return () => {
    stdin.off("data", forward);
    if (raw) stdin.setRawMode(false);
    stdin.destroy(); // a paused stdin would still keep the process
  };
}

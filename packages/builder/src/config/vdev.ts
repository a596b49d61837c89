/** Xen's numbers of virtual block devices (xen-vbd-interface(7)). */
const XVD_MAJOR = 202;
const SCSI_MAJOR = 8;
const IDE_MAJORS = [3, 22] as const;
const EXTENDED = 2 ** 28;
/** What is free for the future. */
const RESERVED = 2 * EXTENDED;

const MAX_XVD_DISK = 2 ** 20 - 1;
const MAX_XVD_PARTITION = 255;

/**
 * The number under which a guest finds the virtual block device of this name: `xvda`, `xvdb1`, `d0`, `d0p1`, `sda3`,
 * `hdc`, or a number itself (decimal, `0x` hexadecimal or `0` octal). Undefined for anything else.
 */
export function vdevNumber(vdev: string): number | undefined {
  if (vdev.length > 16) return undefined;
  const byNumber = /^d(0|[1-9][0-9]*)(?:p(0|[1-9][0-9]*))?$/.exec(vdev);
  if (byNumber !== null) return xvd(Number(byNumber[1]), Number(byNumber[2] ?? 0));
  if (/^[0-9]/.test(vdev)) return plainNumber(vdev);
  const [, kind, letters, digits = "0"] = /^(xvd|sd|hd)([a-z]+)([1-9][0-9]*)?$/.exec(vdev) ?? [];
  if (kind === undefined || letters === undefined) return undefined;
  const disk = diskOfLetters(letters);
  const partition = Number(digits);
  if (kind === "xvd") return xvd(disk, partition);
  if (kind === "sd")
    return disk > 15 || partition > 15 ? undefined : (SCSI_MAJOR << 8) | (disk << 4) | partition;
  const major = IDE_MAJORS[disk >> 1];
  return major === undefined || partition > 63 ? undefined : (major << 8) | ((disk & 1) << 6) | partition;
}

function xvd(disk: number, partition: number): number | undefined {
  if (disk > MAX_XVD_DISK || partition > MAX_XVD_PARTITION) return undefined;
  if (disk <= 15 && partition <= 15) return (XVD_MAJOR << 8) | (disk << 4) | partition;
  return EXTENDED + (disk << 8) + partition;
}

/** `a` is 0, `z` 25, `aa` 26. */
function diskOfLetters(letters: string): number {
  let number = 0;
  for (const letter of letters) number = number * 26 + letter.charCodeAt(0) - 0x60;
  return number - 1;
}

function plainNumber(digits: string): number | undefined {
  if (!/^(?:0x[0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.test(digits)) return undefined;
  const number = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return number < RESERVED ? number : undefined;
}

/** Names of virtual disks, as xl-disk-configuration(5) has them, and the numbers that guests know them by. */

/** Majors of the schemes (docs/man/xen-vbd-interface(7)). */
const XVD_MAJOR = 202;
const IDE_MAJORS = [3, 22] as const;
const SD_MAJOR = 8;
/** Bit 28 says that the number has more bits for the disk. */
const EXTENDED = 1 << 28;
const MAX_DISK = (1 << 20) - 1;
const MAX_PARTITION = 255;

/**
 * The virtual device number of a name: `xvda`, `xvdb3`, `hda`, `sda1`, `d5p2`, or a number itself. Undefined when it is no
 * name of a disk.
 */
export function vdevNumber(name: string): number | undefined {
  if (/^(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(name)) {
    const number = Number(name);
    return number > 0 && number < 2 ** 29 ? number : undefined;
  }
  const numbered = /^d([0-9]{1,7})(?:p([0-9]{1,3}))?$/.exec(name);
  if (numbered !== null) return xvd(Number(numbered[1]), Number(numbered[2] ?? 0));
  const [, scheme, letters = "", digits = "0"] = /^(xvd|hd|sd)([a-z]{1,4})([0-9]{1,3})?$/.exec(name) ?? [];
  const disk = letterNumber(letters);
  const partition = Number(digits);
  switch (scheme) {
    case "xvd":
      return xvd(disk, partition);
    case "hd": {
      const major = IDE_MAJORS[disk >> 1];
      if (major === undefined || partition > 63) return undefined;
      return (major << 8) | ((disk & 1) << 6) | partition;
    }
    case "sd":
      return disk > 15 || partition > 15 ? undefined : (SD_MAJOR << 8) | (disk << 4) | partition;
    default:
      return undefined;
  }
}

function xvd(disk: number, partition: number): number | undefined {
  if (disk <= 15 && partition <= 15) return (XVD_MAJOR << 8) | (disk << 4) | partition;
  return disk > MAX_DISK || partition > MAX_PARTITION ? undefined : EXTENDED | (disk << 8) | partition;
}

/** a is 0, z is 25, aa is 26. */
function letterNumber(letters: string): number {
  let number = 0;
  for (const letter of letters) number = number * 26 + (letter.charCodeAt(0) - 96);
  return number - 1;
}

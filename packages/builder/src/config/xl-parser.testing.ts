import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Reads texts that end with NUL, the first character saying of what kind, and prints what xl's own library reads. */
const source = `
#include <stdio.h>
#include <string.h>
#include <libxl.h>
#include <libxlutil.h>

static void text(const char *s) {
    printf(s ? "=" : "-");
    for (; s && *s; s++) printf("%02x", (unsigned char)*s);
    putchar(' ');
}

static void disk(XLU_Config *cfg, const char *spec) {
    libxl_device_disk d;
    libxl_device_disk_init(&d);
    if (xlu_disk_parse(cfg, 1, &spec, &d)) {
        puts("refused");
    } else {
        text(d.pdev_path); text(d.vdev); text(d.script); text(d.backend_domname);
        printf("%d %d %d %d %d %d\\n", d.backend, d.format, d.readwrite, d.is_cdrom, d.direct_io_safe,
               libxl_defbool_is_default(d.discard_enable) || libxl_defbool_val(d.discard_enable));
    }
    libxl_device_disk_dispose(&d);
}

static void rate(XLU_Config *cfg, const char *spec) {
    libxl_device_nic nic;
    libxl_device_nic_init(&nic);
    if (xlu_vif_parse_rate(cfg, spec, &nic)) puts("refused");
    else printf("%llu %u\\n", (unsigned long long)nic.rate_bytes_per_interval, nic.rate_interval_usecs);
    libxl_device_nic_dispose(&nic);
}

int main(void) {
    static char input[1 << 22];
    size_t length = fread(input, 1, sizeof(input) - 1, stdin);
    XLU_Config *cfg = xlu_cfg_init(fopen("/dev/null", "w"), "test");
    for (char *spec = input; spec < input + length; spec += strlen(spec) + 1)
        (*spec == 'd' ? disk : rate)(cfg, spec + 1);
    return 0;
}
`;

/** One line for each text. */
export type XlParser = (kind: "d" | "r", texts: readonly string[]) => string[];

/** xl's own reader of devices' texts, or why it cannot be had here. On CI it must be there: throws. */
export function xlParser(): XlParser | string {
  const dir = mkdtempSync(join(tmpdir(), "pvh-xl-"));
  const program = join(dir, "xl-parser");
  try {
    writeFileSync(join(dir, "xl-parser.c"), source);
    execFileSync("cc", ["-o", program, join(dir, "xl-parser.c"), "-lxlutil", "-lxenlight"], {
      stdio: "pipe",
    });
  } catch (cause) {
    const reason = "libxlutil cannot be linked here: install libxen-dev and a C compiler";
    if (process.env.CI === "true") throw new Error(reason, { cause });
    return reason;
  }
  return (kind, texts) => {
    const input = texts.map((text) => `${kind}${text}\0`).join("");
    return execFileSync(program, { input, maxBuffer: 1 << 26 })
      .toString()
      .split("\n")
      .slice(0, texts.length);
  };
}

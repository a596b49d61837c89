// Generated from packages/daemon/openapi.json by scripts/gen-api.ts.

export interface paths {
    "/domains": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the domains, the ended ones that nobody deleted too */
        get: operations["listDomains"];
        put?: never;
        /**
         * Create and start a domain
         * @description Answers when the domain runs, or is paused when `start_paused` is true. With a `uuid`, the request can be repeated: the same config gives 200 and the existing domain.
         */
        post: operations["createDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a domain */
        get: operations["getDomain"];
        put?: never;
        post?: never;
        /** End the domain if it is live, and forget it with its files */
        delete: operations["deleteDomain"];
        options?: never;
        head?: never;
        /**
         * Say how much memory and how many vCPUs the guest is to have, and its share of the processors
         * @description The guest follows in its own time, as far as it can: `memory_now` and `vcpus_online` show how far it is. The config stays as it is, so that a restart begins with it.
         */
        patch: operations["changeDomain"];
        trace?: never;
    };
    "/domains/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop the domain's vCPUs */
        post: operations["pauseDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/unpause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let the domain's vCPUs run (again) */
        post: operations["unpauseDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/shutdown": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask the guest to power off */
        post: operations["shutdownDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/reboot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask the guest to reboot; its config's on_reboot says what happens then */
        post: operations["rebootDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/destroy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End the domain now, or what was preserved of it, and keep its record */
        post: operations["destroyDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/sysrq": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send a key of Linux's Magic SysRq to the guest */
        post: operations["sendSysrq"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/affinity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say on which CPUs of the host the vCPUs may run
         * @description Until the domain ends; a restart begins with what its config says.
         */
        post: operations["pinDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/trigger": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send a trigger to a vCPU */
        post: operations["triggerDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/rename": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a domain another name
         * @description For good: its config has the new name as well.
         */
        post: operations["renameDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/dump-core": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Write the memory of a live or preserved domain into a file of the host
         * @description A live domain is paused meanwhile. Answers when the file is written.
         */
        post: operations["dumpDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/save": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Write a live domain with its memory into a file of the host
         * @description The guest suspends itself for that. When all is written the domain ends, and its record says so, unless it is asked to stay. When it cannot be written the domain goes on, and there is no file.
         */
        post: operations["saveDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a domain of a saved one
         * @description It has the saved one's name, uuid, devices and memory, and its guest goes on. The file stays. Files of xl's are read too, as far as a domain here can have what they say.
         */
        post: operations["restoreDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/migrate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move a live domain to another host
         * @description It keeps its name, uuid and memory. Its disks and bridges must be there by the same names. The record that stays here says where it went. When it cannot be moved it goes on here, and nothing of it is there; the problem may be the other host's. After MIGRATION_UNDECIDED it stays here, paused, because nobody knows whether it runs there.
         */
        post: operations["migrateDomain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the disks and network interfaces of a live domain */
        get: operations["listDevices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/disks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a disk to a live domain
         * @description Until the domain ends: its config stays as it is.
         */
        post: operations["attachDisk"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/disks/{vdev}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a disk from a live domain */
        delete: operations["detachDisk"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/vifs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a network interface to a live domain
         * @description Until the domain ends: its config stays as it is.
         */
        post: operations["attachVif"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/vifs/{vif}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a network interface from a live domain */
        delete: operations["detachVif"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/console/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the domain has printed, as far as it is kept (the last 1 to 2 MiB) */
        get: operations["getConsoleLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/domains/{id}/console": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The domain's console as a WebSocket
         * @description Binary frames: the earlier output first, then what the guest prints; frames to the server go to the guest. The server closes when the domain ends.
         */
        get: operations["openConsole"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/host": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What this host can do */
        get: operations["getHost"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        DomainRequestInput: {
            /** @description Name of the domain, unique on the host. Not only digits and not in the form of a uuid, because names, domids and uuids address domains alike. */
            name: string;
            /**
             * @description Type of the guest. It or `pvh` is required: `"pvh"`, the whole word (xl also takes beginnings of it).
             * @constant
             */
            type?: "pvh";
            /**
             * @description The spelling of Xen 4.4 to 4.8 for `type`. Both ask for PVH; the kernel decides which boot interface.
             * @constant
             */
            pvh?: true;
            /**
             * Format: uuid
             * @description Identity of the domain for life.
             */
            uuid?: string;
            /** @description Path of the kernel: ELF or bzImage, compressed or not. pvhctl takes a relative path from its working directory. */
            kernel: string;
            /** @description Path of the initial ramdisk. */
            ramdisk?: string;
            /** @description The whole kernel command line. `root` and `extra` have no effect beside it. */
            cmdline?: string;
            /** @description Root device: the command line begins with `root=` and this. */
            root?: string;
            /** @description The rest of the command line, behind `root`. */
            extra?: string;
            /**
             * @description Memory of the guest in MiB. The default is xl's and too little for most kernels.
             * @default 32
             */
            memory?: number;
            /** @description Upper limit of the guest's memory in MiB, which `pvhctl mem-set` can go up to when the guest has a balloon driver. Above `memory` only on the xen platform. */
            maxmem?: number;
            /**
             * @description Virtual CPUs at boot: up to 32 on the xen platform, 1 on the bare one.
             * @default 1
             */
            vcpus?: number;
            /** @description Upper limit of virtual CPUs, at least `vcpus`; `pvhctl vcpu-set` can go up to it. The same limits as for `vcpus`. */
            maxvcpus?: number;
            /** @description Disks of the guest, as in `["/srv/web.img,raw,xvda,w"]`; see [Disks](#disks). Only on the xen platform. */
            disk?: (string | {
                /** @description Image file or block device. In a text: the first value, or last as `target=...`, which takes the rest of the text, commas too. */
                target: string;
                /**
                 * @description Format of the image. Only QEMU serves those other than raw, on Xen hosts.
                 * @default raw
                 * @enum {string}
                 */
                format?: "raw" | "qcow" | "qcow2" | "qed" | "vhd";
                /** @description The virtual device by which the guest knows the disk. */
                vdev: string;
                /**
                 * @description Whether the guest may write.
                 * @enum {string}
                 */
                access?: "w" | "rw" | "r" | "ro";
                /**
                 * @description `cdrom` is a disk that cannot be written and says so. In a text also the flag `cdrom`.
                 * @default disk
                 * @enum {string}
                 */
                devtype?: "disk" | "cdrom";
                /**
                 * @description Whether the guest may give blocks back to the host, which makes holes in a file. In a text the flags `discard` and `no-discard`.
                 * @default true
                 */
                discard?: boolean;
                /**
                 * @description Whether an image file is read and written past the host's cache. In a text the flag `direct-io-safe`.
                 * @default false
                 */
                direct_io_safe?: boolean;
                /**
                 * @description What the guest is told about its back end. In a text the flags `trusted` and `untrusted`.
                 * @default true
                 */
                trusted?: boolean;
                /**
                 * @description Kind of back end: `phy` is the host's kernel, or the VMM on KVM; `qdisk` is QEMU, on Xen hosts.
                 * @enum {string}
                 */
                backendtype?: "phy" | "qdisk";
                /**
                 * @description Protocol between guest and back end.
                 * @enum {string}
                 */
                specification?: "xen";
            })[];
            /** @description Network interfaces of the guest, as in `["bridge=xenbr0"]`; see [Network interfaces](#network-interfaces). Only on the xen platform. */
            vif?: (string | {
                /** @description Ethernet address of the interface in the guest. */
                mac?: string;
                /** @description The host's bridge that the interface is attached to. */
                bridge?: string;
                /** @description Name of the interface on the host. */
                vifname?: string;
                /** @description Addresses of the guest, for whoever reads them in the store. No firewall rule is made of them, as xl's script does. */
                ip?: string;
                /** @description Most that the guest may send: `b` is bits and `B` bytes, with K, M or G before it; behind `@` how often the credit is renewed, 50 ms when it is left out. */
                rate?: string;
                /** @description Largest packet in bytes, without the Ethernet header. */
                mtu?: number;
                /** @description Number of the interface in the guest. */
                devid?: number;
                /** @description What the guest is told about its back end. In a text the flags `trusted` and `untrusted`. */
                trusted?: boolean;
                /** @description Has no effect: it chooses an emulated card, and PVH guests have none. Other tools write it everywhere. */
                model?: string;
                /**
                 * @description Kind of interface.
                 * @enum {string}
                 */
                type?: "vif";
                /** @description No script is run. What xl's default script does is done without it, so its name is taken. */
                script?: string;
            })[];
            /** @description Path of the QEMU program, with support for Xen, that serves the disks which need one; see [Disks](#disks). It runs with pvhd's rights. */
            device_model_override?: string;
            /**
             * @description Upper limit of the guest's grant table, in frames of 512 grants.
             * @default 64
             */
            max_grant_frames?: number;
            /**
             * @description The highest event channel port that the guest may have.
             * @default 1023
             */
            max_event_channels?: number;
            /**
             * @description Upper limit of what the guest itself may map by grants at a time, in frames of 256 mappings. More than 1024 mappings are never possible.
             * @default 1024
             */
            max_maptrack_frames?: number;
            /** @description Latest version of grant tables that the guest may use. */
            max_grant_version?: number;
            /** @description Weight of the domain beside others when CPUs are short: one of 512 gets twice the time of one of 256. */
            cpu_weight?: number;
            /** @description Most processor time that the domain gets, in percent of one CPU: 50 is half of one, 200 are two. 0 is no limit. */
            cap?: number;
            /** @description CPUs of the host that the guest's vCPUs may run on. */
            cpus?: string | string[];
            /** @description CPUs of the host that the guest's vCPUs run on when they can. */
            cpus_soft?: string | string[];
            /** @description Name of the cpupool that the domain runs in. */
            pool?: string;
            /**
             * @description What happens after the guest has powered off; see [After the end](#after-the-end).
             * @default destroy
             * @enum {string}
             */
            on_poweroff?: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What happens after the guest has asked for a reboot; see [After the end](#after-the-end).
             * @default restart
             * @enum {string}
             */
            on_reboot?: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What happens after the guest has let its watchdog expire; see [After the end](#after-the-end).
             * @default destroy
             * @enum {string}
             */
            on_watchdog?: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What happens after the guest has crashed; see [After the end](#after-the-end).
             * @default destroy
             * @enum {string}
             */
            on_crash?: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What happens after the guest has asked for a soft reset, to start another kernel in its memory (kexec); see [After the end](#after-the-end).
             * @enum {string}
             */
            on_soft_reset?: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What the guest sees around it: Xen's interfaces, or the bare hardware of a microvm. `auto`: `xen` for classic guests and for direct guests whose hypercalls the host can take, else `bare`. Not a key of xl.
             * @default auto
             * @enum {string}
             */
            platform?: "auto" | "xen" | "bare";
            /**
             * @description The boot interface: `classic` is PVHv1 (Xen 4.4 to 4.8), `direct` is PVHv2 (Xen 4.10 and later). Not a key of xl.
             * @enum {string}
             */
            pvh_abi?: "direct" | "classic";
            /**
             * @description Create the domain without letting it run yet
             * @default false
             */
            start_paused?: boolean;
        };
        GuestConfig: {
            /** @description Name of the domain, unique on the host. Not only digits and not in the form of a uuid, because names, domids and uuids address domains alike. */
            name: string;
            /**
             * @description Type of the guest. It or `pvh` is required: `"pvh"`, the whole word (xl also takes beginnings of it).
             * @constant
             */
            type?: "pvh";
            /**
             * @description The spelling of Xen 4.4 to 4.8 for `type`. Both ask for PVH; the kernel decides which boot interface.
             * @constant
             */
            pvh?: true;
            /**
             * Format: uuid
             * @description Identity of the domain for life.
             */
            uuid?: string;
            /** @description Path of the kernel: ELF or bzImage, compressed or not. pvhctl takes a relative path from its working directory. */
            kernel: string;
            /** @description Path of the initial ramdisk. */
            ramdisk?: string;
            /** @description The whole kernel command line. `root` and `extra` have no effect beside it. */
            cmdline?: string;
            /** @description Root device: the command line begins with `root=` and this. */
            root?: string;
            /** @description The rest of the command line, behind `root`. */
            extra?: string;
            /**
             * @description Memory of the guest in MiB. The default is xl's and too little for most kernels.
             * @default 32
             */
            memory: number;
            /** @description Upper limit of the guest's memory in MiB, which `pvhctl mem-set` can go up to when the guest has a balloon driver. Above `memory` only on the xen platform. */
            maxmem?: number;
            /**
             * @description Virtual CPUs at boot: up to 32 on the xen platform, 1 on the bare one.
             * @default 1
             */
            vcpus: number;
            /** @description Upper limit of virtual CPUs, at least `vcpus`; `pvhctl vcpu-set` can go up to it. The same limits as for `vcpus`. */
            maxvcpus?: number;
            /**
             * @description Disks of the guest, as in `["/srv/web.img,raw,xvda,w"]`; see [Disks](#disks). Only on the xen platform.
             * @default []
             */
            disk: {
                /** @description Image file or block device. In a text: the first value, or last as `target=...`, which takes the rest of the text, commas too. */
                target: string;
                /** @enum {string} */
                format: "raw" | "qcow" | "qcow2" | "qed" | "vhd";
                /** @description The virtual device by which the guest knows the disk. */
                vdev: string;
                /** @enum {string} */
                access: "r" | "w";
                /** @enum {string} */
                devtype: "disk" | "cdrom";
                discard: boolean;
                direct_io_safe: boolean;
                trusted: boolean;
                /** @constant */
                backendtype?: "qdisk";
            }[];
            /**
             * @description Network interfaces of the guest, as in `["bridge=xenbr0"]`; see [Network interfaces](#network-interfaces). Only on the xen platform.
             * @default []
             */
            vif: {
                /** @description Ethernet address of the interface in the guest. */
                mac?: string;
                /** @description The host's bridge that the interface is attached to. */
                bridge?: string;
                /** @description Name of the interface on the host. */
                vifname?: string;
                /** @description Addresses of the guest, for whoever reads them in the store. No firewall rule is made of them, as xl's script does. */
                ip?: string;
                /** @description Most that the guest may send: `b` is bits and `B` bytes, with K, M or G before it; behind `@` how often the credit is renewed, 50 ms when it is left out. */
                rate?: string;
                /** @description Largest packet in bytes, without the Ethernet header. */
                mtu?: number;
                /** @description Number of the interface in the guest. */
                devid?: number;
                /** @description What the guest is told about its back end. In a text the flags `trusted` and `untrusted`. */
                trusted?: boolean;
                /** @description Has no effect: it chooses an emulated card, and PVH guests have none. Other tools write it everywhere. */
                model?: string;
            }[];
            /** @description Path of the QEMU program, with support for Xen, that serves the disks which need one; see [Disks](#disks). It runs with pvhd's rights. */
            device_model_override?: string;
            /**
             * @description Upper limit of the guest's grant table, in frames of 512 grants.
             * @default 64
             */
            max_grant_frames: number;
            /**
             * @description The highest event channel port that the guest may have.
             * @default 1023
             */
            max_event_channels: number;
            /**
             * @description Upper limit of what the guest itself may map by grants at a time, in frames of 256 mappings. More than 1024 mappings are never possible.
             * @default 1024
             */
            max_maptrack_frames: number;
            /** @description Latest version of grant tables that the guest may use. */
            max_grant_version?: number;
            /** @description Weight of the domain beside others when CPUs are short: one of 512 gets twice the time of one of 256. */
            cpu_weight?: number;
            /** @description Most processor time that the domain gets, in percent of one CPU: 50 is half of one, 200 are two. 0 is no limit. */
            cap?: number;
            /** @description CPUs of the host that the guest's vCPUs may run on. */
            cpus?: string | string[];
            /** @description CPUs of the host that the guest's vCPUs run on when they can. */
            cpus_soft?: string | string[];
            /** @description Name of the cpupool that the domain runs in. */
            pool?: string;
            /**
             * @description What happens after the guest has powered off; see [After the end](#after-the-end).
             * @default destroy
             * @enum {string}
             */
            on_poweroff: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What happens after the guest has asked for a reboot; see [After the end](#after-the-end).
             * @default restart
             * @enum {string}
             */
            on_reboot: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What happens after the guest has let its watchdog expire; see [After the end](#after-the-end).
             * @default destroy
             * @enum {string}
             */
            on_watchdog: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What happens after the guest has crashed; see [After the end](#after-the-end).
             * @default destroy
             * @enum {string}
             */
            on_crash: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What happens after the guest has asked for a soft reset, to start another kernel in its memory (kexec); see [After the end](#after-the-end).
             * @enum {string}
             */
            on_soft_reset?: "destroy" | "restart" | "rename-restart" | "preserve" | "coredump-destroy" | "coredump-restart" | "soft-reset";
            /**
             * @description What the guest sees around it: Xen's interfaces, or the bare hardware of a microvm. `auto`: `xen` for classic guests and for direct guests whose hypercalls the host can take, else `bare`. Not a key of xl.
             * @default auto
             * @enum {string}
             */
            platform: "auto" | "xen" | "bare";
            /**
             * @description The boot interface: `classic` is PVHv1 (Xen 4.4 to 4.8), `direct` is PVHv2 (Xen 4.10 and later). Not a key of xl.
             * @enum {string}
             */
            pvh_abi?: "direct" | "classic";
        };
        DomainSummary: {
            /** Format: uuid */
            uuid: string;
            /** @description Number of the domain while it is live or preserved; another one after each start */
            domid?: number;
            name: string;
            /** @enum {string} */
            state: "creating" | "paused" | "running" | "shutting-down" | "rebooting" | "shutdown" | "crashed" | "destroyed" | "lost";
            /**
             * @description It has ended, but its memory is still there
             * @constant
             */
            preserved?: true;
            /** @description MiB */
            memory: number;
            vcpus: number;
            /** @enum {string} */
            boot_interface?: "classic" | "direct";
            /** @enum {string} */
            platform?: "xen" | "bare";
            /**
             * @description pvhd has not made it, and does not touch it
             * @constant
             */
            foreign?: true;
            /**
             * Format: date-time
             * @description Present while the domain is live and has been started
             */
            started_at?: string;
            /** @description How it ended; absent while the domain is live */
            exit?: {
                /** @enum {string} */
                reason: "poweroff" | "reboot" | "suspend" | "crash" | "watchdog" | "soft-reset" | "triple-fault" | "emulation-failure" | "vmm-died" | "killed" | "host-lost";
                /**
                 * Format: date-time
                 * @description UTC, ISO 8601
                 */
                at: string;
            };
        };
        /** @description A disk or network interface of a live domain */
        Device: {
            /**
             * @description vbd: disk; vif: network interface
             * @enum {string}
             */
            kind: "vbd" | "vif";
            /** @description The number under which the guest finds it; devid of an interface */
            id: number;
            /** @description vdev of a disk, or the interface's name on the host */
            name: string;
            /** @description Image or block device of a disk */
            target?: string;
            readonly?: boolean;
            mac?: string;
            bridge?: string;
            /** @description How far the host's end is, in xenbus's words: connected when it is in use */
            state: string;
        };
        Domain: {
            /** Format: uuid */
            uuid: string;
            /** @description Number of the domain while it is live or preserved; another one after each start */
            domid?: number;
            name: string;
            /** @enum {string} */
            state: "creating" | "paused" | "running" | "shutting-down" | "rebooting" | "shutdown" | "crashed" | "destroyed" | "lost";
            /**
             * @description It has ended, but its memory is still there
             * @constant
             */
            preserved?: true;
            /** @description MiB */
            memory: number;
            vcpus: number;
            /** @enum {string} */
            boot_interface?: "classic" | "direct";
            /** @enum {string} */
            platform?: "xen" | "bare";
            /** @description MiB that the guest has at the moment */
            memory_now?: number;
            /** @description MiB that it can be told to have at the moment */
            maxmem_now?: number;
            /** @description Its weight beside other domains at the moment */
            cpu_weight?: number;
            /** @description Percent of one CPU that it gets at most at the moment, 0 is no limit */
            cap?: number;
            /** @description CPUs of the host that each vCPU may run on, and runs on when it can, at the moment */
            affinity?: {
                cpus: string;
                cpus_soft: string;
            }[];
            /** @description vCPUs that the guest has online at the moment */
            vcpus_online?: number;
            /** @description vCPUs that it can have online */
            vcpus_max: number;
            /** @description Present, as what else is of the moment, while the domain runs and answers */
            devices?: components["schemas"]["Device"][];
            /**
             * Format: date-time
             * @description UTC, ISO 8601
             */
            created_at: string;
            /**
             * Format: date-time
             * @description UTC, ISO 8601
             */
            started_at?: string;
            /** @description Process of the domain on the host, while there is one */
            pid?: number;
            /** @description Restarts by the on_* policies of the config */
            restarts: number;
            /** @description How the latest run that ended did so; stays while the domain runs again */
            exit?: {
                /** @enum {string} */
                reason: "poweroff" | "reboot" | "suspend" | "crash" | "watchdog" | "soft-reset" | "triple-fault" | "emulation-failure" | "vmm-died" | "killed" | "host-lost";
                /**
                 * Format: date-time
                 * @description UTC, ISO 8601
                 */
                at: string;
                detail?: string;
                last_console_line?: string;
                /** @description Where and how it crashed */
                report?: {
                    vcpu: number;
                    rip: string;
                    registers: {
                        [key: string]: string;
                    };
                    instruction?: string;
                    /** @description Exits to the hypervisor, the latest last */
                    last_exits: string[];
                };
                /** @description File of the host with its memory as it was then */
                core_dump?: string;
            };
            /** @description Stages of the latest start with their durations */
            stages: {
                name: string;
                ms: number;
            }[];
            config: components["schemas"]["GuestConfig"];
        };
        /** @description RFC 9457 problem document */
        Problem: {
            /** @description urn:pvh:error:CODE */
            type: string;
            title: string;
            status: number;
            /** @description A sentence for people: what is wrong and what would be right */
            detail: string;
            /** @description Stable code of the error */
            code: string;
            field?: string;
            offset?: number;
            found?: string;
            allowed?: string;
            line?: number;
            column?: number;
            excerpt?: string;
            /** @description Messages of the causes, outermost first */
            causes?: string[];
        };
        Host: {
            backend: string;
            /** @description Whether domains can be started here */
            usable: boolean;
            /** @description Why they cannot */
            problem?: components["schemas"]["Problem"];
            /** @description Of the hypervisor */
            version?: string;
            /** @description The hypervisor's device file */
            device?: string;
            /** @description Answers of the hypervisor, 0 = absent */
            capabilities?: {
                [key: string]: number;
            };
            /** @description MiB */
            memory_total?: number;
            /** @description MiB that a new guest may have */
            memory_available?: number;
            /** @description Groups of the host's CPUs with a scheduler of their own */
            cpupools?: {
                name: string;
                scheduler: string;
                /** @description Such as 0-3, or all */
                cpus: string;
                /** @description How many there are in it */
                domains: number;
            }[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listDomains: {
        parameters: {
            query?: {
                /** @description 1 or true: also domains of the host that pvhd has not made; it does not touch them */
                all?: "0" | "1" | "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In order of creation, those of others last */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainSummary"][];
                };
            };
            /** @description all is none of these words */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDomain: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DomainRequestInput"];
            };
        };
        responses: {
            /** @description A domain of this uuid and config exists */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The domain is created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body is not JSON, or no object */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The name or the uuid belongs to another domain */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not declared as JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The config or a file that it names is not right */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description This host cannot do what was asked */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description /dev/kvm is missing, or may not be opened */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host has not enough memory */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The domain */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The domain is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description MiB, up to maxmem */
                    memory?: number;
                    /** @description vCPUs online, up to maxvcpus of the config */
                    vcpus?: number;
                    /** @description MiB that memory can go up to */
                    maxmem?: number;
                    /** @description Weight of the domain beside others, 1 to 65535 */
                    cpu_weight?: number;
                    /** @description Percent of one CPU that it gets at most, 0 is no limit */
                    cap?: number;
                };
            };
        };
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body is not JSON, or names nothing that can be changed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or its guest cannot be asked */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The config does not allow so much, or so little */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend cannot change that */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or its guest cannot be asked */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    unpauseDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or its guest cannot be asked */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    shutdownDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or its guest cannot be asked */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rebootDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or its guest cannot be asked */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    destroyDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or its guest cannot be asked */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sendSysrq: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description One printable character */
                    key: string;
                };
            };
        };
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body has no key of one printable character */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or its guest cannot be asked */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pinDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Absent: all vCPUs */
                    vcpu?: number;
                    /** @description CPUs of the host, such as "0-3,^2" or "all", that it may run on; absent: as they are */
                    cpus?: string;
                    /** @description CPUs of the host, such as "0-3,^2" or "all", that it runs on when it can; absent: as they are */
                    cpus_soft?: string;
                };
            };
        };
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body is not JSON, or no object that names CPUs */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such vCPU, or none of the CPUs can be used */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend, or its hypervisor, cannot do that */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    triggerDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {string} */
                    trigger: "nmi" | "reset" | "init" | "power";
                    /** @default 0 */
                    vcpu?: number;
                };
            };
        };
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body names no trigger */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such vCPU */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend, or its hypervisor, cannot do that */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    renameDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                };
            };
        };
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body has no name */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The name belongs to another domain */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The name is not one that a domain can have */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dumpDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Absolute path of a file that is not there yet */
                    file: string;
                };
            };
        };
        responses: {
            /** @description The domain after the action */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body names no file */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The file is there, or the domain's state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The file's path is not absolute */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend, or its hypervisor, cannot do that */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    saveDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Absolute path of a file that is not there yet */
                    file: string;
                    /**
                     * @description The domain goes on
                     * @default false
                     */
                    checkpoint?: boolean;
                    /**
                     * @description The domain stays, paused, whatever checkpoint says
                     * @default false
                     */
                    leave_paused?: boolean;
                };
            };
        };
        responses: {
            /** @description The domain after it was saved */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body names no file */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The file is there, the domain's state does not allow it, or its guest does not suspend */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The file's path is not absolute */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend cannot save and restore, or not this domain */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    restoreDomain: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Absolute path of a saved domain */
                    file: string;
                    /** @default false */
                    start_paused?: boolean;
                    /** @description Another name than the one that it was saved with */
                    name?: string;
                };
            };
        };
        responses: {
            /** @description The domain is restored */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body names no file */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The name or the uuid belongs to another domain */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The file is not a saved domain, is damaged, or says what cannot be had */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend cannot save and restore, or not this domain */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The hypervisor cannot be reached, or the host's network does not allow it */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host has not enough memory */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    migrateDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Name or address of the other host, for which its certificate is made out */
                    host: string;
                    /**
                     * @description Where its pvhd takes domains
                     * @default 8002
                     */
                    port?: number;
                    /**
                     * @description The guest runs on while its memory is sent, and suspends for the rest of it only
                     * @default true
                     */
                    live?: boolean;
                };
            };
        };
        responses: {
            /** @description What is left of the domain here */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Domain"];
                };
            };
            /** @description The body names no host */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A domain's state does not allow it, or something of it is taken on the other host */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The other host cannot have what the domain has */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A backend cannot migrate, or not this domain; or pvhd was started without certificates */
            501: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The other pvhd cannot be reached, or has broken off */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The other host's hypervisor or network does not allow it */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It is not known whether the domain runs there */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The other host has not enough memory */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDevices: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The devices */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"][];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    attachDisk: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": string | {
                    /** @description Image file or block device. In a text: the first value, or last as `target=...`, which takes the rest of the text, commas too. */
                    target: string;
                    /**
                     * @description Format of the image. Only QEMU serves those other than raw, on Xen hosts.
                     * @default raw
                     * @enum {string}
                     */
                    format?: "raw" | "qcow" | "qcow2" | "qed" | "vhd";
                    /** @description The virtual device by which the guest knows the disk. */
                    vdev: string;
                    /**
                     * @description Whether the guest may write.
                     * @enum {string}
                     */
                    access?: "w" | "rw" | "r" | "ro";
                    /**
                     * @description `cdrom` is a disk that cannot be written and says so. In a text also the flag `cdrom`.
                     * @default disk
                     * @enum {string}
                     */
                    devtype?: "disk" | "cdrom";
                    /**
                     * @description Whether the guest may give blocks back to the host, which makes holes in a file. In a text the flags `discard` and `no-discard`.
                     * @default true
                     */
                    discard?: boolean;
                    /**
                     * @description Whether an image file is read and written past the host's cache. In a text the flag `direct-io-safe`.
                     * @default false
                     */
                    direct_io_safe?: boolean;
                    /**
                     * @description What the guest is told about its back end. In a text the flags `trusted` and `untrusted`.
                     * @default true
                     */
                    trusted?: boolean;
                    /**
                     * @description Kind of back end: `phy` is the host's kernel, or the VMM on KVM; `qdisk` is QEMU, on Xen hosts.
                     * @enum {string}
                     */
                    backendtype?: "phy" | "qdisk";
                    /**
                     * @description Protocol between guest and back end.
                     * @enum {string}
                     */
                    specification?: "xen";
                };
            };
        };
        responses: {
            /** @description The disk is there; the guest takes it in its own time */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description The body is not JSON */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or the device is taken */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The device is not right, or its file cannot be used */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    detachDisk: {
        parameters: {
            query?: {
                /** @description true: without waiting for the guest to let go of it */
                force?: "true" | "false";
            };
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
                /** @description xvdb, or the disk's number */
                vdev: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The disk is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description force is neither true nor false */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain, or it has no such device */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or the guest does not let go */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    attachVif: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": string | {
                    /** @description Ethernet address of the interface in the guest. */
                    mac?: string;
                    /** @description The host's bridge that the interface is attached to. */
                    bridge?: string;
                    /** @description Name of the interface on the host. */
                    vifname?: string;
                    /** @description Addresses of the guest, for whoever reads them in the store. No firewall rule is made of them, as xl's script does. */
                    ip?: string;
                    /** @description Most that the guest may send: `b` is bits and `B` bytes, with K, M or G before it; behind `@` how often the credit is renewed, 50 ms when it is left out. */
                    rate?: string;
                    /** @description Largest packet in bytes, without the Ethernet header. */
                    mtu?: number;
                    /** @description Number of the interface in the guest. */
                    devid?: number;
                    /** @description What the guest is told about its back end. In a text the flags `trusted` and `untrusted`. */
                    trusted?: boolean;
                    /** @description Has no effect: it chooses an emulated card, and PVH guests have none. Other tools write it everywhere. */
                    model?: string;
                    /**
                     * @description Kind of interface.
                     * @enum {string}
                     */
                    type?: "vif";
                    /** @description No script is run. What xl's default script does is done without it, so its name is taken. */
                    script?: string;
                };
            };
        };
        responses: {
            /** @description The interface is there; the guest takes it in its own time */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
            /** @description The body is not JSON */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or the device is taken */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The device is not right, or its file cannot be used */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host's network does not allow it */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    detachVif: {
        parameters: {
            query?: {
                /** @description true: without waiting for the guest to let go of it */
                force?: "true" | "false";
            };
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
                /** @description devid or MAC address */
                vif: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The interface is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description force is neither true nor false */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such domain, or it has no such device */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The domain's state does not allow it, or the guest does not let go */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getConsoleLog: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The output */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openConsole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid, name or domid of the domain */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The WebSocket is open */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description There is no such domain */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request is no WebSocket upgrade */
            426: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHost: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The host */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Host"];
                };
            };
            /** @description A defect of pvhd or of the host; `code` says which */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}

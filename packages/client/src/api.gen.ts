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
        patch?: never;
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
    "/domains/{id}/destroy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End the domain now and keep its record */
        post: operations["destroyDomain"];
        delete?: never;
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
            /**
             * @description What happens after the guest has powered off: `destroy` ends the domain, `restart` starts it again.
             * @default destroy
             * @enum {string}
             */
            on_poweroff?: "destroy" | "restart";
            /**
             * @description What happens after the guest has asked for a reboot: `destroy` ends the domain, `restart` starts it again.
             * @default restart
             * @enum {string}
             */
            on_reboot?: "destroy" | "restart";
            /**
             * @description What happens after the guest has let its watchdog expire: `destroy` ends the domain, `restart` starts it again.
             * @default destroy
             * @enum {string}
             */
            on_watchdog?: "destroy" | "restart";
            /**
             * @description What happens after the guest has crashed: `destroy` ends the domain, `restart` starts it again.
             * @default destroy
             * @enum {string}
             */
            on_crash?: "destroy" | "restart";
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
             * @description What happens after the guest has powered off: `destroy` ends the domain, `restart` starts it again.
             * @default destroy
             * @enum {string}
             */
            on_poweroff: "destroy" | "restart";
            /**
             * @description What happens after the guest has asked for a reboot: `destroy` ends the domain, `restart` starts it again.
             * @default restart
             * @enum {string}
             */
            on_reboot: "destroy" | "restart";
            /**
             * @description What happens after the guest has let its watchdog expire: `destroy` ends the domain, `restart` starts it again.
             * @default destroy
             * @enum {string}
             */
            on_watchdog: "destroy" | "restart";
            /**
             * @description What happens after the guest has crashed: `destroy` ends the domain, `restart` starts it again.
             * @default destroy
             * @enum {string}
             */
            on_crash: "destroy" | "restart";
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
            name: string;
            /** @enum {string} */
            state: "creating" | "paused" | "running" | "shutting-down" | "rebooting" | "shutdown" | "crashed" | "destroyed" | "lost";
            /** @description MiB */
            memory: number;
            vcpus: number;
            /** @enum {string} */
            boot_interface?: "classic" | "direct";
            /** @enum {string} */
            platform?: "xen" | "bare";
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
        Domain: {
            /** Format: uuid */
            uuid: string;
            name: string;
            /** @enum {string} */
            state: "creating" | "paused" | "running" | "shutting-down" | "rebooting" | "shutdown" | "crashed" | "destroyed" | "lost";
            /** @description MiB */
            memory: number;
            vcpus: number;
            /** @enum {string} */
            boot_interface?: "classic" | "direct";
            /** @enum {string} */
            platform?: "xen" | "bare";
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
            /** @description The hypervisor's device file */
            device?: string;
            /** @description Answers of the hypervisor, 0 = absent */
            capabilities?: {
                [key: string]: number;
            };
            /** @description MiB that a new guest may have */
            memory_available?: number;
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
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In order of creation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DomainSummary"][];
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
                /** @description uuid or name of the domain */
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
                /** @description uuid or name of the domain */
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
    pauseDomain: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid or name of the domain */
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
                /** @description uuid or name of the domain */
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
                /** @description uuid or name of the domain */
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
                /** @description uuid or name of the domain */
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
    getConsoleLog: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description uuid or name of the domain */
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
                /** @description uuid or name of the domain */
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

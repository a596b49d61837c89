/*
 * What xenstored asks of Xen, so that the real daemon runs without it (LD_PRELOAD). A domain's ring page is a page of
 * this process; a thread moves bytes between the page and a client of the socket FAKE_XEN_DIR/domain-N. Domains 0 to
 * FAKE_XEN_DOMAINS - 1 exist.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xen/io/xs_wire.h>

#define MAX_DOMAINS 16
#define FIRST_PORT 100
#define DOM0_PORT "1\n"

struct guest {
	struct xenstore_domain_interface *page;
	/* Written by xenstored when it has moved the page's indices. */
	int notified;
	int listener;
};

static struct guest guests[MAX_DOMAINS];
/* Carries the ports that are pending to xenstored. */
static int pending[2] = { -1, -1 };
static int handle;

static void die(const char *what)
{
	perror(what);
	_exit(111);
}

/* The daemon goes with the test that has started it, however that ends. */
__attribute__((constructor)) static void end_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int existing_domains(void)
{
	const char *count = getenv("FAKE_XEN_DOMAINS");

	return count ? atoi(count) : 1;
}

/* Domain 0's own ring is there, but nobody uses it: the tests talk to xenstored's socket. */
int open(const char *path, int flags, ...)
{
	static int (*next)(const char *, int, ...);
	mode_t mode = 0;
	va_list arguments;

	if (flags & O_CREAT) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
	}
	if (!next)
		next = dlsym(RTLD_NEXT, "open");
	if (!strcmp(path, "/proc/xen/xsd_port")) {
		int file = memfd_create("xsd_port", 0);

		if (file < 0 || write(file, DOM0_PORT, strlen(DOM0_PORT)) < 0)
			die("xsd_port");
		lseek(file, 0, SEEK_SET);
		return file;
	}
	if (!strcmp(path, "/proc/xen/xsd_kva")) {
		int file = memfd_create("xsd_kva", 0);

		if (file < 0 || ftruncate(file, 4096))
			die("xsd_kva");
		return file;
	}
	return next(path, flags, mode);
}

xc_interface *xc_interface_open(xentoollog_logger *log, xentoollog_logger *other, unsigned flags)
{
	(void)log, (void)other, (void)flags;
	return (xc_interface *)&handle;
}

int xc_interface_close(xc_interface *xch)
{
	(void)xch;
	return 0;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first, unsigned int count, xc_dominfo_t *info)
{
	(void)xch, (void)count;
	if (first >= (uint32_t)existing_domains())
		return 0;
	memset(info, 0, sizeof(*info));
	info->domid = first;
	info->running = 1;
	return 1;
}

xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	if (pipe(pending))
		die("pipe");
	return (xenevtchn_handle *)&handle;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned flags)
{
	(void)logger, (void)fd, (void)flags;
	return NULL;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	(void)xce;
	return pending[0];
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid, evtchn_port_t port)
{
	(void)xce, (void)port;
	return FIRST_PORT + domid;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
	(void)xce, (void)virq;
	return FIRST_PORT - 1;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce, (void)port;
	return 0;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce, (void)port;
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	evtchn_port_t port;

	(void)xce;
	return read(pending[0], &port, sizeof(port)) == sizeof(port) ? (int)port : -1;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce;
	if (port > FIRST_PORT && port < FIRST_PORT + MAX_DOMAINS)
		eventfd_write(guests[port - FIRST_PORT].notified, 1);
	return 0;
}

xengnttab_handle *xengnttab_open(xentoollog_logger *logger, unsigned flags)
{
	(void)logger, (void)flags;
	return (xengnttab_handle *)&handle;
}

int xengnttab_close(xengnttab_handle *xgt)
{
	(void)xgt;
	return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t count)
{
	(void)xgt, (void)count;
	return 0;
}

static void kick(int domid)
{
	evtchn_port_t port = FIRST_PORT + domid;

	if (write(pending[1], &port, sizeof(port)) != sizeof(port))
		die("event");
}

/* Takes from the client what fits in the request ring. False at the end of the stream. */
static bool move_requests(int client, struct xenstore_domain_interface *page)
{
	uint32_t producer = page->req_prod;
	uint32_t consumer = __atomic_load_n(&page->req_cons, __ATOMIC_ACQUIRE);
	uint32_t room = XENSTORE_RING_SIZE - (producer - consumer);
	uint32_t start = MASK_XENSTORE_IDX(producer);
	ssize_t count;

	if (room > XENSTORE_RING_SIZE - start)
		room = XENSTORE_RING_SIZE - start;
	if (!room)
		return true;
	count = recv(client, page->req + start, room, MSG_DONTWAIT);
	if (count < 0)
		return errno == EAGAIN || errno == EINTR;
	__atomic_store_n(&page->req_prod, producer + count, __ATOMIC_RELEASE);
	return count > 0;
}

static bool move_responses(int client, struct xenstore_domain_interface *page)
{
	uint32_t consumer = page->rsp_cons;
	uint32_t available;

	while ((available = __atomic_load_n(&page->rsp_prod, __ATOMIC_ACQUIRE) - consumer)) {
		uint32_t start = MASK_XENSTORE_IDX(consumer);
		ssize_t count;

		if (available > XENSTORE_RING_SIZE - start)
			available = XENSTORE_RING_SIZE - start;
		count = send(client, page->rsp + start, available, MSG_NOSIGNAL);
		if (count <= 0)
			return false;
		consumer += count;
		__atomic_store_n(&page->rsp_cons, consumer, __ATOMIC_RELEASE);
	}
	return true;
}

static void *serve_guest(void *argument)
{
	struct guest *guest = argument;
	int client = accept(guest->listener, NULL, NULL);
	struct xenstore_domain_interface *page = guest->page;

	for (;;) {
		bool room = page->req_prod - page->req_cons < XENSTORE_RING_SIZE;
		struct pollfd fds[] = {
			{ .fd = client, .events = room ? POLLIN : 0 },
			{ .fd = guest->notified, .events = POLLIN },
		};
		eventfd_t ignored;

		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[1].revents)
			eventfd_read(guest->notified, &ignored);
		if (!move_requests(client, page) || !move_responses(client, page))
			return NULL;
		kick(guest - guests);
	}
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct guest *guest = &guests[domid % MAX_DOMAINS];
	pthread_t thread;

	(void)xgt, (void)ref;
	guest->page = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	guest->notified = eventfd(0, EFD_NONBLOCK);
	guest->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/domain-%u", getenv("FAKE_XEN_DIR"), domid);
	if (guest->page == MAP_FAILED || guest->notified < 0 || guest->listener < 0)
		die("guest");
	unlink(address.sun_path);
	if (bind(guest->listener, (struct sockaddr *)&address, sizeof(address)) || listen(guest->listener, 1))
		die(address.sun_path);
	if (pthread_create(&thread, NULL, serve_guest, guest))
		die("thread");
	return guest->page;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start, uint32_t count)
{
	(void)xgt, (void)start, (void)count;
	return 0;
}

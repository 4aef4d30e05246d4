/*
 * Listening sockets that outlive the app's process (--listen). We open them and never accept: between two processes connections
 * wait in the kernel, and nobody is refused. The app finds them as descriptors 3 and up (the convention of sd_listen_fds(3)).
 *
 * Since the port always listens, "served" is told by the app, by READY=1 (sd_notify(3)), or by the kernel: a connection of our own
 * waits in the queue, and as soon as it belongs to a file, a program has accepted it.
 */
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	MOST_HELD = 16,
	FIRST_HANDED_OVER = 3,
	/* how often we look whether our connection was accepted: closely, then less and less, then no more */
	CLOSE_MS = 2,
	CLOSE_FOR_MS = 5000,
	SELDOM_MS = 50,
	SELDOM_FOR_MS = 600000,
};

static struct listen_address addresses[MOST_HELD];
static int sockets[MOST_HELD];
static int count;

static int notify = -1;
static char notify_name[32]; /* as NOTIFY_SOCKET has it: '@' for the abstract namespace */

static int knock = -1; /* our own connection to the first of them */
static int netlink = -1;
static long long knocked_at;
static bool ready, blind;

/* A sentence about what is wrong with it, or NULL. */
const char *held_add(const char *text)
{
	if (count == MOST_HELD)
		return "there are too many of them";
	return parse_listen(text, &addresses[count]) ? (count++, NULL) : "it is ADDRESS:PORT such as :8080, 127.0.0.1:8080 or [::1]:8080";
}

int held_count(void)
{
	return count;
}

long held_port(int i)
{
	return addresses[i].port;
}

static int open_notify(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t size = sizeof at;
	int on = 1, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* Bound without a name, the kernel gives a free one in the abstract namespace: no file, so no writable directory is needed. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at.sun_family) != 0 || getsockname(fd, (struct sockaddr *)&at, &size) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 || size <= sizeof at.sun_family + 1U || size - sizeof at.sun_family >= sizeof notify_name) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	size -= (socklen_t)sizeof at.sun_family;
	memcpy(notify_name, at.sun_path, size);
	notify_name[0] = '@';
	notify_name[size] = '\0';
	return fd;
}

/* Opens all of them. Returns an exit code; what is wrong has been said. */
int held_open(void)
{
	for (int i = 0; i < count; i++) {
		sockets[i] = open_listener(addresses[i].address, addresses[i].port, false, NULL);
		if (sockets[i] < 0)
			return fail("port %ld%s%s can't be listened on: %s", addresses[i].port, *addresses[i].address ? " of " : "", addresses[i].address, strerror(errno));
	}
	if (count > 0)
		notify = open_notify();
	return EXIT_OK;
}

/* In the new process, before it becomes the app. */
void held_hand_over(void)
{
	char number[16], names[MOST_HELD * 6 + 1];
	size_t used = 0;

	if (count == 0)
		return;
	for (int i = 0; i < count; i++) {
		fcntl(sockets[i], F_SETFL, 0); /* the one before may have made it non-blocking: that is shared */
		if (dup2(sockets[i], FIRST_HANDED_OVER + i) < 0)
			_exit(126);
		used += (size_t)snprintf(names + used, sizeof names - used, "%s%ld", i == 0 ? "" : ":", addresses[i].port);
	}
	snprintf(number, sizeof number, "%d", count);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	snprintf(number, sizeof number, "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	if (notify >= 0)
		setenv("NOTIFY_SOCKET", notify_name, 1);
}

static void stop_knocking(void)
{
	if (knock >= 0)
		close(knock);
	if (netlink >= 0)
		close(netlink);
	knock = netlink = -1;
}

static void start_knocking(void)
{
	struct sockaddr_storage at;
	socklen_t size = sizeof at;
	struct sockaddr_in *four = (struct sockaddr_in *)&at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&at;

	if (getsockname(sockets[0], (struct sockaddr *)&at, &size) != 0)
		return;
	if (at.ss_family == AF_INET && four->sin_addr.s_addr == htonl(INADDR_ANY)) {
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else if (at.ss_family == AF_INET6 && memcmp(&six->sin6_addr, &in6addr_any, sizeof in6addr_any) == 0) {
		in_port_t port = six->sin6_port;

		*four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		size = sizeof *four;
	}
	netlink = diag_open();
	knock = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (netlink < 0 || knock < 0 || (connect(knock, (struct sockaddr *)&at, size) != 0 && errno != EINPROGRESS)) {
		stop_knocking();
		blind = true;
		return;
	}
	shutdown(knock, SHUT_WR); /* who accepts it need not wait for a request */
}

static bool accepted(void)
{
	struct sockaddr_storage server, client;
	socklen_t size = sizeof server;
	char byte;

	if (knock < 0)
		return false;
	if (recv(knock, &byte, 1, MSG_PEEK) >= 0 || (errno != EAGAIN && errno != ENOTCONN))
		return true; /* an answer, or closed: somebody had it */
	if (getpeername(knock, (struct sockaddr *)&server, &size) != 0)
		return false; /* the queue is full */
	size = sizeof client;
	if (getsockname(knock, (struct sockaddr *)&client, &size) != 0)
		return false;
	switch (diag_accepted(netlink, &server, &client)) {
	case 0:
		return false;
	case 1:
		return true;
	default:
		stop_knocking();
		blind = true;
		return false;
	}
}

/* A new process is about to start. */
void held_begin(void)
{
	char late[64];

	if (count == 0)
		return;
	while (notify >= 0 && recv(notify, late, sizeof late, 0) >= 0)
		; /* from the one before */
	if (knock < 0 || accepted()) {
		stop_knocking();
		blind = false;
		start_knocking();
	}
	ready = false;
	knocked_at = now_ms();
}

/* It is gone. A connection of ours that it left in the queue is for the next one: they don't pile up. */
void held_end(void)
{
	ready = true;
}

bool held_says_ready(const char *text, size_t size)
{
	for (const char *end = text + size; text < end; text++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		stop = stop == NULL ? end : stop;
		if (stop - text == 7 && memcmp(text, "READY=1", 7) == 0)
			return true;
		text = stop;
	}
	return false;
}

/* The port's network is shared by all containers of the pod, and so are abstract names: only a process that we can see counts. */
static bool told(void)
{
	char text[512];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	bool said = false;

	for (int i = 0; i < 32; i++) {
		struct iovec part = {.iov_base = text, .iov_len = sizeof text};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(notify, &message, MSG_CMSG_CLOEXEC);
		struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
		struct ucred from = {0};

		if (n < 0)
			return said;
		if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&from, CMSG_DATA(c), sizeof from);
		said = said || (from.pid > 0 && held_says_ready(text, (size_t)n));
	}
	return said;
}

/* Drains what the app says, and is true once: when the app serves. */
bool held_look(void)
{
	bool word = notify >= 0 && told();

	if (count == 0 || ready || (!word && !blind && !accepted()))
		return false;
	if (!word && blind)
		say("this kernel doesn't tell when a connection is accepted: without READY=1 the app counts as served from its start");
	ready = true;
	stop_knocking();
	return true;
}

int held_notify(void)
{
	return notify;
}

/* Milliseconds until the next look is due; -1: nothing to look for. */
int held_timeout(long long now)
{
	if (count == 0 || ready || now > knocked_at + SELDOM_FOR_MS)
		return -1;
	return blind ? 0 : now < knocked_at + CLOSE_FOR_MS ? CLOSE_MS : SELDOM_MS;
}

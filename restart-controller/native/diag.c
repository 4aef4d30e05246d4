/* What the kernel tells of TCP sockets, by netlink (sock_diag): microseconds, where /proc/net/tcp walks the whole table. */
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, which musl's headers come without */
	SOCK_DIAG = 4,
	DIAG_BY_FAMILY = 20,
	REQUEST = 0x1,
	REQUEST_AND_DUMP = 0x301,
	END_OF_DUMP = 3,
	ERROR_MESSAGE = 2,
	STATE_LISTEN = 10,
};

struct head {
	uint32_t size;
	uint16_t type, flags;
	uint32_t sequence, sender;
};
struct socket_id {
	uint16_t source_port, destination_port;
	uint32_t source[4], destination[4], interface, cookie[2];
};
struct question {
	struct head head;
	uint8_t family, protocol, extensions, unused;
	uint32_t states;
	struct socket_id id;
};
struct answer {
	uint8_t family, state, timer, retransmits;
	struct socket_id id;
	uint32_t expires, receive_queue, write_queue, uid, inode;
};

/* Returns a descriptor, or -1 with errno. */
int diag_open(void)
{
	return socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, SOCK_DIAG);
}

static void add(struct inodes *f, uint32_t inode)
{
	size_t at = f->count;

	if (at == MOST_LISTENERS)
		return;
	for (; at > 0 && f->inode[at - 1] > inode; at--)
		f->inode[at] = f->inode[at - 1];
	f->inode[at] = inode;
	f->count++;
}

/*
 * Takes the messages of one datagram: the inodes of sockets whose own port (in network order) that is. 1 when the dump is over,
 * 0 when more will come, -1 with errno.
 */
int diag_take(const char *data, size_t size, uint16_t port, struct inodes *f)
{
	while (size >= sizeof(struct head)) {
		struct head head;
		struct answer answer;
		size_t step;

		memcpy(&head, data, sizeof head);
		if (head.size < sizeof head || head.size > size)
			break;
		if (head.type == END_OF_DUMP)
			return 1;
		if (head.type == ERROR_MESSAGE) {
			int32_t code = -EIO;

			if (head.size >= sizeof head + sizeof code)
				memcpy(&code, data + sizeof head, sizeof code);
			errno = -code;
			return -1;
		}
		if (head.size >= sizeof head + sizeof answer) {
			memcpy(&answer, data + sizeof head, sizeof answer);
			if (answer.id.source_port == port)
				add(f, answer.inode);
		}
		step = (head.size + 3U) & ~3U;
		if (step >= size)
			return 0;
		data += step;
		size -= step;
	}
	return 0;
}

static ssize_t ask(int netlink, const struct question *q, char *buffer, size_t size)
{
	ssize_t got;

	if (send(netlink, q, sizeof *q, 0) != (ssize_t)sizeof *q)
		return -1;
	do
		got = recv(netlink, buffer, size, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

static bool dump(int netlink, uint8_t family, uint16_t port, struct inodes *f)
{
	struct question q = {.head = {.size = sizeof q, .type = DIAG_BY_FAMILY, .flags = REQUEST_AND_DUMP}, .family = family, .protocol = IPPROTO_TCP, .states = 1U << STATE_LISTEN};
	char buffer[16384];
	ssize_t got = ask(netlink, &q, buffer, sizeof buffer);

	while (got > 0) {
		int over = diag_take(buffer, (size_t)got, port, f);

		if (over != 0)
			return over > 0;
		do
			got = recv(netlink, buffer, sizeof buffer, 0);
		while (got < 0 && errno == EINTR);
	}
	return false;
}

/* The inodes of what listens on the port, smallest first. False with errno when the kernel doesn't tell. */
bool diag_listeners(int netlink, long port, struct inodes *f)
{
	uint16_t number = htons((uint16_t)port);

	f->count = 0;
	if (!dump(netlink, AF_INET, number, f))
		return false;
	/* A kernel without IPv6 has none to tell. */
	return dump(netlink, AF_INET6, number, f) || errno == ENOENT || errno == EAFNOSUPPORT;
}

/* The same, for who asks once. */
bool listeners_on(long port, struct inodes *f)
{
	int netlink = diag_open();
	bool told = netlink >= 0 && diag_listeners(netlink, port, f);

	if (netlink >= 0)
		close(netlink);
	return told;
}

static void fill(const struct sockaddr_storage *at, uint16_t *port, uint32_t address[4])
{
	if (at->ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)at;
		*port = six->sin6_port;
		memcpy(address, &six->sin6_addr, sizeof six->sin6_addr);
	} else {
		const struct sockaddr_in *four = (const struct sockaddr_in *)at;
		*port = four->sin_port;
		memcpy(address, &four->sin_addr, sizeof four->sin_addr);
	}
}

/*
 * Has a program accepted this connection? `server` and `client` are its two ends on this machine. A connection that still waits
 * in the listener's queue belongs to no file yet: its inode is 0. -1 with errno when the kernel doesn't tell.
 */
int diag_accepted(int netlink, const struct sockaddr_storage *server, const struct sockaddr_storage *client)
{
	struct question q = {.head = {.size = sizeof q, .type = DIAG_BY_FAMILY, .flags = REQUEST}, .family = (uint8_t)server->ss_family, .protocol = IPPROTO_TCP, .states = ~0U, .id.cookie = {~0U, ~0U}};
	struct inodes f = {.count = 0};
	char buffer[4096];
	ssize_t got;

	fill(server, &q.id.source_port, q.id.source);
	fill(client, &q.id.destination_port, q.id.destination);
	got = ask(netlink, &q, buffer, sizeof buffer);
	if (got <= 0)
		return -1;
	if (diag_take(buffer, (size_t)got, q.id.source_port, &f) < 0)
		return errno == ENOENT ? 0 : -1;
	return f.count == 1 && f.inode[0] != 0;
}

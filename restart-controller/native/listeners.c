/* kit listeners: which sockets listen on a TCP port, told at every change. */
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char listeners_help[] =
	"kit listeners PORT\n\n"
	"Prints a line with the inodes of the sockets that listen on PORT in this network namespace, smallest first (an empty line: nobody\n"
	"listens), at once and after every change. Looks every 1000 ms; a number written to its stdin is the new time between looks in\n"
	"milliseconds (1 to 60000). Ends when its stdin ends.\n\n"
	"Asks the kernel by netlink for listening sockets only: 0.04 ms a look. Reading /proc/net/tcp walks the table of all connections\n"
	"of the machine: 5 to 40 ms a look.\n\n"
	"Example: kit listeners 8080 </dev/tty\n";

enum {
	/* linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, which musl's headers come without */
	SOCK_DIAG = 4,
	DIAG_BY_FAMILY = 20,
	REQUEST_AND_DUMP = 0x301,
	END_OF_DUMP = 3,
	ERROR_MESSAGE = 2,
	STATE_LISTEN = 10,

	MOST = LISTENERS_MOST,
	FIRST_LOOK_MS = 1000,
	SLOWEST_MS = 60000,
};

struct head {
	uint32_t size;
	uint16_t type, flags;
	uint32_t sequence, sender;
};
struct question {
	struct head head;
	uint8_t family, protocol, extensions, unused;
	uint32_t states;
	uint8_t socket[48];
};
struct answer {
	uint8_t family, state, timer, retransmits;
	uint16_t source_port, destination_port;
	uint32_t addresses[8], interface, cookie[2];
	uint32_t expires, receive_queue, write_queue, uid, inode;
};
struct found {
	uint32_t inode[MOST];
	size_t count;
};

static void add(struct found *f, uint32_t inode)
{
	size_t at = f->count;

	if (at == MOST)
		return;
	for (; at > 0 && f->inode[at - 1] > inode; at--)
		f->inode[at] = f->inode[at - 1];
	f->inode[at] = inode;
	f->count++;
}

/* Takes the messages of one datagram; 1 when the dump is over, 0 when more will come, -1 with errno. */
static int take(const char *data, size_t size, uint16_t port, struct found *f)
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
			if (answer.source_port == port)
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

static bool dump(int netlink, uint8_t family, uint16_t port, struct found *f)
{
	struct question q;
	char buffer[16384];

	memset(&q, 0, sizeof q);
	q.head.size = sizeof q;
	q.head.type = DIAG_BY_FAMILY;
	q.head.flags = REQUEST_AND_DUMP;
	q.family = family;
	q.protocol = IPPROTO_TCP;
	q.states = 1U << STATE_LISTEN;
	if (send(netlink, &q, sizeof q, 0) != (ssize_t)sizeof q)
		return false;
	for (;;) {
		ssize_t got = recv(netlink, buffer, sizeof buffer, 0);
		int over;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		over = take(buffer, (size_t)got, port, f);
		if (over != 0)
			return over > 0;
	}
}

/* The inodes that listen on the port; -1 with errno when the kernel doesn't tell. */
int listeners_on(long port, unsigned inode[LISTENERS_MOST])
{
	struct found f = {.count = 0};
	int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, SOCK_DIAG);
	bool told = netlink >= 0 && dump(netlink, AF_INET, htons((uint16_t)port), &f) &&
		(dump(netlink, AF_INET6, htons((uint16_t)port), &f) || errno == ENOENT || errno == EAFNOSUPPORT);

	if (netlink >= 0)
		close(netlink);
	for (size_t i = 0; i < f.count; i++)
		inode[i] = f.inode[i];
	return told ? (int)f.count : -1;
}

static bool print_found(const struct found *f)
{
	char line[MOST * 11 + 2];
	size_t used = 0;

	for (size_t i = 0; i < f->count; i++)
		used += (size_t)snprintf(line + used, sizeof line - used, "%s%u", i == 0 ? "" : " ", f->inode[i]);
	line[used++] = '\n';
	return write_all(STDOUT_FILENO, line, used);
}

/* The last whole number that was written counts; false at the end of stdin. */
static bool read_pace(int *pace)
{
	char text[256];
	ssize_t got = read(STDIN_FILENO, text, sizeof text - 1);
	char *line;

	if (got <= 0)
		return got < 0 && (errno == EINTR || errno == EAGAIN);
	text[got] = '\0';
	for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		long wanted;

		if (parse_number(line, 1, SLOWEST_MS, &wanted))
			*pace = (int)wanted;
	}
	return true;
}

int listeners_main(int argc, char **argv)
{
	struct found last = {.count = MOST + 1};
	int netlink, pace = FIRST_LOOK_MS;
	long number;
	uint16_t port;

	if (argc != 2)
		return usage("give one port");
	if (!parse_number(argv[1], 1, 65535, &number))
		return usage("\"%s\" is not a port: 1 to 65535", argv[1]);
	port = htons((uint16_t)number);
	netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, SOCK_DIAG);
	if (netlink < 0)
		return fail("the kernel can't be asked for its sockets: %s", strerror(errno));
	for (;;) {
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
		struct found now = {.count = 0};

		if (!dump(netlink, AF_INET, port, &now))
			return fail("the kernel doesn't tell its sockets: %s", strerror(errno));
		/* A kernel without IPv6 has none to tell. */
		if (!dump(netlink, AF_INET6, port, &now) && errno != ENOENT && errno != EAFNOSUPPORT)
			return fail("the kernel doesn't tell its sockets: %s", strerror(errno));
		if (now.count != last.count || memcmp(now.inode, last.inode, now.count * sizeof *now.inode) != 0) {
			if (!print_found(&now))
				return EXIT_OK;
			last = now;
		}
		if (poll(&in, 1, pace) > 0 && !read_pace(&pace))
			return EXIT_OK;
	}
}

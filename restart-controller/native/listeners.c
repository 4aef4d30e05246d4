/* kit listeners: which sockets listen on a TCP port, told at every change. */
#include "kit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char listeners_help[] =
	"kit listeners PORT\n\n"
	"Prints a line with the inodes of the sockets that listen on PORT in this network namespace, smallest first (an empty line: nobody\n"
	"listens), at once and after every change. Looks every 1000 ms; a number written to its stdin is the new time between looks in\n"
	"milliseconds (1 to 60000). Ends when its stdin ends.\n\n"
	"Asks the kernel by netlink for listening sockets only: 0.04 ms a look. Reading /proc/net/tcp walks the table of all connections\n"
	"of the machine: 5 to 40 ms a look.\n\n"
	"Example: kit listeners 8080 </dev/tty\n";

enum { FIRST_LOOK_MS = 1000, SLOWEST_MS = 60000 };

static bool print_found(const struct inodes *f)
{
	char line[MOST_LISTENERS * 11 + 2];
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
	struct inodes last = {.count = MOST_LISTENERS + 1};
	int netlink, pace = FIRST_LOOK_MS;
	long number;

	if (argc != 2)
		return usage("give one port");
	if (!parse_number(argv[1], 1, 65535, &number))
		return usage("\"%s\" is not a port: 1 to 65535", argv[1]);
	netlink = diag_open();
	if (netlink < 0)
		return fail("the kernel can't be asked for its sockets: %s", strerror(errno));
	for (;;) {
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
		struct inodes now;

		if (!diag_listeners(netlink, number, &now))
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

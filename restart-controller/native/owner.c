/*
 * kit owner: which processes of this container listen on a port. Containers of a pod share the ports and not the processes: run beside the
 * IDE it names what was started in a terminal there, and never the app.
 */
#include "kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char owner_help[] =
	"kit owner PORT\n\n"
	"Prints a line for each socket that listens on PORT and is held by a process of this container and user:\n"
	"  port 8080 is held by \"node server.js\" (pid 4321) in this container\n"
	"Nothing is printed for sockets of other containers of the pod. Exit code 0, also when there are none.\n\n"
	"Example: kit owner 8080\n";

/* What was typed, about: arguments with spaces between, nothing that a terminal would obey. */
static void command_of(const char *pid, char *out, size_t size)
{
	char path[64];
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (fd >= 0)
		close(fd);
	while (n > 0 && out[n - 1] == '\0')
		n--;
	for (ssize_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f || out[i] == '"')
			out[i] = ' ';
	out[n > 0 ? n : 0] = '\0';
}

/* The inodes among these that the process holds are told and struck out. */
static int tell_held(int to, long port, const char *pid, struct inodes *listening)
{
	char path[300], link[64], command[81];
	DIR *fds;
	struct dirent *entry;
	int told = 0;

	snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
	fds = opendir(path); /* another user's are not ours to see */
	if (fds == NULL)
		return 0;
	while ((entry = readdir(fds)) != NULL) {
		ssize_t n = readlinkat(dirfd(fds), entry->d_name, link, sizeof link - 1);
		uint32_t found;

		link[n > 0 ? n : 0] = '\0';
		if (strncmp(link, "socket:[", 8) != 0)
			continue;
		found = (uint32_t)strtoul(link + 8, NULL, 10);
		for (size_t i = 0; i < listening->count; i++) {
			if (listening->inode[i] != found || found == 0)
				continue;
			listening->inode[i] = 0;
			command_of(pid, command, sizeof command);
			dprintf(to, "port %ld is held by \"%s\" (pid %s) in this container\n", port, command, pid);
			told++;
		}
	}
	closedir(fds);
	return told;
}

/* How many were told; -1 with errno when the kernel doesn't say who listens. */
int owner_print(int to, long port)
{
	struct inodes listening;
	int told = 0;
	DIR *processes;
	struct dirent *entry;

	if (!listeners_on(port, &listening))
		return -1;
	if (listening.count == 0)
		return 0;
	processes = opendir("/proc");
	if (processes == NULL)
		return -1;
	while ((entry = readdir(processes)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			told += tell_held(to, port, entry->d_name, &listening);
	closedir(processes);
	return told;
}

int owner_main(int argc, char **argv)
{
	long port;

	if (argc != 2)
		return usage("give one port");
	if (!parse_number(argv[1], 1, 65535, &port))
		return usage("\"%s\" is not a port: 1 to 65535", argv[1]);
	if (owner_print(STDOUT_FILENO, port) < 0)
		return fail("who listens can't be found out: %s", strerror(errno));
	return EXIT_OK;
}

/* kit: one static program, several calls. Each call is a file of its own. */
#include "kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name, *does, *help;
	int (*run)(int argc, char **argv);
} calls[] = {
	{"install", "puts the kit and the liveness files onto their volumes (init container)", install_help, install_main},
	{"copy", "fills the source volume from the image, never over existing files (init container)", copy_help, copy_main},
	{"live", "answers the kubelet's liveness probe from a file (native sidecar)", live_help, live_main},
	{"probe", "the same check as an exec probe", probe_help, probe_main},
	{"init", "PID 1 of the IDE container: keeps its commands running", init_help, init_main},
	{"supervise", "PID 1 of the app container: restarts the app process on request", supervise_help, supervise_main},
	{"listeners", "tells which sockets listen on a port (the helper's eyes)", listeners_help, listeners_main},
	{"ask", "has the helper run a command (what `restart` is, in the IDE's terminal)", ask_help, ask_main},
	{"owner", "names the processes of this container that listen on a port", owner_help, owner_main},
};

static int print(const char *text)
{
	return write_all(STDOUT_FILENO, text, strlen(text)) ? EXIT_OK : EXIT_FAILED;
}

static int help(void)
{
	char text[2048];
	int used = snprintf(text, sizeof text, "kit " KIT_VERSION ": the part of inpod that runs inside the containers of a workspace\n\n");

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		used += snprintf(text + used, sizeof text - (size_t)used, "  kit %-10s %s\n", calls[i].name, calls[i].does);
	snprintf(text + used, sizeof text - (size_t)used,
		"\n`kit CALL --help` says more, `kit --version` which one this is.\n"
		"Exit codes: 0 done, 1 failed, 2 wrong usage.\n");
	return print(text);
}

int main(int argc, char **argv)
{
	int fd;

	/* Started with a closed stdin, stdout or stderr, the next file opened would take its place. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);

	if (argc < 2)
		return usage("which call?");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0)
		return print("kit " KIT_VERSION "\n");
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (strcmp(argv[1], calls[i].name) != 0)
			continue;
		if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0))
			return print(calls[i].help);
		call_name = calls[i].name;
		return calls[i].run(argc - 1, argv + 1);
	}
	return usage("there is no call \"%s\"", argv[1]);
}

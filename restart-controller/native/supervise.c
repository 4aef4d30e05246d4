/*
 * kit supervise: PID 1 of the app container. Restarts the app's process group on request, in place, in milliseconds; otherwise
 * as good as not there: signals, stdin, output and exit code pass through. Here is what it can be told; lifecycle.c does it.
 */
#include "kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char supervise_help[] =
	"kit supervise [--dir DIR] [--grace 2s] [--on-crash hold|exit] [--log-bytes N]\n"
	"              [--port N]... [--listen ADDRESS:PORT]... [--live PORT]\n"
	"              [--swap-port A,B [--swap-env NAME]]\n"
	"              [--default-env NAME[,UNLESS...]=VALUE]... -- CMD...\n\n"
	"Runs CMD in a process group of its own, reaps, passes signals, stdin and the exit code on (128+n for a signal).\n"
	"  --dir DIR         control, state and log are here (without it there are none):\n"
	"                      control     FIFO; lines `restart [now] [id=ID]`, `stop`, `start`; others are ignored and counted\n"
	"                      state.json  one line, replaced as a whole\n"
	"                      log, log.1  the last output (stdout and stderr, in order); it also goes to our own stdout\n"
	"  --grace TIME      a restart is SIGTERM to the group, SIGKILL after TIME (default 2s), then CMD again; `now`: SIGKILL at once\n"
	"  --on-crash hold   (default) when CMD ends by itself, wait for the next restart or start; exit: end with its exit code\n"
	"  --log-bytes N     for both log files together (default 1048576)\n"
	"  --port N          a port that CMD binds: it is started again when nothing of the old one listens there, or after 1 s\n"
	"  --listen A:PORT   also :PORT and [::1]:PORT. The socket is ours and stays open over restarts, CMD gets it as descriptor 3 (the\n"
	"                    next ones 4, 5, ...) with LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES (the port): connections wait, none is\n"
	"                    refused. readyAt in state.json: CMD accepts from the first of them, or said READY=1 to NOTIFY_SOCKET\n"
	"  --live PORT       every GET there is answered with 200 while supervise runs: a liveness probe's httpGet\n"
	"  --swap-port A,B   CMD runs on port A (`{port}` in its words, or --swap-env's variable). More lines for control: `swap [id=ID]`\n"
	"                    starts another beside it on B, `commit` makes that one the present one and stops the old one, `abort` kills\n"
	"                    it. state.json: port, beside {pid, port, phase, exit}, retiring. One that dies beside changes nothing;\n"
	"                    when CMD itself ends, so does the one beside it\n"
	"  --default-env ... gives CMD the variable NAME, unless it or one of the UNLESS is in the environment: what the image or its\n"
	"                    user has set stays\n"
	"SIGTERM and SIGINT go to the group; when CMD has ended its exit code is ours.\n";

/* "NAME[,UNLESS...]=VALUE"; false where it isn't that. An empty variable is one that somebody has set. */
static bool default_variable(const char *given)
{
	const char *value = strchr(given, '=');
	size_t length = value == NULL ? 0 : (size_t)(value - given);
	char names[256], *name, *next;
	bool set = false;

	if (length == 0 || length >= sizeof names)
		return false;
	memcpy(names, given, length);
	names[length] = '\0';
	for (name = names; name != NULL; name = next) {
		next = strchr(name, ',');
		if (next != NULL)
			*next++ = '\0';
		if (*name == '\0')
			return false;
		set = set || getenv(name) != NULL;
	}
	return set || setenv(names, value + 1, 0) == 0;
}

int supervise_main(int argc, char **argv)
{
	struct supervise_options given = {.grace = 2000};
	long log_bytes = 1048576, port;
	const char *value, *wrong, *variable = NULL;
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if ((value = option(argv, &i, "--dir")) != NULL) {
			if (*value == '\0')
				return usage("--dir needs a directory");
			given.directory = value;
		} else if ((value = option(argv, &i, "--grace")) != NULL) {
			if (!parse_milliseconds(value, &given.grace))
				return usage("--grace is a time such as 2s or 500ms, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--on-crash")) != NULL) {
			if (strcmp(value, "hold") != 0 && strcmp(value, "exit") != 0)
				return usage("--on-crash is hold or exit, not \"%s\"", value);
			given.exit_on_crash = *value == 'e';
		} else if ((value = option(argv, &i, "--log-bytes")) != NULL) {
			if (!parse_number(value, 4096, 1L << 30, &log_bytes))
				return usage("--log-bytes is a number from 4096 to 1073741824, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--port")) != NULL) {
			if (!parse_number(value, 1, 65535, &port))
				return usage("--port is a number from 1 to 65535, not \"%s\"", value);
			if (!ports_add(port))
				return usage("--port %ld is one too many", port);
		} else if ((value = option(argv, &i, "--listen")) != NULL) {
			if ((wrong = held_add(value)) != NULL)
				return usage("--listen \"%s\": %s", value, wrong);
		} else if ((value = option(argv, &i, "--live")) != NULL) {
			if (!parse_number(value, 1, 65535, &given.live_port))
				return usage("--live is a port from 1 to 65535, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--swap-port")) != NULL) {
			if (!swap_ports(value))
				return usage("--swap-port is two different ports such as 18080,18081, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--swap-env")) != NULL) {
			if (*value == '\0' || strchr(value, '=') != NULL)
				return usage("--swap-env is a variable's name, not \"%s\"", value);
			swap_variable(value);
			variable = value;
		} else if ((value = option(argv, &i, "--default-env")) != NULL) {
			if (!default_variable(value))
				return usage("--default-env is NAME=VALUE or NAME,UNLESS=VALUE, not \"%s\"", value);
		} else {
			return usage("\"%s\" is no option; the command comes after `--`", argv[i]);
		}
	}
	if (i + 1 >= argc)
		return usage("which command? `kit supervise -- CMD...`");
	given.app = argv + i + 1;
	if (variable != NULL && !swap_configured())
		return usage("--swap-env %s needs --swap-port", variable);
	if (swap_configured() && held_count() > 0)
		return usage("--swap-port gives each process a port of its own, --listen one socket to all: choose one of them");
	if (swap_configured() && !swap_command(given.app))
		return fail("no memory");
	if (given.directory != NULL && output_open(log_bytes) != 0)
		return fail("no pipe for the app's output: %s", strerror(errno));
	return supervise(&given);
}

/*
 * kit live: answers the kubelet's liveness httpGet from the liveness file.
 *
 * The parent does nothing but hold the listening socket and the counts and start its child again when it ends: connections
 * that come meanwhile wait in the kernel. The child owns the rest.
 */
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char live_help[] =
	"kit live [--host ADDRESS] [--port 7779] [--threshold 2] NAME=FILE...\n\n"
	"Answers `GET /live/NAME`: 200 while FILE is present. A removed FILE is a restart request: the first probe that finds it\n"
	"missing puts it back, and this and the next probes get 503, as many as --threshold says (use it as failureThreshold too).\n"
	"Only a User-Agent that begins with `kube-probe/` changes anything; everybody else just sees how things are.\n"
	"Listens on every address, or on the one that --host says (IPv4 or IPv6).\n"
	"Makes no file at start: one that is missing then is a pending request. Ends on SIGTERM.\n";

struct target {
	const char *name, *file;
	struct liveness *state;
};

static struct target *targets;
static int target_count;
static long threshold = 2;

static bool respond(struct connection *c, const struct request *r)
{
	struct target *t = NULL;
	struct verdict v;

	if (!r->get) {
		connection_answer(c, 405, "only GET", !r->head);
		return true;
	}
	for (int i = 0; i < target_count; i++)
		if (strncmp(r->path, "/live/", 6) == 0 && strcmp(r->path + 6, targets[i].name) == 0)
			t = &targets[i];
	if (t == NULL) {
		connection_answer(c, 404, "no such path", true);
	} else if (!r->kubelet) {
		liveness_look(t->state, t->file, (int)threshold, &v);
		connection_answer(c, v.alive ? 200 : 503, v.why, true);
	} else if (connection_gone(c)) {
		return false; /* a probe that timed out long ago must not eat the request */
	} else {
		liveness_probe(t->state, t->file, (int)threshold, &v);
		if (!connection_answer(c, v.alive ? 200 : 503, v.why, true) && !v.alive)
			liveness_unsent(t->state);
		if (!v.alive)
			say("%s: %s", t->name, v.why);
	}
	return true;
}

static _Noreturn void serve(int listener)
{
	for (;;) {
		struct pollfd polls[1 + CONNECTIONS] = {{.fd = listener, .events = POLLIN}};
		nfds_t count = connections_poll(polls + 1);

		if (poll(polls, 1 + count, connections_timeout(now_ms())) < 0)
			continue;
		connections_read(polls + 1, count, respond);
		if (polls[0].revents != 0)
			connections_take(listener, respond);
	}
}

static pid_t start_child(int listener)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
	if (getppid() != parent)
		_exit(EXIT_OK);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(0);
	for (int i = 0; i < target_count; i++)
		liveness_recover(targets[i].state, targets[i].file, (int)threshold);
	serve(listener);
}

/* The parent: PID 1 of its container. */
static int keep(int listener)
{
	sigset_t wanted;
	pid_t child;
	long long started;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	signal(SIGCHLD, SIG_DFL);
	for (;;) {
		bool ended = false;
		started = now_ms();
		child = start_child(listener);
		if (child < 0) {
			poll(NULL, 0, 100); /* no memory or no pids left right now */
			continue;
		}
		while (!ended) {
			siginfo_t signal;
			int number = sigwaitinfo(&wanted, &signal);
			if (number == SIGTERM || number == SIGINT) {
				kill(child, SIGKILL);
				return EXIT_OK;
			}
			for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
				ended = ended || pid == child;
		}
		if (now_ms() - started < 20)
			poll(NULL, 0, 20); /* whatever kills it at birth: not a busy loop */
	}
}

static bool valid_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '-' || name[i] == '.' || name[i] == '_'))
			return false;
	return length > 0 && length < 64;
}

int live_main(int argc, char **argv)
{
	long port = 7779;
	int listener;
	long actual;
	unsigned char bytes[16];
	const char *value, *host = NULL;

	targets = calloc((size_t)argc, sizeof *targets);
	if (targets == NULL)
		return fail("no memory");
	for (int i = 1; i < argc; i++) {
		if ((value = option(argv, &i, "--port")) != NULL) {
			if (!parse_number(value, 0, 65535, &port))
				return usage("--port is a number from 0 to 65535, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--host")) != NULL) {
			if (inet_pton(AF_INET, value, bytes) != 1 && inet_pton(AF_INET6, value, bytes) != 1)
				return usage("--host is an address such as 127.0.0.1 or ::1, not \"%s\"", value);
			host = value;
		} else if ((value = option(argv, &i, "--threshold")) != NULL) {
			if (!parse_number(value, 1, 1000, &threshold))
				return usage("--threshold is a number from 1 to 1000, not \"%s\"", value);
		} else {
			char *equals = strchr(argv[i], '=');
			if (equals == NULL || equals[1] == '\0' || !valid_name(argv[i], (size_t)(equals - argv[i])))
				return usage("\"%s\" is not NAME=FILE with a name of a-z, 0-9, '-', '.' and '_'", argv[i]);
			*equals = '\0';
			for (int j = 0; j < target_count; j++)
				if (strcmp(targets[j].name, argv[i]) == 0)
					return usage("the name %s comes twice", argv[i]);
			targets[target_count++] = (struct target){.name = argv[i], .file = equals + 1};
		}
	}
	if (target_count == 0)
		return usage("which file? `kit live NAME=FILE...`");

	struct liveness *states = mmap(NULL, (size_t)target_count * sizeof *states, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (states == MAP_FAILED)
		return fail("no memory for the counts: %s", strerror(errno));
	for (int i = 0; i < target_count; i++)
		targets[i].state = &states[i];
	listener = open_listener(host, port, true, &actual);
	if (listener < 0)
		return fail("port %ld can't be used: %s; choose another with --port", port, strerror(errno));
	say("port %ld, %ld failing probe%s per request", actual, threshold, threshold == 1 ? "" : "s");
	return keep(listener);
}

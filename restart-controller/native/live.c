/*
 * kit live: answers the kubelet's liveness httpGet from the liveness file.
 *
 * The parent does nothing but hold the listening socket and the counts and start its child again when it ends: connections
 * that come meanwhile wait in the kernel. The child owns the rest.
 */
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

enum { CONNECTIONS = 32, PATIENCE_MS = 2000, LINGER_MS = 300 };

struct target {
	const char *name, *file;
	struct liveness *state;
};
struct connection {
	int fd; /* 0: free */
	bool answered;
	size_t used;
	long long deadline;
	char head[4096];
};

static struct connection connections[CONNECTIONS];
static struct target *targets;
static int target_count;
static long threshold = 2;

static void drop(struct connection *c)
{
	close(c->fd);
	c->fd = 0;
}

/* True if all of it is on its way: an answer is far smaller than any send buffer. */
static bool answer(struct connection *c, int status, const char *text, bool with_body)
{
	char message[512];
	const char *reason = status == 200 ? "OK" : status == 400 ? "Bad Request" : status == 404 ? "Not Found" : status == 405 ? "Method Not Allowed" : "Service Unavailable";
	int size = snprintf(message, sizeof message,
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nCache-Control: no-store\r\nConnection: close\r\n%s\r\n%s%s",
		status, reason, strlen(text) + 1, status == 405 ? "Allow: GET\r\n" : "", with_body ? text : "", with_body ? "\n" : "");
	bool sent = send(c->fd, message, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) == size;

	/* Closing with bytes unread would be a reset, which may overtake the answer: say "that's all" and let the other side close. */
	shutdown(c->fd, SHUT_WR);
	c->answered = true;
	c->deadline = now_ms() + LINGER_MS;
	return sent;
}

static bool gone(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN);
}

static void respond(struct connection *c, const struct request *r)
{
	struct target *t = NULL;
	struct verdict v;

	if (!r->get) {
		answer(c, 405, "only GET", !r->head);
		return;
	}
	for (int i = 0; i < target_count; i++)
		if (strncmp(r->path, "/live/", 6) == 0 && strcmp(r->path + 6, targets[i].name) == 0)
			t = &targets[i];
	if (t == NULL) {
		answer(c, 404, "no such path", true);
	} else if (!r->kubelet) {
		liveness_look(t->state, t->file, (int)threshold, &v);
		answer(c, v.alive ? 200 : 503, v.why, true);
	} else if (gone(c->fd)) {
		drop(c); /* a probe that timed out long ago must not eat the request */
	} else {
		liveness_probe(t->state, t->file, (int)threshold, &v);
		if (!answer(c, v.alive ? 200 : 503, v.why, true) && !v.alive)
			liveness_unsent(t->state);
		if (!v.alive)
			say("%s: %s", t->name, v.why);
	}
}

static void receive(struct connection *c)
{
	struct request r;
	int status;
	ssize_t n;

	if (c->answered) {
		n = recv(c->fd, c->head, sizeof c->head, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			drop(c);
		return;
	}
	n = recv(c->fd, c->head + c->used, sizeof c->head - c->used, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->used += (size_t)n;
	status = parse_request(c->head, c->used, &r);
	if (status == 200)
		respond(c, &r);
	else if (status != 0 || c->used == sizeof c->head)
		answer(c, 400, "not a request this understands", true);
}

/* However many slow clients there are, the newest connection gets a place: the oldest one makes room. */
static struct connection *place(void)
{
	struct connection *oldest = &connections[0];

	for (int i = 0; i < CONNECTIONS; i++) {
		if (connections[i].fd == 0)
			return &connections[i];
		if (connections[i].deadline < oldest->deadline)
			oldest = &connections[i];
	}
	drop(oldest);
	return oldest;
}

static void take_connections(int listener)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct connection *c;

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				poll(NULL, 0, 10); /* the machine is short of something: don't spin on it */
			return;
		}
		c = place();
		c->fd = fd;
		c->used = 0;
		c->answered = false;
		c->deadline = now_ms() + PATIENCE_MS;
		receive(c);
	}
}

static _Noreturn void serve(int listener)
{
	for (;;) {
		struct pollfd polls[1 + CONNECTIONS] = {{.fd = listener, .events = POLLIN}};
		struct connection *polled[1 + CONNECTIONS];
		long long now = now_ms(), next = -1;
		nfds_t count = 1;

		for (int i = 0; i < CONNECTIONS; i++) {
			struct connection *c = &connections[i];
			if (c->fd == 0)
				continue;
			if (next < 0 || c->deadline < next)
				next = c->deadline;
			polls[count] = (struct pollfd){.fd = c->fd, .events = POLLIN};
			polled[count++] = c;
		}
		if (poll(polls, count, next < 0 ? -1 : next <= now ? 0 : (int)(next - now)) < 0)
			continue;
		/* What has arrived is read before anyone is given up on: after a SIGSTOP of seconds everybody still gets an answer. */
		for (nfds_t i = 1; i < count; i++)
			if (polls[i].revents != 0)
				receive(polled[i]);
		if (polls[0].revents != 0)
			take_connections(listener);
		now = now_ms();
		for (nfds_t i = 1; i < count; i++)
			if (polled[i]->fd == polls[i].fd && polls[i].revents == 0 && polled[i]->deadline <= now)
				drop(polled[i]);
	}
}

/* Any address of both families, until --host says one. */
static struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
static struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = INADDR_ANY};
static int only_family;

static bool parse_host(const char *text)
{
	bool is_four = inet_pton(AF_INET, text, &four.sin_addr) == 1;

	only_family = is_four ? AF_INET : AF_INET6;
	return is_four || inet_pton(AF_INET6, text, &six.sin6_addr) == 1;
}

/* Dual-stack, or IPv4 alone where the kernel has no IPv6; a host's own family alone. Returns the port's socket, or -1 with errno. */
static int listen_on(long port, int *actual)
{
	const struct sockaddr *address = (const struct sockaddr *)&six;
	socklen_t size = sizeof six;
	int fd, on = 1, off = 0;

	six.sin6_port = four.sin_port = htons((uint16_t)port);
	for (int family = only_family == AF_INET ? AF_INET : AF_INET6;; family = AF_INET) {
		fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (family == AF_INET) {
			address = (const struct sockaddr *)&four;
			size = sizeof four;
		}
		if (fd >= 0) {
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
			if (family == AF_INET6)
				setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
			if (bind(fd, address, size) == 0 && listen(fd, 128) == 0)
				break;
		}
		if (family == AF_INET || only_family != 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
			return -1;
		if (fd >= 0)
			close(fd);
	}
	size = sizeof six;
	if (getsockname(fd, (struct sockaddr *)&six, &size) != 0)
		return -1;
	*actual = ntohs(six.sin6_port); /* same place in both families */
	return fd;
}

static pid_t start_child(int listener)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
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
	int listener, actual;
	const char *value;

	targets = calloc((size_t)argc, sizeof *targets);
	if (targets == NULL)
		return fail("no memory");
	for (int i = 1; i < argc; i++) {
		if ((value = option(argv, &i, "--port")) != NULL) {
			if (!parse_number(value, 0, 65535, &port))
				return usage("--port is a number from 0 to 65535, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--host")) != NULL) {
			if (!parse_host(value))
				return usage("--host is an address such as 127.0.0.1 or ::1, not \"%s\"", value);
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
	listener = listen_on(port, &actual);
	if (listener < 0)
		return fail("port %ld can't be used: %s; choose another with --port", port, strerror(errno));
	say("port %d, %ld failing probe%s per request", actual, threshold, threshold == 1 ? "" : "s");
	return keep(listener);
}

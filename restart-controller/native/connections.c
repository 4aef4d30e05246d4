/*
 * The few connections of a health probe: a table of fixed size, where the newest always gets a place and nobody is waited for
 * long. `live` and `supervise --live` answer through it.
 */
#include "kit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, LINGER_MS = 300 };

struct connection {
	int fd; /* 0: free */
	bool answered;
	size_t used;
	long long deadline;
	char head[4096];
};

static struct connection connections[CONNECTIONS];
static struct connection *polled[CONNECTIONS];

static void drop(struct connection *c)
{
	close(c->fd);
	c->fd = 0;
}

/* True if all of it is on its way: an answer is far smaller than any send buffer. */
bool connection_answer(struct connection *c, int status, const char *text, bool with_body)
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

bool connection_gone(const struct connection *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN);
}

static void receive(struct connection *c, respond_fn *respond)
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
	if (status == 200 && !respond(c, &r))
		drop(c);
	else if (status != 200 && (status != 0 || c->used == sizeof c->head))
		connection_answer(c, 400, "not a request this understands", true);
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

void connections_take(int listener, respond_fn *respond)
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
		receive(c, respond);
	}
}

/* Fills in what to wait for; returns how many. */
nfds_t connections_poll(struct pollfd polls[CONNECTIONS])
{
	nfds_t count = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		if (connections[i].fd == 0)
			continue;
		polls[count] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
		polled[count++] = &connections[i];
	}
	return count;
}

/* Milliseconds until the first of them is given up on; -1: there is none. */
int connections_timeout(long long now)
{
	long long next = -1;

	for (int i = 0; i < CONNECTIONS; i++)
		if (connections[i].fd != 0 && (next < 0 || connections[i].deadline < next))
			next = connections[i].deadline;
	return next < 0 ? -1 : next <= now ? 0 : (int)(next - now);
}

/* After the poll. What has arrived is read before anyone is given up on: after a SIGSTOP of seconds everybody still gets an answer. */
void connections_read(const struct pollfd *polls, nfds_t count, respond_fn *respond)
{
	long long now;

	for (nfds_t i = 0; i < count; i++)
		if (polls[i].revents != 0)
			receive(polled[i], respond);
	now = now_ms();
	for (nfds_t i = 0; i < count; i++)
		if (polled[i]->fd == polls[i].fd && polls[i].revents == 0 && polled[i]->deadline <= now)
			drop(polled[i]);
}

/*
 * kit ask: has the helper run a command of inpod's. The start of a Node program costs some 40 ms, more than the restart itself; this
 * one costs one or two.
 */
#include "kit.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

const char ask_help[] =
	"kit ask SOCKET NAME PROGRAM [ARG…] -- [WORD…]\n\n"
	"Has the helper behind the Unix socket SOCKET run its command NAME with the words, copies what it writes to stdout and stderr, and ends with\n"
	"its exit code. Where the helper isn't there, doesn't know the command, or goes away in between, PROGRAM ARG… WORD… takes this one's\n"
	"place, with the request's id in INPOD_REQUEST_ID: asked with it again, it is the same request.\n\n"
	"Example: kit ask /inpod/run/api.sock restart node inpod.mjs -- app --now\n";

enum {
	MOST_ASKED = 16384,
	MOST_HEAD = 8192,
	ANSWER_WITHIN_S = 10, /* until the answer begins; then a restart takes as long as it takes */
};

static char *const *program; /* PROGRAM ARG…, up to "--" */
static char *const *words;
static size_t program_count;

static char id[33];

/* Does not come back. */
static int become(void)
{
	char **whole;
	size_t count = 0;

	while (words[count] != NULL)
		count++;
	whole = calloc(program_count + count + 1, sizeof *whole);
	if (whole == NULL)
		return fail("no memory: %s", strerror(errno));
	memcpy(whole, program, program_count * sizeof *whole);
	memcpy(whole + program_count, words, count * sizeof *whole);
	setenv("INPOD_REQUEST_ID", id, 1);
	execvp(whole[0], whole);
	return fail("%s can't be run: %s", whole[0], strerror(errno));
}

static bool make_id(void)
{
	unsigned char random[16];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return false;
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	return true;
}

/* The whole request; 0: it doesn't fit. HTTP/1.0, so that the answer comes as it is and ends with the connection. */
static size_t compose(const char *name, char out[MOST_ASKED])
{
	static char body[MOST_ASKED - 512], word[MOST_ASKED - 512];
	const char *no_colour = getenv("NO_COLOR");
	bool colour = isatty(STDERR_FILENO) && (no_colour == NULL || *no_colour == '\0');
	size_t used;

	if (!json_escape(name, word, 256))
		return 0;
	used = (size_t)snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"%s\",\"colour\":%s,\"words\":[", id, word, colour ? "true" : "false");
	for (size_t i = 0; words[i] != NULL; i++) {
		if (!json_escape(words[i], word, sizeof word) || used + strlen(word) + 8 > sizeof body)
			return 0;
		used += (size_t)snprintf(body + used, sizeof body - used, "%s\"%s\"", i == 0 ? "" : ",", word);
	}
	used += (size_t)snprintf(body + used, sizeof body - used, "]}");
	return (size_t)snprintf(out, MOST_ASKED,
		"POST /-/api/command HTTP/1.0\r\nHost: inpod\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", used, body);
}

static int reach(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval within = {.tv_sec = ANSWER_WITHIN_S};
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within) == 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &within, sizeof within) == 0 &&
		connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

static void interrupted(int number)
{
	static const char sentence[] = "\nno longer waiting; a restart that was asked for goes on: `inpod restarts` tells how it ends\n";

	(void)number;
	if (write(STDERR_FILENO, sentence, sizeof sentence - 1) < 0)
		_exit(EXIT_FAILED);
	_exit(EXIT_FAILED);
}

static char data[16384];
static size_t have, at;

static bool more(int fd)
{
	ssize_t n;

	if (at == have)
		at = have = 0;
	do
		n = have < sizeof data ? read(fd, data + have, sizeof data - have) : -1;
	while (n < 0 && errno == EINTR && have < sizeof data);
	if (n > 0)
		have += (size_t)n;
	return n > 0;
}

/* "HTTP/1.1 200 …", headers, an empty line. False: refused, broken, or nothing in time. */
static bool head_says_yes(int fd)
{
	struct timeval patient = {0};
	const char *end;

	for (;;) {
		end = have == 0 ? NULL : memmem(data, have, "\r\n\r\n", 4);
		if (end != NULL)
			break;
		if (have >= MOST_HEAD || !more(fd))
			return false;
	}
	at = (size_t)(end - data) + 4;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patient, sizeof patient);
	return have > 12 && memcmp(data, "HTTP/1.", 7) == 0 && memcmp(data + 8, " 200", 4) == 0;
}

/* The line that begins a piece: "o 12" (stdout), "e 5" (stderr), "p 8080" (name who holds the port, here), "x 0" (exit code). */
static bool piece(int fd, char *kind, long *number)
{
	char line[24];
	size_t size = 0;

	for (;;) {
		if (at == have && !more(fd))
			return false;
		if (data[at] == '\n')
			break;
		if (size == sizeof line - 1)
			return false;
		line[size++] = data[at++];
	}
	at++;
	line[size] = '\0';
	*kind = line[0];
	return size > 2 && line[1] == ' ' && parse_number(line + 2, 0, INT_MAX, number);
}

static bool copy_out(int fd, int to, size_t size)
{
	while (size > 0) {
		size_t part;

		if (at == have && !more(fd))
			return false;
		part = have - at < size ? have - at : size;
		if (!write_all(to, data + at, part))
			exit(EXIT_FAILED); /* nobody reads any more */
		at += part;
		size -= part;
	}
	return true;
}

int ask_main(int argc, char **argv)
{
	static char request[MOST_ASKED];
	struct sigaction on_interrupt = {.sa_handler = interrupted};
	size_t size;
	char kind;
	long number;
	int fd;

	if (argc < 5)
		return usage("give SOCKET NAME PROGRAM -- and the words");
	program = argv + 3;
	while (program[program_count] != NULL && strcmp(program[program_count], "--") != 0)
		program_count++;
	if (program_count == 0 || program[program_count] == NULL)
		return usage("give a PROGRAM and a -- before the words");
	words = program + program_count + 1;

	fd = make_id() ? reach(argv[1]) : -1;
	size = fd < 0 ? 0 : compose(argv[2], request);
	if (size == 0)
		return become();
	sigaction(SIGINT, &on_interrupt, NULL);
	if (!send_all(fd, request, size) || !head_says_yes(fd))
		return become();
	while (piece(fd, &kind, &number)) {
		if (kind == 'x')
			return (int)(number & 255);
		if (kind == 'p') {
			owner_print(STDERR_FILENO, number);
			continue;
		}
		if ((kind != 'o' && kind != 'e') || !copy_out(fd, kind == 'o' ? STDOUT_FILENO : STDERR_FILENO, (size_t)number))
			break;
	}
	say("the helper went away: asking again");
	return become();
}

/* state.json: what the supervisor says of itself. One line, replaced as a whole. */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct timespec monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t;
}

/* `wall`, moved by the monotonic time from `from` to `to`: differences are right whatever the wall clock does. Quoted, or null. */
static const char *later_utc(struct timespec wall, struct timespec from, struct timespec to, char out[UTC_SIZE + 2])
{
	char text[UTC_SIZE];

	if (to.tv_sec == 0)
		return "null";
	wall.tv_sec += to.tv_sec - from.tv_sec;
	wall.tv_nsec += to.tv_nsec - from.tv_nsec;
	if (wall.tv_nsec < 0) {
		wall.tv_nsec += 1000000000;
		wall.tv_sec--;
	} else if (wall.tv_nsec >= 1000000000) {
		wall.tv_nsec -= 1000000000;
		wall.tv_sec++;
	}
	snprintf(out, UTC_SIZE + 2, "\"%s\"", utc(wall, text));
	return out;
}

static const char *step_utc(const struct app_state *s, struct timespec step, char out[UTC_SIZE + 2])
{
	return later_utc(s->restart.asked_at, s->restart.asked, step, out);
}

static const char *signal_name(int number, char out[16])
{
	static const char *const names[] = {"0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
		"PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"};

	if (number > 0 && number < (int)(sizeof names / sizeof *names))
		snprintf(out, 16, "SIG%s", names[number]);
	else
		snprintf(out, 16, "SIG%d", number);
	return out;
}

static const char *quoted(const char *id, char out[80])
{
	if (id[0] == '\0')
		return "null";
	snprintf(out, 80, "\"%s\"", id); /* control.c lets nothing in that would need escaping */
	return out;
}

/* Returns 0, or -1 with errno. */
int state_write(int dir, const struct app_state *s)
{
	char text[2048], at[UTC_SIZE], name[16], ended[128] = "null", restart[512] = "null", id[80];
	char a[UTC_SIZE + 2], b[UTC_SIZE + 2], c[UTC_SIZE + 2], held[192], swap[288];
	bool full;
	int size;

	if (s->exit_status >= 0 && WIFSIGNALED(s->exit_status))
		snprintf(ended, sizeof ended, "{\"code\":null,\"signal\":\"%s\",\"at\":\"%s\"}", signal_name(WTERMSIG(s->exit_status), name), utc(s->exited_at, at));
	else if (s->exit_status >= 0)
		snprintf(ended, sizeof ended, "{\"code\":%d,\"signal\":null,\"at\":\"%s\"}", WEXITSTATUS(s->exit_status), utc(s->exited_at, at));
	if (s->restart.asked.tv_sec != 0)
		snprintf(restart, sizeof restart, "{\"id\":%s,\"askedAt\":%s,\"stoppedAt\":%s,\"startedAt\":%s}", quoted(s->restart.id, id),
			step_utc(s, s->restart.asked, a), step_utc(s, s->restart.stopped, b), step_utc(s, s->restart.started, c));
	size = snprintf(held, sizeof held, "[");
	for (int i = 0; i < held_count(); i++)
		size += snprintf(held + size, sizeof held - (size_t)size, "%s%ld", i == 0 ? "" : ",", held_port(i));
	size = snprintf(text, sizeof text,
		"{\"v\":1,\"generation\":%ld,\"pid\":%d,\"phase\":\"%s\",\"startedAt\":\"%s\",\"lastExit\":%s,\"lastRequest\":%s,"
		"\"crashes\":%ld,\"ignored\":%ld,\"held\":%s],\"readyAt\":%s,\"lastRestart\":%s%s}\n",
		s->generation, (int)s->pid, s->phase, utc(s->started_at, at), ended, quoted(s->last_request, id), s->crashes, s->ignored, held,
		later_utc(s->started_at, s->started, s->ready, a), restart, swap_json(swap, sizeof swap));
	/* Whoever waits for a restart believes this file: a full volume must not leave an old one. */
	do {
		if (replace_file(dir, "state.json", ".state.json.new", text, (size_t)size, 0664) == 0)
			return 0;
		full = errno == ENOSPC || errno == EDQUOT;
		if (full && overwrite_file(dir, "state.json", text, (size_t)size) == 0)
			return 0;
	} while (full && output_make_room());
	if (full)
		errno = ENOSPC;
	return -1;
}

/* The generation that an earlier supervisor left in state.json; 0: none. */
long state_generation(int dir)
{
	char text[512], *number;
	int fd = openat(dir, "state.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	long generation;

	if (fd >= 0)
		close(fd);
	text[size > 0 ? size : 0] = '\0';
	number = strstr(text, "\"generation\":");
	generation = number == NULL ? 0 : strtol(number + strlen("\"generation\":"), NULL, 10);
	return generation < 0 || generation > 1000000000 ? 0 : generation;
}

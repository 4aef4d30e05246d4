/*
 * The FIFO that restart requests come through. Everybody on the pod's control volume can write to it, replace it or delete it,
 * so: it is never followed as a link, never waited for, and made anew when it is gone or something else took its name.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_fifo(int dir, struct stat *st)
{
	return fstatat(dir, "control", st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISFIFO(st->st_mode);
}

/* Returns a descriptor that never reaches end of file (we are a writer ourselves), or -1 with errno. */
int control_open(int dir)
{
	struct stat st;
	int fd;

	for (int attempt = 0; attempt < 3; attempt++) {
		if (!is_fifo(dir, &st)) {
			free_name(dir, "control");
			mode_t mask = umask(0); /* the helper is another user of the same group */
			int made = mkfifoat(dir, "control", 0660);
			umask(mask);
			if (made != 0 && errno != EEXIST)
				return -1;
		}
		fd = openat(dir, "control", O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
			return fd;
		close(fd);
	}
	return -1;
}

/* Does the name still lead to the FIFO we hold? */
bool control_check(int dir, int fd)
{
	struct stat named, held;
	return fd >= 0 && is_fifo(dir, &named) && fstat(fd, &held) == 0 && named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

static bool valid_id(const char *id)
{
	size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-");
	return length > 0 && length <= 64 && id[length] == '\0';
}

/* One line: `restart [now] [id=ID]`, or one of the other verbs with an id. */
bool control_parse(char *line, struct control_request *r)
{
	static const char *const verbs[] = {"restart", "stop", "start", "swap", "commit", "abort"};
	char *rest, *word = strtok_r(line, " ", &rest);

	*r = (struct control_request){0};
	if (word == NULL)
		return false;
	for (r->verb = CONTROL_RESTART; strcmp(word, verbs[r->verb]) != 0; r->verb++)
		if (r->verb == CONTROL_ABORT)
			return false;
	while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
		if (strcmp(word, "now") == 0 && r->verb == CONTROL_RESTART && !r->now)
			r->now = true;
		else if (strncmp(word, "id=", 3) == 0 && r->id[0] == '\0' && valid_id(word + 3))
			strcpy(r->id, word + 3);
		else
			return false;
	}
	return true;
}

/* Reads what is there, hands out requests, returns how many lines were none. Bounded, so that a flood can't starve the rest. */
long control_read(int fd, void (*take)(const struct control_request *))
{
	static char line[128];
	static size_t used;
	static bool spoilt; /* too long, or with bytes no request has */
	char block[4096];
	struct control_request r;
	long ignored = 0;

	for (int i = 0; i < 32; i++) {
		ssize_t n = read(fd, block, sizeof block);
		bool drained = n < (ssize_t)sizeof block;

		if (n < 0)
			n = 0;
		for (ssize_t j = 0; j <= n; j++) {
			/* A write is atomic in a pipe: where it is drained a line is over too, so half a line can't spoil the next one. */
			bool end = j == n ? drained && (used > 0 || spoilt) : block[j] == '\n';
			if (end) {
				line[used] = '\0';
				if (!spoilt && used > 0 && control_parse(line, &r))
					take(&r);
				else if (spoilt || used > 0)
					ignored++;
				used = 0;
				spoilt = false;
			} else if (j < n) {
				if (used + 1 < sizeof line && block[j] >= ' ' && block[j] < 127)
					line[used++] = block[j];
				else
					spoilt = true;
			}
		}
		if (drained)
			break;
	}
	return ignored;
}

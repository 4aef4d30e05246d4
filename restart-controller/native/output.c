/*
 * The app's output: through one pipe (so that stdout and stderr keep their order) to our own stdout, and to a log of two files,
 * `log` and `log.1`, bounded together.
 *
 * While our stdout takes it, nothing is lost: a slow reader slows the app, as without us. When it takes nothing for a second,
 * the app goes on and only the log gets its output; how much was left out is said when the reader is back.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STALL_MS = 1000, KEPT_BYTES = 8192, PAGE = 4096 };

static int pipe_ends[2] = {-1, -1};
static char pending[65536]; /* read from the app, not yet written to our stdout */
static size_t pending_size;
static bool stdout_open = true;
static long long stalled_since, left_out;
static bool leaving_out;

static int log_dir = -1, log_fd = -1;
static long log_half, log_size;
static bool log_line_open; /* the last byte was no newline */

int output_open(long log_bytes)
{
	log_half = log_bytes / 2;
	if (pipe2(pipe_ends, O_CLOEXEC) != 0)
		return -1;
	return fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
}

int output_read_end(void)
{
	return pipe_ends[0];
}

int output_write_end(void)
{
	return pipe_ends[1];
}

static void open_log(void)
{
	struct stat st;

	for (int attempt = 0; attempt < 2 && log_fd < 0; attempt++) {
		log_fd = openat(log_dir, "log", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0664);
		if (log_fd >= 0 && fstat(log_fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1) {
			(void)fchmod(log_fd, 0664); /* whatever the umask */
			log_size = st.st_size > LONG_MAX ? LONG_MAX : (long)st.st_size;
			return;
		}
		if (log_fd >= 0)
			close(log_fd);
		log_fd = -1;
		free_name(log_dir, "log"); /* a directory, link, FIFO or second name of some other file: not ours to write into */
	}
	say("the log can't be written: %s", strerror(errno));
}

static void close_log(void)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
}

/* Also called again when the directory was replaced. */
void output_directory(int dir)
{
	close_log();
	log_dir = dir;
	if (dir >= 0)
		open_log();
}

/* Somebody deleted or replaced the log: the next lines must be where people look. */
void output_check_log(void)
{
	struct stat named, held;

	if (log_dir < 0 || (log_fd >= 0 && fstatat(log_dir, "log", &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(log_fd, &held) == 0 && named.st_ino == held.st_ino))
		return;
	close_log();
	open_log();
}

/*
 * The volume is full: the older output makes room for what matters more, the newest lines and state.json. First log.1, then all
 * of the log but its end. False if there is nothing to give.
 */
bool output_make_room(void)
{
	char tail[KEPT_BYTES];
	ssize_t kept;
	long keep;
	int fd;

	if (log_dir < 0)
		return false;
	if (unlinkat(log_dir, "log.1", 0) == 0)
		return true;
	keep = log_size / 2 < KEPT_BYTES ? log_size / 2 : KEPT_BYTES;
	if (log_fd < 0 || log_size < PAGE)
		return false; /* what fits into its last page needs no room */
	fd = openat(log_dir, "log", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	kept = fd < 0 ? -1 : pread(fd, tail, (size_t)keep, log_size - keep);
	if (fd >= 0)
		close(fd);
	if (ftruncate(log_fd, 0) != 0)
		return false;
	log_size = kept > 0 && write_all(log_fd, tail, (size_t)kept) ? (long)kept : 0;
	return true;
}

static void log_write(const char *data, size_t size)
{
	while (size > 0 && log_fd >= 0) {
		size_t room = log_size < log_half ? (size_t)(log_half - log_size) : 0;
		size_t part = size < room ? size : room;

		if (part == 0) {
			close_log();
			if (renameat(log_dir, "log", log_dir, "log.1") != 0 && errno == EISDIR && free_name(log_dir, "log.1") == 0)
				renameat(log_dir, "log", log_dir, "log.1");
			open_log();
			if (log_size >= log_half && log_fd >= 0 && ftruncate(log_fd, 0) == 0)
				log_size = 0; /* the rename failed: bounded all the same */
			if (log_size >= log_half)
				return;
			continue;
		}
		if (!write_all(log_fd, data, part)) {
			bool full = errno == ENOSPC || errno == EDQUOT;
			struct stat st;
			size_t arrived = fstat(log_fd, &st) == 0 && st.st_size > log_size ? (size_t)(st.st_size - log_size) : 0;

			arrived = arrived < part ? arrived : part;
			log_size += (long)arrived;
			data += arrived;
			size -= arrived;
			if (!full || !output_make_room())
				return; /* this part is lost, the app isn't */
			continue;
		}
		log_line_open = data[part - 1] != '\n';
		log_size += (long)part;
		data += part;
		size -= part;
	}
}

/* The first start is no restart. */
void output_marker(long generation)
{
	char line[64];
	int size = snprintf(line, sizeof line, "%s── restart %ld ──\n", log_line_open ? "\n" : "", generation - 1);
	log_write(line, (size_t)size);
}

bool output_wants_read(void)
{
	return pipe_ends[0] >= 0 && (pending_size < sizeof pending || leaving_out);
}

bool output_wants_write(void)
{
	return stdout_open && pending_size > 0;
}

/* Milliseconds until a stalled stdout is given up on; -1: none is. */
int output_timeout(long long now)
{
	if (leaving_out || stalled_since == 0 || pending_size < sizeof pending)
		return -1;
	return stalled_since + STALL_MS > now ? (int)(stalled_since + STALL_MS - now) : 0;
}

void output_write(void)
{
	char note[96];

	while (output_wants_write()) {
		struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
		/* stdout may be shared, so it can't be made non-blocking; but a pipe that polls as writable takes PIPE_BUF bytes at once. */
		size_t part = pending_size < PIPE_BUF ? pending_size : PIPE_BUF;
		ssize_t n;

		if (poll(&out, 1, 0) != 1) {
			if (stalled_since == 0)
				stalled_since = now_ms();
			if (output_timeout(now_ms()) == 0)
				leaving_out = true;
			return;
		}
		n = write(STDOUT_FILENO, pending, part);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			stdout_open = false; /* nobody will ever read it: the log goes on */
			pending_size = 0;
			return;
		}
		stalled_since = 0;
		pending_size -= (size_t)n;
		memmove(pending, pending + n, pending_size);
		if (pending_size == 0 && leaving_out) {
			pending_size = (size_t)snprintf(note, sizeof note, "\n── %lld bytes not shown here, see the log ──\n", left_out);
			memcpy(pending, note, pending_size);
			leaving_out = false;
			left_out = 0;
		}
	}
	stalled_since = 0;
}

/* Bounded per call, so that an app that never stops printing can't keep a restart waiting. */
void output_read(void)
{
	static char spare[65536];

	for (int i = 0; i < 4 && output_wants_read(); i++) {
		bool keep = pending_size < sizeof pending;
		char *to = keep ? pending + pending_size : spare;
		ssize_t n = read(pipe_ends[0], to, keep ? sizeof pending - pending_size : sizeof spare);

		if (n <= 0)
			return;
		log_write(to, (size_t)n);
		if (!stdout_open)
			continue;
		if (keep)
			pending_size += (size_t)n;
		else
			left_out += n;
		output_write();
	}
}

/* The end: what the app said last is what people look for. A reader that takes nothing for a second is not waited for. */
void output_finish(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	size_t before;

	do {
		before = pending_size;
		output_read();
		output_write();
	} while (pending_size != before || (output_wants_write() && poll(&out, 1, STALL_MS) == 1));
}

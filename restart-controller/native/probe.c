/* kit probe: the liveness check as an exec probe. */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char probe_help[] =
	"kit probe FILE [--threshold N]\n\n"
	"Exit 0: alive (FILE is present). Exit 1: a restart is requested (FILE was removed); FILE is put back and this and the next\n"
	"probes fail, N in all (default 2: use the same failureThreshold), counted in FILE.probe.\n"
	"Costs a process per probe: about 50 times what `kit live` costs.\n";

/*
 * FILE.probe is the struct itself, mapped: each step is one store, so a kill -9 at any point leaves what liveness_recover understands.
 * NULL with errno if it can't be had; ENOENT only if `create` is false.
 */
static struct liveness *open_state(const char *file, bool create)
{
	char path[PATH_MAX];
	struct liveness *l, zero;
	struct stat st;
	int fd;

	if (snprintf(path, sizeof path, "%s.probe", file) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	umask(0);
	fd = open(path, O_RDWR | (create ? O_CREAT : 0) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0664);
	if (fd < 0)
		return NULL;
	if (flock(fd, LOCK_EX) != 0 || fstat(fd, &st) != 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	memset(&zero, 0, sizeof zero);
	/* Written, not only extended: a store into a hole of a full file system would be a SIGBUS. */
	if (st.st_size != sizeof zero && (ftruncate(fd, 0) != 0 || pwrite(fd, &zero, sizeof zero, 0) != sizeof zero))
		return NULL;
	l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return l == MAP_FAILED ? NULL : l; /* fd stays open: it holds the lock until we exit */
}

int probe_main(int argc, char **argv)
{
	const char *file = NULL, *value;
	struct liveness *l;
	struct verdict v;
	struct stat st;
	long threshold = 2;

	for (int i = 1; i < argc; i++) {
		if ((value = option(argv, &i, "--threshold")) != NULL) {
			if (!parse_number(value, 1, 1000, &threshold))
				return usage("--threshold is a number from 1 to 1000, not \"%s\"", value);
		} else if (argv[i][0] == '-' || argv[i][0] == '\0' || file != NULL) {
			return usage("\"%s\" is one argument too many", argv[i]);
		} else {
			file = argv[i];
		}
	}
	if (file == NULL)
		return usage("which file? `kit probe FILE`");

	l = open_state(file, lstat(file, &st) != 0);
	if (l == NULL) {
		/* No place to count means no way to stop failing: rather no restart than endless ones. */
		if (errno != ENOENT)
			say("%s.probe can't be used, so a request can't be honoured: %s", file, strerror(errno));
		return EXIT_OK;
	}
	liveness_recover(l, file, (int)threshold);
	liveness_probe(l, file, (int)threshold, &v);
	say("%s", v.why);
	return v.alive ? EXIT_OK : EXIT_FAILED;
}

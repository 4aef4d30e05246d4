/* Directories and files that appear whole or not at all. */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mkdir -p with mode 2775 whatever the umask; directories that exist are left as they are. Returns 0, or -1 with errno. */
int make_shared_directory(const char *path)
{
	char partial[PATH_MAX];
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof partial) {
		errno = length ? ENAMETOOLONG : ENOENT;
		return -1;
	}
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(partial, path, i);
		partial[i] = '\0';
		if (mkdir(partial, 0775) == 0) {
			/* mkdir obeys the umask and drops the setgid bit; a default ACL may object, which is its right. */
			if (chmod(partial, 02775) != 0 && errno != EPERM)
				return -1;
		} else if (errno != EEXIST) {
			struct stat st; /* EROFS or EACCES also where the directory is already there */
			if (stat(partial, &st) != 0 || !S_ISDIR(st.st_mode))
				return -1;
		}
	}
	return 0;
}

bool write_all(int fd, const void *data, size_t size)
{
	const char *next = data;

	while (size > 0) {
		ssize_t n = write(fd, next, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		next += n;
		size -= (size_t)n;
	}
	return true;
}

/* Makes the name free: a file or link is deleted, a directory moved aside, since nobody's data is ours to delete. 0, or -1 with errno. */
int free_name(int dir, const char *name)
{
	char aside[64];

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	snprintf(aside, sizeof aside, "%.32s.%lld", name, now_ms());
	return renameat(dir, name, dir, aside);
}

/* Writes `temporary` and renames it to `name`: readers see the old file or the new one. Never follows a link. Returns 0, or -1 with errno. */
int replace_file(int dir, const char *name, const char *temporary, const char *data, size_t size, mode_t mode)
{
	int fd, saved;

	free_name(dir, temporary);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -1;
	if (write_all(fd, data, size) && (fchmod(fd, mode) == 0 || errno == EPERM) &&
		(renameat(dir, temporary, dir, name) == 0 || (errno == EISDIR && free_name(dir, name) == 0 && renameat(dir, temporary, dir, name) == 0)))
		return close(fd);
	saved = errno;
	close(fd);
	unlinkat(dir, temporary, 0);
	errno = saved;
	return -1;
}

/*
 * For a volume with no room for a second file: writes over the first one, whose room is already there. A reader could see half of
 * each, so spaces pad to the old length and it is one write. Never follows a link. Returns 0, or -1 with errno.
 */
int overwrite_file(int dir, const char *name, const char *data, size_t size)
{
	char text[4096];
	int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), saved;
	struct stat st;
	ssize_t written = -1;

	if (fd < 0)
		return -1;
	errno = EINVAL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size <= (off_t)sizeof text && size <= sizeof text) {
		memset(text, ' ', sizeof text);
		memcpy(text, data, size);
		if (size < (size_t)st.st_size)
			size = (size_t)st.st_size;
		written = pwrite(fd, text, size, 0);
		if (written >= 0 && written != (ssize_t)size)
			errno = ENOSPC;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return written == (ssize_t)size ? 0 : -1;
}

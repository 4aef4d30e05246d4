/* How full the container's memory is, by the cgroup's own files (v2 and v1). */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number in root/file, or the one after `key` at the start of a line. -1: none. */
static long long read_figure(const char *root, const char *file, const char *key)
{
	static char text[16384];
	char path[512];
	const char *at = text;
	char *end;
	long long figure;
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof path, "%s/%s", root, file) >= (int)sizeof path)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	if (key != NULL) {
		size_t length = strlen(key);
		while (strncmp(at, key, length) != 0 || at[length] != ' ') {
			at = strchr(at, '\n');
			if (at == NULL)
				return -1;
			at++;
		}
		at += length;
	}
	figure = strtoll(at, &end, 10); /* "max" is no number: no limit */
	return end == at || figure < 0 ? -1 : figure;
}

/* Working set (what the kernel can't simply drop) in percent of the limit; -1 where there is no limit. */
int memory_percent(const char *cgroup_root)
{
	long long limit = read_figure(cgroup_root, "memory.max", NULL);
	long long used = read_figure(cgroup_root, "memory.current", NULL);
	long long cache = read_figure(cgroup_root, "memory.stat", "inactive_file");

	if (used < 0) {
		limit = read_figure(cgroup_root, "memory/memory.limit_in_bytes", NULL);
		used = read_figure(cgroup_root, "memory/memory.usage_in_bytes", NULL);
		cache = read_figure(cgroup_root, "memory/memory.stat", "total_inactive_file");
	}
	if (limit <= 0 || limit >= 1LL << 60 || used < 0) /* v1 writes "no limit" as a huge number */
		return -1;
	if (cache > 0)
		used = cache < used ? used - cache : 0;
	return (int)(used / (limit / 100 > 0 ? limit / 100 : 1));
}

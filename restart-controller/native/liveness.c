/*
 * The liveness file: present = alive, removed = a restart is requested.
 *
 * The first probe that finds it missing consumes the request: it puts the file back and this and the following probes fail,
 * `threshold` in all. So one request is one container restart, and one lost connection is none.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void verdict(struct verdict *v, bool alive, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void verdict(struct verdict *v, bool alive, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(v->why, sizeof v->why, format, arguments);
	va_end(arguments);
	v->alive = alive;
}

/* Whatever can't be looked at is not a request: only a name that is certainly gone is. */
static bool missing(const char *file)
{
	struct stat st;
	return lstat(file, &st) != 0 && errno == ENOENT;
}

/* Returns 0 or an errno. */
static int put_back(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0664);
	if (fd < 0)
		return errno;
	(void)fchmod(fd, 0664); /* whatever the umask */
	close(fd);
	return 0;
}

/* After the process that used this state was killed: between "consuming" and the count, the file tells whether it got that far. */
void liveness_recover(struct liveness *l, const char *file, int threshold)
{
	if (l->remaining < 0 || l->remaining > threshold)
		l->remaining = 0;
	if (l->consuming && !missing(file))
		l->remaining = threshold;
	l->consuming = 0;
}

static void owe(struct liveness *l, int threshold, struct verdict *v)
{
	l->remaining--;
	verdict(v, false, "restart requested: %d of %d", threshold - l->remaining, threshold);
}

/* A probe of the kubelet's. Counts the failing answer as given: call liveness_unsent if it could not be. */
void liveness_probe(struct liveness *l, const char *file, int threshold, struct verdict *v)
{
	int error;

	if (l->remaining > 0) {
		owe(l, threshold, v);
		return;
	}
	if (!missing(file)) {
		l->unreplaced = 0;
		verdict(v, true, "alive");
		return;
	}
	l->consuming = !l->unreplaced;
	error = put_back(file);
	if (error == EEXIST) {
		verdict(v, true, "alive: the request was withdrawn");
	} else if (error == ENOENT || error == ENOTDIR) {
		verdict(v, true, "alive: the directory of the liveness file is gone, which is no request");
	} else if (l->unreplaced) {
		/* This request has had its restart. Without this flag it would be one restart after another, for ever. */
		l->unreplaced = error != 0;
		verdict(v, true, error ? "alive: restarted once, but the liveness file can't be put back: %s" : "alive", strerror(error));
	} else {
		l->unreplaced = error != 0;
		l->remaining = threshold;
	}
	l->consuming = 0;
	if (l->remaining > 0)
		owe(l, threshold, v);
}

/* The same question from somebody who is not the kubelet: nothing changes. */
void liveness_look(struct liveness *l, const char *file, int threshold, struct verdict *v)
{
	if (l->remaining > 0)
		verdict(v, false, "restart requested: %d of %d failing probes to go", l->remaining, threshold);
	else if (missing(file) && !l->unreplaced)
		verdict(v, false, "restart requested: waiting for the next probe");
	else
		verdict(v, true, "alive");
}

/* The failing answer never left: it is owed again. */
void liveness_unsent(struct liveness *l)
{
	l->remaining++;
}

/* Sentences for people, arguments from people, and times. */
#include "kit.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *call_name = "";

static void say_v(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
static void say_v(const char *format, va_list arguments)
{
	char line[1024]; /* one write below PIPE_BUF: lines of several processes never mix */
	int used = snprintf(line, sizeof line, "kit%s%s: ", *call_name ? " " : "", call_name);
	int more = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, arguments);
	size_t length = strnlen(line, sizeof line - 2);

	if (more < 0)
		return;
	line[length++] = '\n';
	/* Nobody reading stderr must not stop a PID 1. */
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&out, 1, 0) == 1 && write(STDERR_FILENO, line, length) < 0)
		return;
}

void say(const char *format, ...)
{
	int saved = errno;
	va_list arguments;
	va_start(arguments, format);
	say_v(format, arguments);
	va_end(arguments);
	errno = saved;
}

int fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say_v(format, arguments);
	va_end(arguments);
	return EXIT_FAILED;
}

int usage(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say_v(format, arguments);
	va_end(arguments);
	say("see `kit %s%s--help`", call_name, *call_name ? " " : "");
	return EXIT_USAGE;
}

/* The value of `--name VALUE` or `--name=VALUE` at argv[*at] (moved onto the value), or NULL when that word is something else. */
const char *option(char **argv, int *at, const char *name)
{
	const char *word = argv[*at];
	size_t length = strlen(name);

	if (strncmp(word, name, length) != 0)
		return NULL;
	if (word[length] == '=')
		return word + length + 1;
	if (word[length] != '\0')
		return NULL;
	if (argv[*at + 1] == NULL)
		exit(usage("%s needs a value", name));
	return argv[++*at];
}

bool parse_number(const char *text, long min, long max, long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && *out >= min && *out <= max;
}

/* "2", "2s", "500ms"; at most one hour. */
bool parse_milliseconds(const char *text, long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtol(text, &end, 10);
	if (errno != 0 || *out > 3600000)
		return false;
	if (strcmp(end, "ms") == 0)
		return true;
	*out *= 1000;
	return (*end == '\0' || strcmp(end, "s") == 0) && *out <= 3600000;
}

bool json_escape(const char *text, char *out, size_t size)
{
	size_t used = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (used + 7 > size)
			return false;
		if (*c == '"' || *c == '\\')
			used += (size_t)snprintf(out + used, size - used, "\\%c", *c);
		else if (*c < 0x20)
			used += (size_t)snprintf(out + used, size - used, "\\u%04x", (unsigned)*c);
		else
			out[used++] = (char)*c;
	}
	out[used] = '\0';
	return true;
}

long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct timespec wall_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t;
}

const char *utc(struct timespec at, char out[UTC_SIZE])
{
	struct tm t = {0};

	gmtime_r(&at.tv_sec, &t);
	snprintf(out, UTC_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(t.tm_year + 1900) % 10000, (unsigned)(t.tm_mon + 1) % 100, (unsigned)t.tm_mday % 100,
		(unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100, (unsigned)(at.tv_nsec / 1000000) % 1000);
	return out;
}

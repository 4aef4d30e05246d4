/* The little of HTTP/1 that the liveness responder understands: strict, so that nothing is guessed. */
#include "kit.h"

#include <string.h>
#include <strings.h>

static bool is_token(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* "METHOD SP path SP HTTP/1.x" */
static bool parse_first_line(const char *line, size_t size, struct request *r)
{
	const char *end = line + size, *target, *version;
	size_t length;

	target = memchr(line, ' ', size);
	if (target == NULL || target == line)
		return false;
	for (const char *c = line; c < target; c++)
		if (!is_token((unsigned char)*c))
			return false;
	r->get = target - line == 3 && memcmp(line, "GET", 3) == 0;
	r->head = target - line == 4 && memcmp(line, "HEAD", 4) == 0;
	target++;
	version = memchr(target, ' ', (size_t)(end - target));
	if (version == NULL || *target != '/' || end - version != 9)
		return false;
	if (memcmp(version, " HTTP/1.1", 9) != 0 && memcmp(version, " HTTP/1.0", 9) != 0)
		return false;
	for (const char *c = target; c < version; c++)
		if (*c <= ' ' || *c >= 127)
			return false;
	length = (size_t)(version - target);
	if (length >= sizeof r->path)
		length = 0; /* no path of ours is that long: not found */
	memcpy(r->path, target, length);
	r->path[length] = '\0';
	return true;
}

int parse_request(const char *head, size_t size, struct request *r)
{
	const char *end = memmem(head, size, "\r\n\r\n", 4);
	bool first = true, agent = false;

	memset(r, 0, sizeof *r);
	if (end == NULL)
		return 0;
	end += 2;
	for (const char *line = head; line < end;) {
		const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
		const char *colon = memchr(line, ':', (size_t)(stop - line));

		if (memchr(line, '\0', (size_t)(stop - line)) != NULL || memchr(line, '\n', (size_t)(stop - line)) != NULL)
			return 400;
		if (first) {
			if (!parse_first_line(line, (size_t)(stop - line), r))
				return 400;
		} else {
			if (colon == NULL || colon == line)
				return 400;
			for (const char *c = line; c < colon; c++)
				if (!is_token((unsigned char)*c))
					return 400;
			if (colon - line == 10 && strncasecmp(line, "user-agent", 10) == 0) {
				if (agent)
					return 400; /* two names: which one would it be? */
				agent = true;
				for (colon++; colon < stop && (*colon == ' ' || *colon == '\t'); colon++)
					;
				r->kubelet = stop - colon > 11 && memcmp(colon, "kube-probe/", 11) == 0;
			}
		}
		first = false;
		line = stop + 2;
	}
	return first ? 400 : 200;
}

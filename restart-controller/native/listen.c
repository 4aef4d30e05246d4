/* Listening sockets: an address in words, and the socket that listens on it. */
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ABOVE_HANDED_OVER = 64, /* the app's LISTEN_FDS must never meet a descriptor of ours */
	BACKLOG = 4096,         /* the kernel has its own bound below that (net.core.somaxconn) */
};

/* ":8080", "127.0.0.1:8080", "[::1]:8080"; no address is every address. */
bool parse_listen(const char *text, struct listen_address *out)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon == NULL ? 0 : (size_t)(colon - text);
	bool six = *text == '[';
	unsigned char bytes[16];

	if (colon == NULL || length >= sizeof out->address || !parse_number(colon + 1, 1, 65535, &out->port))
		return false;
	if (six) {
		if (length < 2 || text[length - 1] != ']')
			return false;
		text++;
		length -= 2;
	}
	memcpy(out->address, text, length);
	out->address[length] = '\0';
	if (six)
		return inet_pton(AF_INET6, out->address, bytes) == 1;
	return length == 0 || inet_pton(AF_INET, out->address, bytes) == 1;
}

/*
 * `address` NULL or "": every address, dual-stack, or IPv4 alone where the kernel has no IPv6. Returns a descriptor above those
 * that are handed over, or -1 with errno.
 */
int open_listener(const char *address, long port, bool nonblocking, long *actual)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_any};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_ANY)};
	bool every = address == NULL || *address == '\0';
	int first = AF_INET6, fd, high, on = 1, off = 0;
	socklen_t size = sizeof six;

	if (!every && inet_pton(AF_INET, address, &four.sin_addr) == 1)
		first = AF_INET;
	else if (!every && inet_pton(AF_INET6, address, &six.sin6_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	for (int family = first;; family = AF_INET) {
		fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
		if (fd >= 0) {
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
			if (family == AF_INET6)
				setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
			if (bind(fd, family == AF_INET ? (const struct sockaddr *)&four : (const struct sockaddr *)&six, family == AF_INET ? sizeof four : sizeof six) == 0 && listen(fd, BACKLOG) == 0)
				break;
			int error = errno;
			close(fd);
			errno = error;
		}
		if (family == AF_INET || !every || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
			return -1;
	}
	high = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_HANDED_OVER);
	close(fd);
	if (high >= 0 && getsockname(high, (struct sockaddr *)&six, &size) == 0 && actual != NULL)
		*actual = ntohs(six.sin6_port); /* same place in both families */
	return high;
}

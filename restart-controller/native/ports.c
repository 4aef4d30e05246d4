/*
 * Ports that the app binds by itself (--port): a new process must not find the old one's socket on them. When the old processes
 * are gone so are their sockets, unless somebody else still has one open.
 */
#include "kit.h"

enum { MOST_PORTS = 8 };

static long ports[MOST_PORTS];
static struct inodes foreign[MOST_PORTS]; /* listened before the app started: another container's */
static int count;

bool ports_add(long port)
{
	if (count == MOST_PORTS)
		return false;
	ports[count++] = port;
	return true;
}

/* Right before the app starts. */
void ports_begin(void)
{
	for (int i = 0; i < count; i++)
		if (!listeners_on(ports[i], &foreign[i]))
			foreign[i].count = 0;
}

static bool known(const struct inodes *f, uint32_t inode)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->inode[i] == inode)
			return true;
	return false;
}

/* The first port on which a listener of the old process is left; 0: none, or the kernel doesn't tell. */
long ports_busy(void)
{
	struct inodes now;

	for (int i = 0; i < count; i++) {
		if (!listeners_on(ports[i], &now))
			continue;
		for (size_t j = 0; j < now.count; j++)
			if (!known(&foreign[i], now.inode[j]))
				return ports[i];
	}
	return 0;
}

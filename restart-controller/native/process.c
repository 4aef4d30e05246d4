/* What the two PID 1s share: signals, starting a command in a group of its own, and ending whatever is left. */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static sigset_t original; /* what our commands start with */

/* Blocks every signal that is not a fault of our own; they are then read, never handled. For PID 1 that also keeps them from being dropped. */
void take_signals(sigset_t *taken)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};

	sigfillset(taken);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(taken, faults[i]);
	sigprocmask(SIG_SETMASK, taken, &original);
	signal(SIGCHLD, SIG_DFL); /* an inherited SIG_IGN would reap for us, exit codes and all */
	prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL); /* orphans come to us even when we are not PID 1 */
}

/*
 * Starts argv in a new process group; output >= 0 becomes its stdout and stderr, `prepare` (or NULL) runs in it last. Returns the
 * pid (= group), or -1 with errno.
 */
pid_t spawn(char *const *argv, int output, bool terminal, void (*prepare)(void))
{
	pid_t parent = getpid(), pid = fork();

	if (pid > 0)
		setpgid(pid, pid); /* both sides do it: whoever comes first */
	if (pid != 0)
		return pid;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL); /* where we are not PID 1: nothing stays behind if somebody kills us with -9 */
	if (getppid() != parent)
		_exit(EXIT_FAILED);
	if (terminal)
		tcsetpgrp(STDIN_FILENO, getpid());
	if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0))
		_exit(126);
	if (prepare != NULL)
		prepare();
	sigprocmask(SIG_SETMASK, &original, NULL);
	execvp(argv[0], argv);
	int error = errno;
	say("%s can't be started: %s", argv[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

bool group_exists(pid_t group)
{
	return group > 0 && (kill(-group, 0) == 0 || errno == EPERM);
}

/* Calls `each` for every child of ours, adopted ones included. False if there is none (or /proc doesn't tell). */
static bool for_children(void (*each)(pid_t pid, long long than), long long than)
{
	char text[4096];
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n;
	bool any = false;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* A full buffer may cut the last pid short: leave that one to the next round. */
	if (n == (ssize_t)sizeof text - 1 && strrchr(text, ' ') != NULL)
		*strrchr(text, ' ') = '\0';
	for (char *next = text, *end;; next = end) {
		long pid = strtol(next, &end, 10);
		if (end == next || pid <= 1)
			break;
		any = true;
		each((pid_t)pid, than);
	}
	return any;
}

static void kill_one(pid_t pid, long long than)
{
	(void)than;
	kill(pid, SIGKILL);
}

/* SIGKILL to every child of ours. False if there is none (or /proc doesn't tell). */
bool kill_children(void)
{
	return for_children(kill_one, 0);
}

/* When a process began, in the kernel's ticks since boot; -1: nobody knows. */
static long long began(pid_t pid)
{
	char path[32], text[1024], *at;
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')'); /* the name before it may contain anything */
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at == NULL ? -1 : strtoll(at, NULL, 10);
}

static void kill_if_older(pid_t pid, long long than)
{
	long long when = began(pid);

	if (when >= 0 && when < than)
		kill(pid, SIGKILL);
}

/* Of two processes that live side by side, what the older one left behind. */
void kill_older_children(pid_t than)
{
	for_children(kill_if_older, began(than));
}

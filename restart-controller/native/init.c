/*
 * kit init: PID 1 of the IDE container. It never ends by itself, because a pod with one dead container is NotReady and its
 * Services drop it; what it runs is restarted in place.
 */
#include "kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char init_help[] =
	"kit init [--guard PERCENT] [--umask 0002] [--grace 2s] -- CMD... [-- CMD...]\n\n"
	"Runs each CMD in a process group of its own and starts it again when it ends: at once, then after 0.1, 0.2, 0.4 ... at\n"
	"most 5 s; 10 s of life reset that. What a command leaves behind in its group is killed first.\n"
	"  --guard PERCENT  restarts the first command when the container's working set passes PERCENT of its memory limit,\n"
	"                   before the kernel would kill the whole container (no limit: no guard)\n"
	"  --umask OCTAL    for the commands\n"
	"  --grace TIME     on SIGTERM or SIGINT: SIGTERM to all, after TIME (default 2s) SIGKILL, exit 0\n";

enum {
	LIFE_MS = 10000,       /* a command that lived this long starts afresh */
	DELAY_FIRST_MS = 100,
	DELAY_LAST_MS = 5000,
	GUARD_NEAR_MS = 500,   /* above NEAR_PERCENT */
	GUARD_FAR_MS = 2000,
	GUARD_REST_MS = 10000, /* after a restart: memory takes a while to come back, and two in a row help nobody */
	NEAR_PERCENT = 70,
	GUARD_GRACE_MS = 1000,
};

struct command {
	char **argv;
	pid_t pid; /* 0: not running */
	long long started, start_at, kill_at;
	int delay;
};

static struct command *commands;
static int command_count;
static const char *cgroup_root = "/sys/fs/cgroup";
static long guard_percent, grace = 2000;
static long long guard_at;

static void start(struct command *c)
{
	c->started = now_ms();
	c->kill_at = 0;
	c->pid = spawn(c->argv, -1, false, NULL);
	if (c->pid > 0)
		return;
	say("%s can't be started: %s; trying again in %d s", c->argv[0], strerror(errno), DELAY_LAST_MS / 1000);
	c->pid = 0;
	c->start_at = c->started + DELAY_LAST_MS;
}

static void ended(struct command *c, const siginfo_t *how)
{
	long long now = now_ms();

	kill(-c->pid, SIGKILL); /* while the dead leader still holds the number: nobody else can have got it */
	if (now - c->started >= LIFE_MS)
		c->delay = 0;
	say("%s (pid %d) %s %d after %lld.%lld s; it starts again %s%.0d%s", c->argv[0], (int)c->pid,
		how->si_code == CLD_EXITED ? "ended with exit code" : "was killed by signal", how->si_status, (now - c->started) / 1000, (now - c->started) % 1000 / 100,
		c->delay ? "in " : "now", c->delay, c->delay ? " ms" : "");
	c->pid = 0;
	c->start_at = now + c->delay;
	c->delay = c->delay == 0 ? DELAY_FIRST_MS : c->delay * 2 > DELAY_LAST_MS ? DELAY_LAST_MS : c->delay * 2;
}

/* Returns false when there is no child at all. */
static bool reap(void)
{
	for (;;) {
		siginfo_t how = {0};
		if (waitid(P_ALL, 0, &how, WEXITED | WNOHANG | WNOWAIT) != 0)
			return errno != ECHILD;
		if (how.si_pid == 0)
			return true;
		for (int i = 0; i < command_count; i++)
			if (commands[i].pid == how.si_pid)
				ended(&commands[i], &how);
		waitpid(how.si_pid, NULL, WNOHANG);
	}
}

static void guard(long long now)
{
	struct command *first = &commands[0];
	int percent = memory_percent(cgroup_root);

	guard_at = now + (percent >= NEAR_PERCENT ? GUARD_NEAR_MS : GUARD_FAR_MS);
	if (percent <= guard_percent || first->pid == 0)
		return;
	say("memory is at %d %% of the container's limit (the guard is set to %ld %%): restarting %s before the kernel kills everything; raise the limit if this happens often",
		percent, guard_percent, first->argv[0]);
	kill(-first->pid, SIGTERM);
	first->kill_at = now + GUARD_GRACE_MS;
	guard_at = now + GUARD_REST_MS;
}

static int leave(const sigset_t *taken)
{
	long long until = now_ms() + grace;
	bool killed = false, any = true;

	for (int i = 0; i < command_count; i++)
		if (commands[i].pid > 0)
			kill(-commands[i].pid, SIGTERM);
	while (any) {
		long long now = now_ms();
		struct timespec wait = {.tv_sec = 0, .tv_nsec = 20000000};

		if (now >= until && killed)
			break; /* stuck in the kernel: not ours to wait for */
		if (now >= until) {
			for (int i = 0; i < command_count; i++)
				if (commands[i].pid > 0)
					kill(-commands[i].pid, SIGKILL);
			killed = true;
			until = now + 1000;
		}
		any = false;
		for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
			for (int i = 0; i < command_count; i++)
				if (commands[i].pid == pid) {
					commands[i].pid = 0;
					kill(-pid, SIGTERM);
				}
		for (int i = 0; i < command_count; i++)
			any = any || commands[i].pid > 0;
		if (!any)
			any = kill_children(); /* what slipped out of the groups: terminals, daemons */
		if (any)
			sigtimedwait(taken, NULL, &wait);
	}
	return EXIT_OK;
}

static long long earlier(long long a, long long b)
{
	return a == 0 ? b : b == 0 || a < b ? a : b;
}

static int run(void)
{
	sigset_t taken;

	take_signals(&taken);
	for (;;) {
		long long now = now_ms(), next = 0;
		struct timespec wait;
		int signal;

		for (int i = 0; i < command_count; i++) {
			struct command *c = &commands[i];
			if (c->pid == 0 && c->start_at <= now)
				start(c);
			if (c->pid > 0 && c->kill_at != 0 && c->kill_at <= now) {
				kill(-c->pid, SIGKILL);
				c->kill_at = 0;
			}
			next = earlier(next, c->pid == 0 ? c->start_at : c->kill_at);
		}
		if (guard_percent > 0) {
			if (guard_at <= now)
				guard(now);
			next = earlier(earlier(next, guard_at), commands[0].kill_at);
		}
		now = now_ms();
		wait.tv_sec = next > now ? (time_t)((next - now) / 1000) : 0;
		wait.tv_nsec = next > now ? (long)((next - now) % 1000 * 1000000) : 0;
		signal = next == 0 ? sigwaitinfo(&taken, NULL) : sigtimedwait(&taken, NULL, &wait);
		if (signal == SIGTERM || signal == SIGINT)
			return leave(&taken);
		reap();
	}
}

int init_main(int argc, char **argv)
{
	int i = 1;
	const char *value;
	char *end;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if ((value = option(argv, &i, "--guard")) != NULL) {
			if (!parse_number(value, 10, 100, &guard_percent))
				return usage("--guard is a percentage from 10 to 100, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--umask")) != NULL) {
			unsigned long mask = strtoul(value, &end, 8);
			if (*value < '0' || *value > '7' || *end != '\0' || mask > 0777)
				return usage("--umask is an octal number such as 0002, not \"%s\"", value);
			umask((mode_t)mask);
		} else if ((value = option(argv, &i, "--grace")) != NULL) {
			if (!parse_milliseconds(value, &grace))
				return usage("--grace is a time such as 2s or 500ms, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--cgroup")) != NULL) {
			cgroup_root = value; /* for the tests */
		} else {
			return usage("\"%s\" is no option; the commands come after `--`", argv[i]);
		}
	}
	commands = calloc((size_t)argc, sizeof *commands);
	if (commands == NULL)
		return fail("no memory");
	while (i < argc) {
		argv[i++] = NULL; /* the `--` ends the command before it */
		if (i == argc || strcmp(argv[i], "--") == 0)
			return usage("a command is missing after `--`");
		commands[command_count++].argv = &argv[i];
		while (i < argc && strcmp(argv[i], "--") != 0)
			i++;
	}
	if (command_count == 0)
		return usage("which command? `kit init -- CMD...`");
	if (guard_percent > 0 && memory_percent(cgroup_root) < 0)
		say("this container has no memory limit: the guard waits for one");
	return run();
}

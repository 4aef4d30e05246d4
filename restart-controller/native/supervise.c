/*
 * kit supervise: PID 1 of the app container. Restarts the app's process group on request, in place, in milliseconds; otherwise
 * as good as not there: signals, stdin, output and exit code pass through.
 *
 * One loop, no handlers, no timers while nothing is going on. `phase` says what is true now, `after` what a stop is for.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char supervise_help[] =
	"kit supervise [--dir DIR] [--grace 2s] [--on-crash hold|exit] [--log-bytes N] -- CMD...\n\n"
	"Runs CMD in a process group of its own, reaps, passes signals, stdin and the exit code on (128+n for a signal).\n"
	"  --dir DIR         control, state and log are here (without it there are none):\n"
	"                      control     FIFO; lines `restart [now] [id=ID]`, `stop`, `start`; others are ignored and counted\n"
	"                      state.json  one line, replaced as a whole\n"
	"                      log, log.1  the last output (stdout and stderr, in order); it also goes to our own stdout\n"
	"  --grace TIME      a restart is SIGTERM to the group, SIGKILL after TIME (default 2s), then CMD again; `now`: SIGKILL at once\n"
	"  --on-crash hold   (default) when CMD ends by itself, wait for the next restart or start; exit: end with its exit code\n"
	"  --log-bytes N     for both log files together (default 1048576)\n"
	"SIGTERM and SIGINT go to the group; when CMD has ended its exit code is ours.\n";

enum { STUCK_MS = 5000, REWATCH_MS = 2000 };

static enum { RUNNING, STOPPING, CRASHED, STOPPED } phase = STOPPED;
static enum { RESTART, HOLD_STOPPED, HOLD_CRASHED, LEAVE } after; /* while STOPPING */
static const char *const phase_names[] = {"running", "stopping", "crashed", "stopped"};

static char **app;
static pid_t group;       /* of the app, also while only leftovers of it live */
static pid_t leader;      /* 0 once it has been reaped */
static bool killed;       /* this stop has come to SIGKILL */
static bool leaving;      /* asked to end from outside: the app's end is ours */
static long long deadline; /* of this stop; 0: none */
static long grace = 2000;
static bool exit_on_crash;

static struct app_state state = {.exit_status = -1};
static const char *directory;
static int dir_fd = -1, fifo = -1, inotify = -1;
static bool finished;
static bool terminal; /* we are in the foreground of a terminal, alone or under a shell: the app has to be, or it can't read from it */

static void write_state(void)
{
	static bool said;

	state.pid = leader;
	state.phase = phase_names[phase];
	if (dir_fd >= 0 && state_write(dir_fd, &state) != 0 && !said) {
		say("%s/state.json can't be written: %s", directory, strerror(errno));
		said = true;
	}
}

static void start(void)
{
	output_read(); /* what the old one said comes before the marker */
	state.generation++;
	if (state.generation > 1)
		output_marker(state.generation);
	leader = spawn(app, output_write_end(), terminal);
	state.started_at = wall_clock();
	group = leader;
	killed = false;
	deadline = 0;
	if (state.restart.asked.tv_sec != 0 && state.restart.started.tv_sec == 0)
		state.restart.started = monotonic();
	if (leader > 0) {
		phase = RUNNING;
	} else {
		say("%s can't be started: %s", app[0], strerror(errno));
		leader = group = 0;
		state.crashes++;
		phase = CRASHED;
		state.exit_status = 126 << 8;
		state.exited_at = state.started_at;
	}
	write_state();
}

static void stop(int signal)
{
	phase = STOPPING;
	killed = signal == SIGKILL;
	deadline = now_ms() + (killed ? STUCK_MS : grace);
	kill(-group, signal);
	kill(-group, SIGCONT); /* a stopped process could not obey */
	write_state();
}

/* The group is gone, and what slipped out of it. */
static void stopped(void)
{
	group = 0;
	deadline = 0;
	if (terminal)
		tcsetpgrp(STDIN_FILENO, getpgrp()); /* or a Ctrl-C would reach nobody */
	switch (after) {
	case RESTART:
		if (state.restart.stopped.tv_sec == 0)
			state.restart.stopped = monotonic();
		start();
		break;
	case HOLD_STOPPED:
		phase = STOPPED;
		write_state();
		break;
	case HOLD_CRASHED:
		phase = CRASHED;
		finished = exit_on_crash;
		write_state();
		break;
	case LEAVE:
		phase = STOPPED;
		finished = true;
		write_state();
		break;
	}
}

static void reaped(const siginfo_t *how)
{
	int status;

	if (how->si_pid == leader && phase == RUNNING) {
		/* Ended by itself, or because we are leaving. As with any PID 1, the rest of it ends too; now, while the number is still its own. */
		kill(-group, SIGKILL);
		killed = true;
		phase = STOPPING;
		after = leaving ? LEAVE : HOLD_CRASHED;
		deadline = now_ms() + STUCK_MS;
		state.crashes += !leaving;
	}
	if (waitpid(how->si_pid, &status, WNOHANG) == how->si_pid && how->si_pid == leader) {
		leader = 0;
		state.exit_status = status;
		state.exited_at = wall_clock();
	}
}

/* Reaps, and if a stop is under way, sees whether it is complete. */
static void reap(void)
{
	bool children;

	for (;;) {
		siginfo_t how = {0};
		children = waitid(P_ALL, 0, &how, WEXITED | WNOHANG | WNOWAIT) == 0;
		if (!children || how.si_pid == 0)
			break;
		reaped(&how);
	}
	if (phase != STOPPING || leader > 0 || group_exists(group))
		return;
	/* Daemons left the group before. A container restart would end them too, and they may hold the app's port. */
	if (children && kill_children())
		return; /* each of them is one more SIGCHLD */
	stopped();
}

static void take_request(const struct control_request *r)
{
	if (r->id[0] != '\0')
		strcpy(state.last_request, r->id);
	if (leaving)
		return;
	if (r->verb == CONTROL_STOP) {
		if (phase == RUNNING) {
			after = HOLD_STOPPED;
			stop(SIGTERM);
		} else if (phase == STOPPING) {
			after = HOLD_STOPPED;
		} else {
			phase = STOPPED;
		}
		return;
	}
	if (r->verb == CONTROL_START && (phase == RUNNING || (phase == STOPPING && after == RESTART)))
		return;
	/* A restart that comes while one is under way is answered by that one: only its id is new. */
	if (phase != STOPPING || after != RESTART) {
		state.restart.asked_at = wall_clock();
		state.restart.asked = monotonic();
		state.restart.stopped = state.restart.started = (struct timespec){0};
	}
	strcpy(state.restart.id, r->id);
	if (phase == RUNNING) {
		after = RESTART;
		stop(r->now ? SIGKILL : SIGTERM);
	} else if (phase == STOPPING) {
		after = RESTART;
		if (r->now && !killed)
			stop(SIGKILL);
	} else {
		state.restart.stopped = state.restart.asked;
		start();
	}
}

static void open_directory(void)
{
	if (dir_fd >= 0)
		close(dir_fd);
	if (fifo >= 0)
		close(fifo);
	fifo = -1;
	dir_fd = make_shared_directory(directory) != 0 ? -1 : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		say("%s can't be used, so there is no control, state or log: %s", directory, strerror(errno));
		output_directory(-1);
		return;
	}
	if (inotify >= 0)
		inotify_add_watch(inotify, directory, IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF);
	fifo = control_open(dir_fd);
	if (fifo < 0)
		say("%s/control can't be made, so nothing can be asked of this supervisor: %s", directory, strerror(errno));
	if (output_read_end() >= 0)
		output_directory(dir_fd);
	/* Generations go on counting over container restarts: one log, one sequence. */
	if (state.generation == 0)
		state.generation = state_generation(dir_fd);
}

static void check_directory(void)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct stat named, held;

	while (inotify >= 0 && read(inotify, events, sizeof events) > 0)
		; /* which event it was doesn't matter: looking is cheap and can't be wrong */
	if (dir_fd < 0 || stat(directory, &named) != 0 || fstat(dir_fd, &held) != 0 || named.st_ino != held.st_ino || named.st_dev != held.st_dev) {
		open_directory();
		write_state();
		return;
	}
	if (!control_check(dir_fd, fifo)) {
		if (fifo >= 0)
			close(fifo);
		fifo = control_open(dir_fd);
		say("%s/control was deleted or replaced: %s", directory, fifo < 0 ? strerror(errno) : "made anew");
	}
	if (output_read_end() >= 0)
		output_check_log();
}

static void read_control(void)
{
	int old_phase = (int)phase;
	long old_ignored = state.ignored;
	char old_request[sizeof state.last_request];

	strcpy(old_request, state.last_request);
	state.ignored += control_read(fifo, take_request);
	if ((int)phase != old_phase || state.ignored != old_ignored || strcmp(old_request, state.last_request) != 0)
		write_state();
}

static void pass_on(int signal)
{
	bool ends = signal == SIGTERM || signal == SIGINT || signal == SIGQUIT || (signal == SIGHUP && getpid() != 1);

	if (ends) {
		leaving = true;
		if (phase == STOPPING)
			after = LEAVE;
		if (phase == CRASHED || phase == STOPPED)
			finished = true;
	}
	/* What ends the app is for all of it, what it merely handles (reload, resize) for the leader, as if it were PID 1 itself. */
	if (leader > 0)
		kill(ends ? -group : leader, signal);
}

static void read_signals(int fd)
{
	struct signalfd_siginfo s;

	while (read(fd, &s, sizeof s) == sizeof s) {
		int number = (int)s.ssi_signo;
		if (number == SIGCHLD || number == SIGPIPE || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
			continue;
		pass_on(number);
	}
}

static void tick(void)
{
	if (deadline == 0 || now_ms() < deadline)
		return;
	if (!killed) {
		killed = true;
		deadline = now_ms() + STUCK_MS;
		kill(-group, SIGKILL);
		return;
	}
	say("process group %d is still there %d s after SIGKILL (stuck in the kernel?): going on without waiting for it", (int)group, STUCK_MS / 1000);
	leader = 0;
	stopped();
}

static int timeout(void)
{
	long long now = now_ms();
	int stop_in = deadline == 0 ? -1 : deadline > now ? (int)(deadline - now) : 0;
	int output_in = output_timeout(now);
	/* No inotify to be had (a limit per user and node): look from time to time. */
	int look_in = directory != NULL && inotify < 0 ? REWATCH_MS : -1;

	if (stop_in < 0 || (output_in >= 0 && output_in < stop_in))
		stop_in = output_in;
	return stop_in < 0 || (look_in >= 0 && look_in < stop_in) ? look_in : stop_in;
}

static int run(void)
{
	sigset_t taken;
	int signals;

	take_signals(&taken);
	signals = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals < 0)
		return fail("signalfd: %s", strerror(errno));
	if (directory != NULL) {
		inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (inotify < 0)
			say("no inotify instance left on this node (%s): looking at %s every %d s instead; raise fs.inotify.max_user_instances", strerror(errno), directory, REWATCH_MS / 1000);
		open_directory();
	}
	terminal = tcgetpgrp(STDIN_FILENO) == getpgrp();
	start();
	while (!finished) {
		struct pollfd polls[] = {
			{.fd = signals, .events = POLLIN},
			{.fd = fifo, .events = POLLIN},
			{.fd = inotify, .events = POLLIN},
			{.fd = output_wants_read() ? output_read_end() : -1, .events = POLLIN},
			{.fd = output_wants_write() ? STDOUT_FILENO : -1, .events = POLLOUT},
		};
		int ready = poll(polls, sizeof polls / sizeof *polls, timeout());

		if (ready > 0 && polls[0].revents != 0)
			read_signals(signals);
		reap();
		if (ready > 0 && polls[1].revents != 0)
			read_control();
		if (directory != NULL && (inotify < 0 ? ready == 0 : ready > 0 && polls[2].revents != 0))
			check_directory();
		output_read();
		output_write();
		tick();
	}
	if (group > 0)
		kill(-group, SIGKILL);
	kill_children();
	output_finish();
	if (state.exit_status < 0)
		return EXIT_OK;
	return WIFSIGNALED(state.exit_status) ? 128 + WTERMSIG(state.exit_status) : WEXITSTATUS(state.exit_status);
}

int supervise_main(int argc, char **argv)
{
	long log_bytes = 1048576;
	const char *value;
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if ((value = option(argv, &i, "--dir")) != NULL) {
			if (*value == '\0')
				return usage("--dir needs a directory");
			directory = value;
		} else if ((value = option(argv, &i, "--grace")) != NULL) {
			if (!parse_milliseconds(value, &grace))
				return usage("--grace is a time such as 2s or 500ms, not \"%s\"", value);
		} else if ((value = option(argv, &i, "--on-crash")) != NULL) {
			if (strcmp(value, "hold") != 0 && strcmp(value, "exit") != 0)
				return usage("--on-crash is hold or exit, not \"%s\"", value);
			exit_on_crash = *value == 'e';
		} else if ((value = option(argv, &i, "--log-bytes")) != NULL) {
			if (!parse_number(value, 4096, 1L << 30, &log_bytes))
				return usage("--log-bytes is a number from 4096 to 1073741824, not \"%s\"", value);
		} else {
			return usage("\"%s\" is no option; the command comes after `--`", argv[i]);
		}
	}
	if (i + 1 >= argc)
		return usage("which command? `kit supervise -- CMD...`");
	app = argv + i + 1;
	if (directory != NULL && output_open(log_bytes) != 0)
		return fail("no pipe for the app's output: %s", strerror(errno));
	return run();
}

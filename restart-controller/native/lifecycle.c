/*
 * What `kit supervise` does: starts the app, stops it, starts it again; reaps, passes on, reports.
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

enum { STUCK_MS = 5000, REWATCH_MS = 2000, PORT_WAIT_MS = 1000, PORT_LOOK_MS = 2 };

static enum { RUNNING, STOPPING, CRASHED, STOPPED } phase = STOPPED;
static enum { RESTART, HOLD_STOPPED, HOLD_CRASHED, LEAVE } after; /* while STOPPING */
static const char *const phase_names[] = {"running", "stopping", "crashed", "stopped"};

static struct supervise_options options;
static pid_t group;       /* of the app, also while only leftovers of it live */
static pid_t leader;      /* 0 once it has been reaped */
static bool killed;       /* this stop has come to SIGKILL */
static bool leaving;      /* asked to end from outside: the app's end is ours */
static long long deadline; /* of this stop; 0: none */
static long long port_deadline; /* of the wait for the old one's ports; 0: none */

static struct app_state state = {.exit_status = -1};
static int dir_fd = -1, fifo = -1, inotify = -1;
static bool finished;
static bool terminal; /* we are in the foreground of a terminal, alone or under a shell: the app has to be, or it can't read from it */

static void write_state(void)
{
	static bool said;

	state.pid = leader;
	state.phase = phase_names[phase];
	if (dir_fd >= 0 && state_write(dir_fd, &state) != 0 && !said) {
		say("%s/state.json can't be written: %s", options.directory, strerror(errno));
		said = true;
	}
}

static void hand_over(void)
{
	held_hand_over();
	swap_set_present_port();
}

static void start(void)
{
	output_read(); /* what the old one said comes before the marker */
	state.generation++;
	if (state.generation > 1)
		output_marker(state.generation);
	ports_begin();
	held_begin();
	leader = spawn(swap_configured() ? swap_present_command() : options.app, output_write_end(), terminal, hand_over);
	state.started_at = wall_clock();
	state.started = monotonic();
	state.ready = (struct timespec){0};
	group = leader;
	killed = false;
	deadline = 0;
	if (state.restart.asked.tv_sec != 0 && state.restart.started.tv_sec == 0)
		state.restart.started = state.started;
	if (leader > 0) {
		phase = RUNNING;
	} else {
		say("%s can't be started: %s", options.app[0], strerror(errno));
		leader = group = 0;
		held_end();
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
	deadline = now_ms() + (killed ? STUCK_MS : options.grace);
	kill(-group, signal);
	kill(-group, SIGCONT); /* a stopped process could not obey */
	if (killed)
		kill_children();
	write_state();
}

/* Somebody still listens where the new one wants to: it waits, but not for ever. */
static bool ports_free(void)
{
	long port = after == RESTART ? ports_busy() : 0;

	if (port > 0 && port_deadline == 0) {
		say("port %ld is still listened on: the new start waits for it, %d ms at most", port, PORT_WAIT_MS);
		port_deadline = now_ms() + PORT_WAIT_MS;
	}
	if (port > 0 && now_ms() < port_deadline)
		return false;
	if (port > 0)
		say("port %ld is still listened on: starting all the same", port);
	port_deadline = 0;
	return true;
}

/* The group is gone, and what slipped out of it. */
static void stopped(void)
{
	group = 0;
	deadline = 0;
	swap_forget();
	if (!ports_free())
		return; /* looked at again in PORT_LOOK_MS */
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
		finished = options.exit_on_crash;
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

	swap_ending(how->si_pid);
	if (how->si_pid == leader && phase == RUNNING) {
		/* Ended by itself, or because we are leaving. As with any PID 1, the rest of it ends too; now, while the number is still its own. */
		kill(-group, SIGKILL);
		killed = true;
		phase = STOPPING;
		after = leaving ? LEAVE : HOLD_CRASHED;
		deadline = now_ms() + STUCK_MS;
		state.crashes += !leaving;
	}
	if (waitpid(how->si_pid, &status, WNOHANG) != how->si_pid)
		return;
	swap_ended(how->si_pid, status);
	if (how->si_pid == leader) {
		leader = 0;
		held_end();
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

static void begin_record(const char *id)
{
	state.restart.asked_at = wall_clock();
	state.restart.asked = monotonic();
	state.restart.stopped = state.restart.started = (struct timespec){0};
	strcpy(state.restart.id, id);
}

static void take_swap(const struct control_request *r)
{
	if (r->verb == CONTROL_ABORT) {
		swap_abort();
	} else if (phase == RUNNING && r->verb == CONTROL_SWAP) {
		begin_record(r->id);
		swap_begin();
	} else if (phase == RUNNING && swap_commit(&leader, &group, options.grace, &state) && terminal) {
		tcsetpgrp(STDIN_FILENO, group);
	}
	write_state();
}

static void take_request(const struct control_request *r)
{
	bool swaps = r->verb == CONTROL_SWAP || r->verb == CONTROL_COMMIT || r->verb == CONTROL_ABORT;

	if (swaps && !swap_configured()) {
		state.ignored++;
		return;
	}
	if (r->id[0] != '\0')
		strcpy(state.last_request, r->id);
	if (leaving)
		return;
	if (swaps) {
		take_swap(r);
		return;
	}
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
	if (phase != STOPPING || after != RESTART)
		begin_record(r->id);
	strcpy(state.restart.id, r->id);
	if (phase == RUNNING) {
		after = RESTART;
		stop(r->now ? SIGKILL : SIGTERM);
	} else if (phase == STOPPING) {
		after = RESTART;
		if (r->now && !killed)
			stop(SIGKILL);
	} else {
		phase = STOPPING;
		after = RESTART;
		stopped();
	}
}

static void open_directory(void)
{
	if (dir_fd >= 0)
		close(dir_fd);
	if (fifo >= 0)
		close(fifo);
	fifo = -1;
	dir_fd = make_shared_directory(options.directory) != 0 ? -1 : open(options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		say("%s can't be used, so there is no control, state or log: %s", options.directory, strerror(errno));
		output_directory(-1);
		return;
	}
	if (inotify >= 0)
		inotify_add_watch(inotify, options.directory, IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF);
	fifo = control_open(dir_fd);
	if (fifo < 0)
		say("%s/control can't be made, so nothing can be asked of this supervisor: %s", options.directory, strerror(errno));
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
	if (dir_fd < 0 || stat(options.directory, &named) != 0 || fstat(dir_fd, &held) != 0 || named.st_ino != held.st_ino || named.st_dev != held.st_dev) {
		open_directory();
		write_state();
		return;
	}
	if (!control_check(dir_fd, fifo)) {
		if (fifo >= 0)
			close(fifo);
		fifo = control_open(dir_fd);
		say("%s/control was deleted or replaced: %s", options.directory, fifo < 0 ? strerror(errno) : "made anew");
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
	if (ends)
		swap_signal(signal);
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
		kill_children(); /* one that left the group may be all that keeps a dead member of it unreaped */
		return;
	}
	say("process group %d is still there %d s after SIGKILL (stuck in the kernel?): going on without waiting for it", (int)group, STUCK_MS / 1000);
	leader = 0;
	stopped();
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int timeout(void)
{
	long long now = now_ms();
	int in = deadline == 0 ? -1 : deadline > now ? (int)(deadline - now) : 0;

	in = sooner(in, port_deadline == 0 ? -1 : PORT_LOOK_MS);
	in = sooner(in, output_timeout(now));
	in = sooner(in, phase == RUNNING ? held_timeout(now) : -1);
	in = sooner(in, connections_timeout(now));
	in = sooner(in, swap_timeout(now));
	/* No inotify to be had (a limit per user and node): look from time to time. */
	return sooner(in, options.directory != NULL && inotify < 0 ? REWATCH_MS : -1);
}

static bool respond_live(struct connection *c, const struct request *r)
{
	bool understood = r->get || r->head;

	connection_answer(c, understood ? 200 : 405, understood ? phase_names[phase] : "only GET", r->get);
	return true;
}

int supervise(const struct supervise_options *given)
{
	sigset_t taken;
	int signals, live = -1;

	options = *given;
	if (held_open() != EXIT_OK)
		return EXIT_FAILED;
	if (options.live_port > 0 && (live = open_listener(NULL, options.live_port, true, NULL)) < 0)
		return fail("port %ld can't be used for --live: %s", options.live_port, strerror(errno));
	take_signals(&taken);
	signals = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals < 0)
		return fail("signalfd: %s", strerror(errno));
	if (options.directory != NULL) {
		inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (inotify < 0)
			say("no inotify instance left on this node (%s): looking at %s every %d s instead; raise fs.inotify.max_user_instances", strerror(errno), options.directory, REWATCH_MS / 1000);
		open_directory();
	}
	terminal = tcgetpgrp(STDIN_FILENO) == getpgrp();
	start();
	while (!finished) {
		enum { OURS = 7 };
		struct pollfd polls[OURS + CONNECTIONS] = {
			{.fd = signals, .events = POLLIN},
			{.fd = fifo, .events = POLLIN},
			{.fd = inotify, .events = POLLIN},
			{.fd = output_wants_read() ? output_read_end() : -1, .events = POLLIN},
			{.fd = output_wants_write() ? STDOUT_FILENO : -1, .events = POLLOUT},
			{.fd = held_notify(), .events = POLLIN},
			{.fd = live, .events = POLLIN},
		};
		nfds_t probes = live < 0 ? 0 : connections_poll(polls + OURS);
		int ready = poll(polls, OURS + probes, timeout());

		if (ready > 0 && polls[0].revents != 0)
			read_signals(signals);
		reap();
		if (ready > 0 && polls[1].revents != 0)
			read_control();
		if (options.directory != NULL && (inotify < 0 ? ready == 0 : ready > 0 && polls[2].revents != 0))
			check_directory();
		output_read();
		output_write();
		if (phase == RUNNING && swap_look(leader, &state))
			write_state();
		if (held_look()) {
			state.ready = monotonic();
			write_state();
		}
		if (ready >= 0 && live >= 0)
			connections_read(polls + OURS, probes, respond_live);
		if (ready > 0 && polls[6].revents != 0)
			connections_take(live, respond_live);
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

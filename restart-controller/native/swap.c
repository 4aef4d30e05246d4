/*
 * Swap (--swap-port A,B): a new process starts beside the present one, on the other of two ports, and takes its place when told to.
 * A new one that dies leaves the present one as it is. Whoever is in front of both ports decides when.
 */
#include "kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { STUCK_MS = 5000 };

struct other {
	pid_t leader, group; /* 0: reaped; 0: nothing of it is left */
	bool killed;
	long long deadline; /* until SIGKILL, then until we stop waiting; 0: none */
};

static long ports[2];
static int present; /* which of them */
static const char *variable;
static char **commands[2]; /* with {port} filled in */

static struct other beside, retiring;
static bool wanted;  /* starts as soon as the other port is free of its last user */
static bool crashed; /* the last one beside ended by itself */
static int exit_status;
static pid_t last_pid;
static struct timespec started_at, started;

bool swap_ports(const char *text)
{
	const char *comma = strchr(text, ',');
	char first[8];

	if (comma == NULL || (size_t)(comma - text) >= sizeof first)
		return false;
	memcpy(first, text, (size_t)(comma - text));
	first[comma - text] = '\0';
	return parse_number(first, 1, 65535, &ports[0]) && parse_number(comma + 1, 1, 65535, &ports[1]) && ports[0] != ports[1];
}

void swap_variable(const char *name)
{
	variable = name;
}

bool swap_configured(void)
{
	return ports[0] != 0;
}

static char *filled_in(const char *word, long port)
{
	const char *mark = strstr(word, "{port}");
	size_t size = strlen(word) + 8;
	char *text = mark == NULL ? strdup(word) : malloc(size);

	if (text != NULL && mark != NULL)
		snprintf(text, size, "%.*s%ld%s", (int)(mark - word), word, port, mark + strlen("{port}"));
	return text;
}

/* Once, before the first start. False: no memory. */
bool swap_command(char **app)
{
	size_t count = 0;

	while (app[count] != NULL)
		count++;
	for (int which = 0; which < 2; which++) {
		commands[which] = calloc(count + 1, sizeof *app);
		for (size_t i = 0; i < count; i++)
			if (commands[which] == NULL || (commands[which][i] = filled_in(app[i], ports[which])) == NULL)
				return false;
	}
	return true;
}

char **swap_present_command(void)
{
	return commands[present];
}

static void set_port(int which)
{
	char number[8];

	if (variable == NULL)
		return;
	snprintf(number, sizeof number, "%ld", ports[which]);
	setenv(variable, number, 1);
}

/* In a new process, before it becomes the app. */
void swap_set_present_port(void)
{
	if (swap_configured())
		set_port(present);
}

static void set_other_port(void)
{
	set_port(!present);
}

/* One that is beside already makes room for the new one. */
void swap_begin(void)
{
	swap_abort();
	wanted = true;
}

void swap_abort(void)
{
	wanted = crashed = false;
	if (beside.group == 0)
		return;
	kill(-beside.group, SIGKILL);
	beside.killed = true;
}

/* True: the one beside is now the present one, and the old one has been asked to end. */
bool swap_commit(pid_t *leader, pid_t *group, long grace, struct app_state *state)
{
	if (beside.leader == 0 || beside.killed)
		return false;
	retiring = (struct other){.leader = *leader, .group = *group, .deadline = now_ms() + grace};
	*leader = *group = beside.leader;
	kill(-retiring.group, SIGTERM);
	kill(-retiring.group, SIGCONT);
	beside = (struct other){0};
	present = !present;
	state->generation++;
	state->started_at = started_at;
	state->started = state->restart.started = started;
	return true;
}

/* A child has ended and is still a zombie: the rest of its group goes too, while the number is its own. */
void swap_ending(pid_t pid)
{
	if (pid == beside.leader || pid == retiring.leader)
		kill(-pid, SIGKILL);
}

void swap_ended(pid_t pid, int status)
{
	if (pid == retiring.leader)
		retiring.leader = 0;
	if (pid != beside.leader)
		return;
	beside.leader = 0;
	crashed = !beside.killed;
	exit_status = status;
	last_pid = pid;
}

/* The present one is gone, and with it every child of ours. */
void swap_forget(void)
{
	beside = retiring = (struct other){0};
	wanted = crashed = false;
}

/* What time and deaths bring about. True: the state has changed. */
bool swap_look(pid_t leader, struct app_state *state)
{
	bool changed = false;

	if (retiring.group > 0 && retiring.leader == 0 && !group_exists(retiring.group)) {
		kill_older_children(leader); /* what left its group */
		retiring = (struct other){0};
		state->restart.stopped = monotonic();
		changed = true;
	}
	if (retiring.deadline != 0 && now_ms() >= retiring.deadline) {
		if (retiring.killed) {
			say("process group %d is still there %d s after SIGKILL: going on without waiting for it", (int)retiring.group, STUCK_MS / 1000);
			retiring = (struct other){0};
		} else {
			kill(-retiring.group, SIGKILL);
			retiring.killed = true;
			retiring.deadline = now_ms() + STUCK_MS;
		}
		changed = true;
	}
	if (beside.group > 0 && beside.leader == 0 && !group_exists(beside.group)) {
		beside = (struct other){0};
		changed = true;
	}
	if (wanted && beside.group == 0 && retiring.group == 0) {
		wanted = crashed = false;
		output_marker(state->generation + 1);
		beside.leader = spawn(commands[!present], output_write_end(), false, set_other_port);
		started_at = wall_clock();
		started = monotonic();
		if (beside.leader < 0) {
			say("%s can't be started: %s", commands[!present][0], strerror(errno));
			beside.leader = 0;
			crashed = true;
			exit_status = 126 << 8;
			last_pid = 0;
		}
		beside.group = beside.leader;
		changed = true;
	}
	return changed;
}

/* For the one beside too, when all of it is asked to end. */
void swap_signal(int signal)
{
	if (beside.group > 0)
		kill(-beside.group, signal);
}

int swap_timeout(long long now)
{
	return retiring.deadline == 0 ? -1 : retiring.deadline > now ? (int)(retiring.deadline - now) : 0;
}

/* The members that state.json has with --swap-port; none without. */
const char *swap_json(char *out, size_t size)
{
	char one[160] = "null";

	*out = '\0';
	if (!swap_configured())
		return out;
	if (crashed && WIFSIGNALED(exit_status))
		snprintf(one, sizeof one, "{\"pid\":%d,\"port\":%ld,\"phase\":\"crashed\",\"exit\":%d}", (int)last_pid, ports[!present], 128 + WTERMSIG(exit_status));
	else if (crashed)
		snprintf(one, sizeof one, "{\"pid\":%d,\"port\":%ld,\"phase\":\"crashed\",\"exit\":%d}", (int)last_pid, ports[!present], WEXITSTATUS(exit_status));
	else if (wanted)
		snprintf(one, sizeof one, "{\"pid\":0,\"port\":%ld,\"phase\":\"waiting\",\"exit\":null}", ports[!present]);
	else if (beside.leader > 0 && !beside.killed)
		snprintf(one, sizeof one, "{\"pid\":%d,\"port\":%ld,\"phase\":\"running\",\"exit\":null}", (int)beside.leader, ports[!present]);
	snprintf(out, size, ",\"port\":%ld,\"beside\":%s,\"retiring\":%s", ports[present], one, retiring.group > 0 ? "true" : "false");
	return out;
}

/* The kit: one static program that runs inside other people's images. See main.c for the list of calls. */
#ifndef KIT_H
#define KIT_H

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifndef KIT_VERSION
#define KIT_VERSION "0.0.0"
#endif

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* One per call, in the file of that name. argv[0] is the call's own name. */
int install_main(int argc, char **argv);
int copy_main(int argc, char **argv);
int live_main(int argc, char **argv);
int probe_main(int argc, char **argv);
int init_main(int argc, char **argv);
int supervise_main(int argc, char **argv);
int listeners_main(int argc, char **argv);
int ask_main(int argc, char **argv);
int owner_main(int argc, char **argv);
extern const char install_help[], copy_help[], live_help[], probe_help[], init_help[], supervise_help[], listeners_help[], ask_help[], owner_help[];

/* text.c: sentences, arguments, times */
extern const char *call_name;
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *option(char **argv, int *at, const char *name);
bool parse_number(const char *text, long min, long max, long *out);
bool parse_milliseconds(const char *text, long *out);
bool json_escape(const char *text, char *out, size_t size);
long long now_ms(void);
struct timespec wall_clock(void);
enum { UTC_SIZE = 32 };
const char *utc(struct timespec at, char out[UTC_SIZE]);

/* file.c: directories and files that appear whole or not at all */
int make_shared_directory(const char *path);
int replace_file(int dir, const char *name, const char *temporary, const char *data, size_t size, mode_t mode);
int free_name(int dir, const char *name);
int overwrite_file(int dir, const char *name, const char *data, size_t size);
bool write_all(int fd, const void *data, size_t size);

/* liveness.c: what `live` and `probe` agree on. The struct lives in memory that outlasts the process that uses it. */
struct liveness {
	atomic_int remaining;  /* failing answers still owed to the kubelet */
	atomic_int consuming;  /* set around putting the file back, so that a kill -9 in between loses nothing */
	atomic_int unreplaced; /* the request was consumed but the file could not be put back */
};
struct verdict {
	bool alive;
	char why[160]; /* one line, no newline */
};
void liveness_recover(struct liveness *l, const char *file, int threshold);
void liveness_probe(struct liveness *l, const char *file, int threshold, struct verdict *v);
void liveness_look(struct liveness *l, const char *file, int threshold, struct verdict *v);
void liveness_unsent(struct liveness *l);

/* http.c: the little of HTTP that `live` understands */
struct request {
	char path[128];
	bool get, head, kubelet;
};
/* 0: incomplete; 200: parsed; else the status to refuse with. */
int parse_request(const char *head, size_t size, struct request *r);

/* connections.c: the probes' connections */
enum { CONNECTIONS = 64 };
struct connection;
typedef bool respond_fn(struct connection *c, const struct request *r); /* false: drop it without an answer */
bool connection_answer(struct connection *c, int status, const char *text, bool with_body);
bool connection_gone(const struct connection *c);
void connections_take(int listener, respond_fn *respond);
nfds_t connections_poll(struct pollfd polls[CONNECTIONS]);
int connections_timeout(long long now);
void connections_read(const struct pollfd *polls, nfds_t count, respond_fn *respond);

/* listen.c: listening sockets */
struct listen_address {
	char address[48]; /* "": every address */
	long port;
};
bool parse_listen(const char *text, struct listen_address *out);
int open_listener(const char *address, long port, bool nonblocking, long *actual);

/* process.c: what the two PID 1s share */
void take_signals(sigset_t *taken);
pid_t spawn(char *const *argv, int output, bool terminal, void (*prepare)(void));
bool group_exists(pid_t group);
bool kill_children(void);
void kill_older_children(pid_t than);

/* diag.c: the kernel's own word on TCP sockets */
enum { MOST_LISTENERS = 64 }; /* on one port: more than a server with SO_REUSEPORT has cores */
struct inodes {
	uint32_t inode[MOST_LISTENERS];
	size_t count;
};
struct sockaddr_storage;
int diag_open(void);
bool diag_listeners(int netlink, long port, struct inodes *f);
bool listeners_on(long port, struct inodes *f);
int diag_accepted(int netlink, const struct sockaddr_storage *server, const struct sockaddr_storage *client);
int diag_take(const char *data, size_t size, uint16_t port, struct inodes *f);

/* guard.c */
int memory_percent(const char *cgroup_root);

/* lifecycle.c: what `supervise` does */
struct supervise_options {
	char **app;
	const char *directory; /* NULL: none */
	long grace, live_port; /* 0: none */
	bool exit_on_crash;
};
int supervise(const struct supervise_options *given);

/* output.c: the app's output, to our own stdout and to the log */
int output_open(long log_bytes);
void output_directory(int dir);
void output_check_log(void);
bool output_make_room(void);
void output_read(void);
void output_write(void);
void output_finish(void);
void output_marker(long generation);
bool output_wants_read(void);
bool output_wants_write(void);
int output_timeout(long long now);
int output_read_end(void);
int output_write_end(void);

/* held.c: listening sockets that outlive the app's process */
const char *held_add(const char *text);
int held_count(void);
long held_port(int i);
int held_open(void);
void held_hand_over(void);
void held_begin(void);
void held_end(void);
bool held_look(void);
int held_notify(void);
int held_timeout(long long now);
bool held_says_ready(const char *text, size_t size);

/* swap.c: a new process beside the present one */
struct app_state;
bool swap_ports(const char *text);
void swap_variable(const char *name);
bool swap_configured(void);
bool swap_command(char **app);
char **swap_present_command(void);
void swap_set_present_port(void);
void swap_begin(void);
void swap_abort(void);
bool swap_commit(pid_t *leader, pid_t *group, long grace, struct app_state *state);
void swap_ending(pid_t pid);
void swap_ended(pid_t pid, int status);
void swap_forget(void);
bool swap_look(pid_t leader, struct app_state *state);
void swap_signal(int signal);
int swap_timeout(long long now);
const char *swap_json(char *out, size_t size);

/* ports.c: ports that the app binds by itself */
bool ports_add(long port);
void ports_begin(void);
long ports_busy(void);
/* owner.c: which processes that we may look into hold a port */
int owner_print(int to, long port);

/* control.c: the FIFO that restart requests come through */
struct control_request {
	enum { CONTROL_RESTART, CONTROL_STOP, CONTROL_START, CONTROL_SWAP, CONTROL_COMMIT, CONTROL_ABORT } verb;
	bool now;
	char id[65];
};
bool control_parse(char *line, struct control_request *r);
int control_open(int dir);
bool control_check(int dir, int fd);
long control_read(int fd, void (*take)(const struct control_request *));

/* state.c: what the supervisor says of itself */
struct app_state {
	long generation, crashes, ignored;
	pid_t pid; /* 0: none */
	const char *phase;
	struct timespec started_at, started, ready; /* the last two monotonic; ready.tv_sec 0: not yet, or nobody can tell */
	int exit_status; /* of the last one, as wait() gives it; -1: none has ended yet */
	struct timespec exited_at;
	char last_request[65];
	struct {
		char id[65];
		struct timespec asked_at;                /* wall clock */
		struct timespec asked, stopped, started; /* monotonic; tv_sec 0: not yet */
	} restart;
};
struct timespec monotonic(void);
int state_write(int dir, const struct app_state *s);
long state_generation(int dir);

#endif

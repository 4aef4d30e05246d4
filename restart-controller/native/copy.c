/*
 * kit copy: fills the source volume from the app's own image, where there may be no shell and no cp.
 *
 * The rule that everything here serves: what is on the volume is the developer's. A name that exists is never touched, and once
 * the marker is there nothing is: init containers run again after a node reboot, over edited and deleted files.
 */
#include "kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

const char copy_help[] =
	"kit copy [--image REF] [--skip-unreadable] SRC DST\n\n"
	"Copies the tree SRC into DST, never over anything that exists there. When all of it is there, DST/.inpod/source.json is\n"
	"written; from then on this call changes nothing, and says so if REF is another image than the one in it.\n"
	"Kept: modes (the group gets what the owner has; directories are setgid; no setuid), links as links, times, holes.\n"
	"Left out and counted: sockets, FIFOs, devices, other file systems mounted below SRC, SRC/.inpod.\n"
	"Files that this user can't read: named, the rest is copied, exit 1 and no marker; with --skip-unreadable exit 0.\n";

#define TEMPORARY "copying"
enum { NAMED_AT_MOST = 10 };

static struct {
	long files, directories, links, kept, special, mounts, unreadable;
	long long bytes;
} count;
static const char *from_path, *to_path;
static struct stat from_root, to_root;
static int inpod = -1; /* DST/.inpod: temporary files live here, on the same file system as all of DST */
static char trail[PATH_MAX]; /* where we are, for sentences only: the walk itself knows no path and so no limit of its length */

static int give_up(const char *name, int error)
{
	if (error == ENOSPC || error == EDQUOT)
		return fail("%s is full after %ld files, %lld MB (at %s%s): make the volume larger (source.size), then start again: what is there is kept",
			to_path, count.files, count.bytes / 1000000, trail, name);
	if (error == EMFILE || error == ENFILE)
		return fail("too many open files at %s%s: raise the limit (ulimit -n)", trail, name);
	if (error == EXDEV)
		return fail("%s%s is another file system, mounted inside %s: mount it elsewhere while copying", trail, name, to_path);
	return fail("%s%s can't be written to %s: %s; the volume must be writable for uid %d", trail, name, to_path, strerror(error), (int)getuid());
}

static int unreadable(const char *name, int error)
{
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return give_up(name, error);
	if (++count.unreadable <= NAMED_AT_MOST)
		say("%s%s can't be read: %s", trail, name, strerror(error));
	return EXIT_OK;
}

/* The IDE may run as another user of the same group: what the owner may, the group may. */
static mode_t shared_mode(mode_t mode)
{
	return (mode & 01707) | (mode & 0700) >> 3;
}

/* So that what the app makes later, with whatever umask, stays writable for the group. Where there are no ACLs: without. */
static void default_acl(int directory, mode_t mode)
{
	/* struct posix_acl_xattr: version 2, then {tag, permissions, id} for owner, group and others, all little-endian */
	unsigned char acl[4 + 3 * 8] = {2, 0, 0, 0, 0x01, 0, 7, 0, 255, 255, 255, 255, 0x04, 0, 7, 0, 255, 255, 255, 255, 0x20, 0, 0, 0, 255, 255, 255, 255};

	acl[4 + 2 * 8 + 2] = (unsigned char)(mode & 7);
	(void)fsetxattr(directory, "system.posix_acl_default", acl, sizeof acl, 0);
}

/* Copies [at, end), the fastest way that works; every failure is tried again by hand, which tells reading from writing. */
static int copy_range(int in, int out, off_t at, off_t end, const char *name)
{
	static char block[65536];
	loff_t in_at = at, out_at = at;

	while (in_at < end && copy_file_range(in, &in_at, out, &out_at, (size_t)(end - in_at), 0) > 0)
		;
	at = in_at;
	if (lseek(out, at, SEEK_SET) < 0)
		return give_up(name, errno);
	while (at < end && sendfile(out, in, &at, (size_t)(end - at)) > 0)
		;
	while (at < end) {
		ssize_t n = pread(in, block, sizeof block, at);
		if (n < 0)
			return unreadable(name, errno) == EXIT_OK ? -1 : EXIT_FAILED;
		if (n == 0)
			break; /* it shrank */
		if (lseek(out, at, SEEK_SET) < 0 || !write_all(out, block, (size_t)n))
			return give_up(name, errno);
		at += n;
	}
	return EXIT_OK;
}

/* EXIT_OK, EXIT_FAILED, or -1: this file can't be read. */
static int copy_bytes(int in, int out, const struct stat *st, const char *name)
{
	off_t at = 0, data, hole;
	int result = EXIT_OK;

	if ((off_t)st->st_blocks * 512 >= st->st_size)
		return copy_range(in, out, 0, st->st_size, name);
	while (result == EXIT_OK && at < st->st_size) {
		data = lseek(in, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break; /* only a hole is left */
		hole = data < 0 ? -1 : lseek(in, data, SEEK_HOLE);
		if (hole < 0) {
			data = at;
			hole = st->st_size;
		}
		result = copy_range(in, out, data, hole, name);
		at = hole;
	}
	if (result == EXIT_OK && ftruncate(out, st->st_size) != 0)
		return give_up(name, errno);
	return result;
}

/* The temporary file gets its name, unless somebody has it. Returns 0 or an errno. */
static int place(int to, const char *name)
{
	enum { NOREPLACE = 1 };
	struct stat st;

	if (syscall(SYS_renameat2, inpod, TEMPORARY, to, name, NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	if (linkat(inpod, TEMPORARY, to, name, 0) == 0)
		return 0;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return errno;
	/* A file system with neither: look first. Nobody else writes while the init container runs. */
	if (fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return EEXIST;
	return renameat(inpod, TEMPORARY, to, name) == 0 ? 0 : errno;
}

static int copy_file(int from, int to, const char *name)
{
	struct stat st;
	int in, out, result;

	if (fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		count.kept++;
		return EXIT_OK;
	}
	in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return unreadable(name, errno);
	if (fstat(in, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(in);
		count.special++;
		return EXIT_OK;
	}
	out = openat(inpod, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0) {
		result = give_up(name, errno);
		close(in);
		return result;
	}
	result = copy_bytes(in, out, &st, name);
	close(in);
	if (result == EXIT_OK && fchmod(out, shared_mode(st.st_mode) & 0777) != 0)
		result = give_up(name, errno);
	(void)futimens(out, (struct timespec[]){st.st_atim, st.st_mtim});
	if (close(out) != 0 && result == EXIT_OK)
		result = give_up(name, errno); /* where a full network volume tells it */
	if (result == EXIT_OK) {
		int error = place(to, name);
		if (error == 0) {
			count.files++;
			count.bytes += st.st_size;
		} else if (error == EEXIST) {
			count.kept++;
		} else {
			result = give_up(name, error);
		}
	}
	unlinkat(inpod, TEMPORARY, 0); /* there only if it was linked or failed */
	return result < 0 ? EXIT_OK : result;
}

static int copy_link(int from, int to, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t size = readlinkat(from, name, target, sizeof target - 1);

	if (size < 0)
		return unreadable(name, errno);
	target[size] = '\0';
	if (symlinkat(target, to, name) != 0) {
		if (errno != EEXIST)
			return give_up(name, errno);
		count.kept++;
		return EXIT_OK;
	}
	(void)utimensat(to, name, (struct timespec[]){st->st_atim, st->st_mtim}, AT_SYMLINK_NOFOLLOW);
	count.links++;
	return EXIT_OK;
}

static int copy_entries(int from, int to);

static int copy_directory(int from, int to, const char *name, const struct stat *st)
{
	mode_t mode = shared_mode(st->st_mode) | S_ISGID;
	size_t length = strlen(trail), more = strlen(name);
	int child, target, result;
	bool made;

	if (st->st_dev != from_root.st_dev) {
		count.mounts++; /* /proc and friends when SRC is / */
		return EXIT_OK;
	}
	if (st->st_dev == to_root.st_dev && st->st_ino == to_root.st_ino)
		return EXIT_OK; /* DST inside SRC */
	child = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (child < 0)
		return unreadable(name, errno);
	made = mkdirat(to, name, mode | 0700) == 0;
	if (!made && errno != EEXIST) {
		result = give_up(name, errno);
		close(child);
		return result;
	}
	target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0) {
		result = EXIT_OK;
		if (errno == ENOTDIR || errno == ELOOP)
			count.kept++; /* a file or a link has that name: it stays, and is not followed */
		else
			result = give_up(name, errno);
		close(child);
		return result;
	}
	if (made) {
		count.directories++;
		default_acl(target, mode);
		(void)fchmod(target, mode | 0700); /* whatever the umask; writable for us until it is filled */
	}
	if (length + more + 2 < sizeof trail)
		snprintf(trail + length, sizeof trail - length, "%s/", name);
	result = copy_entries(child, target);
	trail[length] = '\0';
	if (made && result == EXIT_OK) {
		if ((mode & 0700) != 0700)
			(void)fchmod(target, mode);
		(void)futimens(target, (struct timespec[]){st->st_atim, st->st_mtim});
	}
	close(target);
	return result;
}

/* Closes `from`. */
static int copy_entries(int from, int to)
{
	DIR *list = fdopendir(from);
	struct dirent *entry;
	struct stat st;
	int result = EXIT_OK;

	if (list == NULL) {
		close(from);
		return unreadable("", ENOMEM);
	}
	while (result == EXIT_OK && (errno = 0, entry = readdir(list)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (trail[0] == '\0' && strcmp(name, ".inpod") == 0))
			continue;
		if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			result = unreadable(name, errno);
		else if (S_ISDIR(st.st_mode))
			result = copy_directory(from, to, name, &st);
		else if (S_ISREG(st.st_mode))
			result = copy_file(from, to, name);
		else if (S_ISLNK(st.st_mode))
			result = copy_link(from, to, name, &st);
		else
			count.special++;
	}
	if (result == EXIT_OK && errno != 0)
		result = unreadable("", errno);
	closedir(list);
	return result;
}

/* The marker is there: nothing is to be done but to tell a changed image. */
static int report(const char *image)
{
	char text[8192], wanted[4096], *was, *end;
	ssize_t size = -1;
	int fd;

	if (image == NULL)
		return EXIT_OK;
	fd = openat(inpod, "source.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		size = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[size > 0 ? size : 0] = '\0';
	/* Compared as it is written: we escape like JSON.stringify does. */
	was = strstr(text, "\"image\":\"");
	if (was != NULL)
		was += strlen("\"image\":\"");
	end = was;
	while (end != NULL && *end != '"' && *end != '\0')
		end += *end == '\\' && end[1] != '\0' ? 2 : 1;
	if (end != NULL)
		*end = '\0';
	if (json_escape(image, wanted, sizeof wanted) && (was == NULL || strcmp(was, wanted) != 0))
		say("the image changed: was %s, now %s; your files are kept: inpod source update", was == NULL ? "unknown" : was, image);
	return EXIT_OK;
}

static int write_marker(const char *image)
{
	char text[16384], from[4096], escaped[4096] = "", at[UTC_SIZE];
	int size;

	/* Contents first: a marker that survives a power cut without them would make the loss final. */
	if (syncfs(inpod) != 0)
		return give_up("", errno);
	if (!json_escape(from_path, from, sizeof from) || !json_escape(image == NULL ? "" : image, escaped, sizeof escaped))
		return fail("the path or the image reference is too long");
	size = snprintf(text, sizeof text, "{\"v\":1,\"from\":\"%s\",\"image\":%s%s%s,\"at\":\"%s\"}\n", from, image == NULL ? "" : "\"", image == NULL ? "null" : escaped,
		image == NULL ? "" : "\"", utc(wall_clock(), at));
	if (replace_file(inpod, ".gitignore", ".gitignore.new", "*\n", 2, 0664) != 0 || replace_file(inpod, "source.json", "source.json.new", text, (size_t)size, 0664) != 0)
		return give_up(".inpod/source.json", errno);
	return EXIT_OK;
}

static int open_destination(int *to)
{
	if (make_shared_directory(to_path) != 0)
		return fail("%s can't be made: %s; mount a writable volume there", to_path, strerror(errno));
	*to = open(to_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*to < 0 || fstat(*to, &to_root) != 0)
		return fail("%s can't be opened: %s; DST is a directory that uid %d may write to", to_path, strerror(errno), (int)getuid());
	if (mkdirat(*to, ".inpod", 0775) == 0)
		(void)fchmodat(*to, ".inpod", 02775, 0);
	else if (errno != EEXIST)
		return give_up(".inpod", errno);
	inpod = openat(*to, ".inpod", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inpod < 0)
		return fail("%s/.inpod is no directory that can be used: %s; move it away", to_path, strerror(errno));
	(void)flock(inpod, LOCK_EX); /* two copies at once would share the temporary name; where there are no locks: as before */
	return EXIT_OK;
}

static int copy_tree(const char *image, bool skip_unreadable)
{
	long long began = now_ms();
	int to = -1, from;
	struct stat st;

	from = open(from_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0 || fstat(from, &from_root) != 0)
		return fail("%s can't be opened: %s; SRC is a directory of this image", from_path, strerror(errno));
	if (open_destination(&to) != EXIT_OK)
		return EXIT_FAILED;
	if (fstatat(inpod, "source.json", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return report(image);
	if (from_root.st_dev == to_root.st_dev && from_root.st_ino == to_root.st_ino)
		return fail("%s and %s are the same directory", from_path, to_path);
	unlinkat(inpod, TEMPORARY, 0); /* of a copy that was killed */
	default_acl(to, 05);
	if (copy_entries(from, to) != EXIT_OK)
		return EXIT_FAILED;
	say("%s to %s: %ld files (%lld.%01lld MB), %ld directories, %ld links in %lld ms; %ld existing kept, %ld special files and %ld mounts left out, %ld unreadable", from_path,
		to_path, count.files, count.bytes / 1000000, count.bytes % 1000000 / 100000, count.directories, count.links, now_ms() - began, count.kept, count.special, count.mounts,
		count.unreadable);
	if (count.unreadable > 0 && !skip_unreadable)
		return fail("%ld names in %s can't be read by uid %d: run this as the image's own user, or do without them (--skip-unreadable)", count.unreadable, from_path, (int)getuid());
	return write_marker(image);
}

int copy_main(int argc, char **argv)
{
	const char *image = NULL, *value;
	bool skip_unreadable = false;
	struct rlimit limit;

	for (int i = 1; i < argc; i++) {
		if ((value = option(argv, &i, "--image")) != NULL)
			image = value;
		else if (strcmp(argv[i], "--skip-unreadable") == 0)
			skip_unreadable = true;
		else if (argv[i][0] == '-' || argv[i][0] == '\0' || to_path != NULL)
			return usage("\"%s\" is one argument too many", argv[i]);
		else if (from_path == NULL)
			from_path = argv[i];
		else
			to_path = argv[i];
	}
	if (to_path == NULL)
		return usage("from where to where? `kit copy SRC DST`");
	/* Two descriptors for each level of the tree. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return copy_tree(image, skip_unreadable);
}

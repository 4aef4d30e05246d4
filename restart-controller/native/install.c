/* kit install: an image of nothing but the kit fills the volume that other containers mount read-only. */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char install_help[] =
	"kit install DIR [FILE...]\n\n"
	"Copies this program to DIR/kit (whole or not at all, mode 0755).\n"
	"Each FILE is a liveness file: its directory is made (mode 2775, whatever the umask) and FILE too if it is absent (0664),\n"
	"so that \"present = alive\" holds before the first probe.\n";

static int install_program(const char *directory)
{
	static char block[65536];
	ssize_t n = -1;
	int from, to, dir;

	if (make_shared_directory(directory) != 0)
		return fail("the directory %s can't be made: %s; mount a writable volume there", directory, strerror(errno));
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail("%s can't be opened: %s; name a directory", directory, strerror(errno));
	from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return fail("/proc/self/exe can't be read: %s; mount /proc", strerror(errno));
	unlinkat(dir, ".kit.new", 0); /* left by an install that was killed */
	to = openat(dir, ".kit.new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
	if (to < 0)
		return fail("%s can't be written: %s; mount it writable for this user", directory, strerror(errno));
	while ((n = read(from, block, sizeof block)) > 0 && write_all(to, block, (size_t)n))
		;
	/* fsync before the rename: after a power cut there is the old program or the new one, never half of one. */
	if (n != 0 || fchmod(to, 0755) != 0 || fsync(to) != 0 || close(to) != 0 || renameat(dir, ".kit.new", dir, "kit") != 0) {
		int saved = errno;
		unlinkat(dir, ".kit.new", 0);
		return fail("%s/kit can't be written: %s", directory, strerror(saved));
	}
	close(from);
	close(dir);
	return EXIT_OK;
}

static int install_liveness(const char *file)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(file, '/');
	int fd;

	if (slash != NULL && slash != file) {
		if ((size_t)(slash - file) >= sizeof directory)
			return fail("the path %.60s... is too long", file);
		memcpy(directory, file, (size_t)(slash - file));
		directory[slash - file] = '\0';
		if (make_shared_directory(directory) != 0)
			return fail("the directory %s can't be made: %s; mount a writable volume there", directory, strerror(errno));
	}
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0664);
	if (fd < 0 && errno == EEXIST)
		return EXIT_OK;
	if (fd < 0)
		return fail("the liveness file %s can't be made: %s; mount its volume writable for this user", file, strerror(errno));
	if (fchmod(fd, 0664) != 0)
		say("the liveness file %s keeps its mode: %s", file, strerror(errno));
	close(fd);
	return EXIT_OK;
}

int install_main(int argc, char **argv)
{
	if (argc < 2)
		return usage("where to? `kit install DIR [FILE...]`");
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' || argv[i][0] == '\0')
			return usage("\"%s\" is no path", argv[i]);
	if (install_program(argv[1]) != EXIT_OK)
		return EXIT_FAILED;
	for (int i = 2; i < argc; i++)
		if (install_liveness(argv[i]) != EXIT_OK)
			return EXIT_FAILED;
	return EXIT_OK;
}

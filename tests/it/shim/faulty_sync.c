/* A disk whose syncs fail or hang on demand: preloaded into a process (LD_PRELOAD), it stands before fsync,
 * fdatasync and sync_file_range of the C library.
 *
 * FAULTY_SYNC_CONTROL names a file that is read again at every sync, one directive a line:
 *   fail <text>           a sync of a file whose path contains <text> fails with EIO; nothing is synced
 *   fail_at_end <text>    the same where the path ends with <text>: of a folder and not of what is in it
 *   fail_after <n> <text> the first n syncs of such files work, and all others fail
 *   keep <text>           a file whose path contains <text> cannot be removed: EPERM
 *   full <text>           a write to a file whose path contains <text> fails with ENOSPC; syncs work
 *   delay_ms <n> <text>   a sync of such a file begins after n milliseconds
 * An empty <text> stands for every file. An empty file, or none: syncs work.
 *
 * FAULTY_SYNC_LOG names a file to which each write and sync of a regular file or folder adds a line:
 *   write <offset> <length> <path>     (also for pwrite and writev; the length is what was written)
 *   truncate <length> <path>
 *   sync <path>                        it succeeded
 *   lost <path>                        it failed: as on Linux, what was written to the file since its last
 *                                      sync counts as clean from now on, and no later sync writes it
 * The last line is what makes a failed sync dangerous: the bytes can be read back until the power goes. Only
 * writing them again makes them durable, so whoever reads the log knows what a power cut would have left.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 8192 };

/* Returns 1 and the path behind a descriptor if it is a regular file or a folder. */
static int path_of(int fd, char *path) {
    struct stat found;
    if (fstat(fd, &found) != 0 || !(S_ISREG(found.st_mode) || S_ISDIR(found.st_mode))) {
        return 0;
    }
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, TEXT - 1);
    if (length <= 0) {
        return 0;
    }
    path[length] = '\0';
    return 1;
}

/* By system calls alone: what is done here must not come back to the functions below. */
static void note(const char *format, ...) {
    const char *name = getenv("FAULTY_SYNC_LOG");
    if (name == NULL) {
        return;
    }
    char line[2 * TEXT];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (length <= 0 || (size_t)length >= sizeof line) {
        return;
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        syscall(SYS_write, fd, line, (size_t)length);
        syscall(SYS_close, fd);
    }
}

/* Reads the directives, and returns their length, or 0. `version` is another one each time they were replaced. */
static ssize_t directives(char *text, unsigned long *version) {
    const char *name = getenv("FAULTY_SYNC_CONTROL");
    if (name == NULL) {
        return 0;
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    struct stat found;
    *version = fstat(fd, &found) == 0 ? (unsigned long)found.st_ino ^ (unsigned long)found.st_mtim.tv_nsec : 0;
    ssize_t length = syscall(SYS_read, fd, text, TEXT - 1);
    syscall(SYS_close, fd);
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    return length;
}

/* Counts the syncs since the directives were replaced. */
static long number_of_sync(unsigned long version) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static unsigned long counted = 0;
    static long count = 0;
    pthread_mutex_lock(&lock);
    if (counted != version) {
        counted = version;
        count = 0;
    }
    long number = count++;
    pthread_mutex_unlock(&lock);
    return number;
}

static const char *after_spaces(const char *text) {
    while (*text == ' ') {
        text++;
    }
    return text;
}

/* Returns 1 if there is a directive of this name for the path. */
static int is_directed(const char *name, const char *path) {
    char text[TEXT];
    size_t length = strlen(name);
    unsigned long version = 0;
    if (directives(text, &version) == 0) {
        return 0;
    }
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, name, length) == 0 && strstr(path, after_spaces(line + length)) != NULL) {
            return 1;
        }
    }
    return 0;
}

/* Waits where the control file says so, and returns 1 if the sync has to fail. */
static int must_fail(const char *path) {
    char text[TEXT];
    unsigned long version = 0;
    if (directives(text, &version) == 0) {
        return 0;
    }
    int fails = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "fail_at_end ", 12) == 0) {
            size_t end = strlen(line + 12), whole = strlen(path);
            fails |= whole >= end && strcmp(path + whole - end, line + 12) == 0;
        } else if (strncmp(line, "fail_after ", 11) == 0) {
            char *part = NULL;
            long works = strtol(line + 11, &part, 10);
            fails |= strstr(path, after_spaces(part)) != NULL && number_of_sync(version) >= works;
        } else if (strncmp(line, "fail", 4) == 0) {
            fails |= strstr(path, after_spaces(line + 4)) != NULL;
        } else if (strncmp(line, "delay_ms ", 9) == 0) {
            char *part = NULL;
            long milliseconds = strtol(line + 9, &part, 10);
            if (strstr(path, after_spaces(part)) != NULL) {
                struct timespec wait = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
                nanosleep(&wait, NULL);
            }
        }
    }
    return fails;
}

static int synced(int fd, long result) {
    char path[TEXT];
    if (result == 0 && path_of(fd, path)) {
        note("sync %s\n", path);
    }
    return (int)result;
}

static int refused(int fd) {
    char path[TEXT];
    if (!path_of(fd, path) || !must_fail(path)) {
        return 0;
    }
    note("lost %s\n", path);
    errno = EIO;
    return 1;
}

int fsync(int fd) {
    return refused(fd) ? -1 : synced(fd, syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
    return refused(fd) ? -1 : synced(fd, syscall(SYS_fdatasync, fd));
}

/* Makes nothing durable by itself (sync_file_range(2)), so that it is no `sync` in the log. */
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned int flags) {
    return refused(fd) ? -1 : (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
}

static ssize_t written(int fd, off64_t offset, ssize_t length) {
    char path[TEXT];
    int error = errno;
    if (length > 0 && getenv("FAULTY_SYNC_LOG") != NULL && path_of(fd, path)) {
        note("write %lld %lld %s\n", (long long)offset, (long long)length, path);
    }
    errno = error;
    return length;
}

/* Where a write without an offset of its own went that has moved the file's offset by `length`. */
static off64_t offset_before(int fd, ssize_t length) {
    off64_t end = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    return length > 0 && end >= length ? end - length : 0;
}

static int has_no_room(int fd) {
    char path[TEXT];
    if (getenv("FAULTY_SYNC_CONTROL") == NULL || !path_of(fd, path) || !is_directed("full", path)) {
        return 0;
    }
    errno = ENOSPC;
    return 1;
}

int unlink(const char *path) {
    if (is_directed("keep", path)) {
        errno = EPERM;
        return -1;
    }
    // The next library may be one that records it.
    int (*next)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    return next(path);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    if (has_no_room(fd)) {
        return -1;
    }
    return written(fd, offset, syscall(SYS_pwrite64, fd, bytes, length, offset));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return pwrite64(fd, bytes, length, offset);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (has_no_room(fd)) {
        return -1;
    }
    ssize_t count = syscall(SYS_write, fd, bytes, length);
    if (count <= 0 || getenv("FAULTY_SYNC_LOG") == NULL) {
        return count;
    }
    return written(fd, offset_before(fd, count), count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (has_no_room(fd)) {
        return -1;
    }
    ssize_t length = syscall(SYS_writev, fd, parts, count);
    if (length <= 0 || getenv("FAULTY_SYNC_LOG") == NULL) {
        return length;
    }
    return written(fd, offset_before(fd, length), length);
}

static int cut(int fd, off64_t length) {
    char path[TEXT];
    long result = syscall(SYS_ftruncate, fd, length);
    if (result == 0 && path_of(fd, path)) {
        note("truncate %lld %s\n", (long long)length, path);
    }
    return (int)result;
}

int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

int ftruncate(int fd, off_t length) { return cut(fd, length); }

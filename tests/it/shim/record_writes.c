/* Preloaded into the server: records what it writes below one folder and what it syncs, in the order in
 * which the kernel was asked. tests/it/torture/record.rs reads the record and says what it means.
 *
 * RECORD_ROOT   the folder, an absolute path without links
 * RECORD_LOG    the file that the record is appended to
 * RECORD_FREEZE once this file is there, no call that changes anything happens any more: the process can be
 *               killed at an exact place of the record
 *
 * One lock is held around each call and its entry, so that the order of the entries is the order of the calls.
 * A sync has two entries, since others may write while it runs; what was written before the first of them is on
 * the disk once the second one says that it succeeded. Shared mappings are not recorded: SQLite makes the file
 * that it maps again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE = 1, WRITE, RESIZE, RENAME, LINK, UNLINK, MKDIR, RMDIR, SYNC_BEGIN, SYNC_END, FROZEN };

/* Followed by `first` and `second` bytes. All numbers are of this machine. */
struct entry {
    uint32_t kind;
    uint32_t failed;
    uint32_t first;
    uint32_t second;
    uint64_t inode;  /* of the file or folder */
    uint64_t folder; /* inode of the folder that a name is made in or taken from */
    uint64_t other;  /* offset, size, number of a sync, or inode of the folder that a name goes to */
};

/* An entry with a path relative to the root. */
struct place {
    int inside;
    char path[PATH_MAX];
    uint64_t folder;
};

#define SLOTS (1u << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char root[PATH_MAX];
static size_t root_length;
static dev_t device;
static char freeze[PATH_MAX];
static uint64_t files[SLOTS]; /* inodes of files below the root, a hash table */
static uint64_t syncs;

#define REAL(name) ((__typeof__(name) *)real(#name))

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        _exit(99);
    return found;
}

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("RECORD_ROOT"), *log = getenv("RECORD_LOG"), *stop = getenv("RECORD_FREEZE");
    struct stat found;
    if (!folder || !log || !stop)
        return;
    if (stat(folder, &found))
        _exit(98);
    device = found.st_dev;
    root_length = strlen(folder);
    strcpy(root, folder);
    strcpy(freeze, stop);
    log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log_fd < 0)
        _exit(97);
}

static void append(struct entry entry, const void *first, size_t first_length, const void *second,
                   size_t second_length)
{
    entry.first = first_length;
    entry.second = second_length;
    struct iovec parts[3] = {
        {&entry, sizeof entry}, {(void *)first, first_length}, {(void *)second, second_length}};
    ssize_t whole = sizeof entry + first_length + second_length;
    if (syscall(SYS_writev, log_fd, parts, 3) != whole)
        _exit(96); /* a record with a hole proves nothing */
}

/* Begins a call that changes something; never returns once the record is frozen. */
static void enter(void)
{
    pthread_mutex_lock(&lock);
    if (syscall(SYS_faccessat, AT_FDCWD, freeze, F_OK) == 0) {
        append((struct entry){.kind = FROZEN}, 0, 0, 0, 0);
        for (;;)
            pause();
    }
}

static void leave(void)
{
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
}

/* Says whether the inode is in the table, and puts it there if asked to. */
static int known(uint64_t inode, int add)
{
    for (uint32_t slot = inode * 2654435761u % SLOTS;; slot = (slot + 1) % SLOTS) {
        if (files[slot] == inode)
            return 1;
        if (!files[slot]) {
            if (add)
                files[slot] = inode;
            return 0;
        }
    }
}

static uint64_t recorded(int fd)
{
    struct stat found;
    if (log_fd < 0 || syscall(SYS_fstat, fd, &found) || found.st_dev != device)
        return 0;
    if (!S_ISREG(found.st_mode) || !known(found.st_ino, 0))
        return 0;
    return found.st_ino;
}

static uint64_t inode_of(const char *path)
{
    struct stat found;
    return syscall(SYS_lstat, path, &found) ? 0 : found.st_ino;
}

/* Finds out what a path means; `full` gets room for an absolute one. */
static struct place place(int at, const char *path)
{
    struct place place = {0};
    char full[2 * PATH_MAX];
    int error = errno;
    if (log_fd < 0 || !path)
        return place;
    if (path[0] == '/') {
        snprintf(full, sizeof full, "%s", path);
    } else {
        char base[PATH_MAX] = "";
        if (at == AT_FDCWD) {
            if (syscall(SYS_getcwd, base, sizeof base) < 0)
                base[0] = 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
            ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
            base[length < 0 ? 0 : length] = 0;
        }
        snprintf(full, sizeof full, "%s/%s", base, path);
    }
    if (strncmp(full, root, root_length) == 0 && full[root_length] == '/') {
        place.inside = 1;
        snprintf(place.path, sizeof place.path, "%s", full + root_length + 1);
        *strrchr(full, '/') = 0;
        place.folder = inode_of(full);
    }
    errno = error;
    return place;
}

static int opened(int at, const char *path, int flags, mode_t mode, const char *name)
{
    struct place where = place(at, path);
    int (*openat_)(int, const char *, int, ...) = real("openat64");
    (void)name;
    if (!where.inside)
        return openat_(at, path, flags, mode);
    int changes = flags & (O_CREAT | O_TRUNC);
    int was_there = 1;
    if (changes) {
        enter();
        was_there = syscall(SYS_faccessat, at, path, F_OK) == 0;
    }
    int fd = openat_(at, path, flags, mode);
    struct stat found;
    if (fd >= 0 && !syscall(SYS_fstat, fd, &found) && S_ISREG(found.st_mode)) {
        if (!changes)
            pthread_mutex_lock(&lock);
        known(found.st_ino, 1);
        if (!was_there)
            append((struct entry){.kind = CREATE, .inode = found.st_ino, .folder = where.folder}, where.path,
                   strlen(where.path), 0, 0);
        else if (flags & O_TRUNC)
            append((struct entry){.kind = RESIZE, .inode = found.st_ino}, 0, 0, 0, 0);
        if (!changes)
            leave();
    }
    if (changes)
        leave();
    return fd;
}

#define OPEN(name, at, path_argument)                                                                            \
    {                                                                                                            \
        mode_t mode = 0;                                                                                         \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                                     \
            va_list arguments;                                                                                   \
            va_start(arguments, flags);                                                                          \
            mode = va_arg(arguments, mode_t);                                                                    \
            va_end(arguments);                                                                                   \
        }                                                                                                        \
        return opened(at, path_argument, flags, mode, name);                                                     \
    }

int open(const char *path, int flags, ...) OPEN("open", AT_FDCWD, path)
int open64(const char *path, int flags, ...) OPEN("open64", AT_FDCWD, path)
int openat(int at, const char *path, int flags, ...) OPEN("openat", at, path)
int openat64(int at, const char *path, int flags, ...) OPEN("openat64", at, path)

int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, "creat"); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

static void wrote(uint64_t inode, off_t offset, const void *bytes, ssize_t length)
{
    if (length > 0)
        append((struct entry){.kind = WRITE, .inode = inode, .other = offset}, bytes, length, 0, 0);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    uint64_t inode = recorded(fd);
    if (!inode)
        return REAL(write)(fd, bytes, length);
    enter();
    ssize_t written = REAL(write)(fd, bytes, length);
    if (written > 0)
        wrote(inode, lseek(fd, 0, SEEK_CUR) - written, bytes, written);
    leave();
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    uint64_t inode = recorded(fd);
    if (!inode)
        return REAL(pwrite64)(fd, bytes, length, offset);
    enter();
    ssize_t written = REAL(pwrite64)(fd, bytes, length, offset);
    wrote(inode, offset, bytes, written);
    leave();
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

/* Goes through the buffers of a call that has `written` so many bytes at `offset`. */
static void wrote_parts(uint64_t inode, off_t offset, const struct iovec *parts, ssize_t written)
{
    for (; written > 0; parts++) {
        ssize_t length = (ssize_t)parts->iov_len < written ? (ssize_t)parts->iov_len : written;
        wrote(inode, offset, parts->iov_base, length);
        offset += length;
        written -= length;
    }
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    uint64_t inode = recorded(fd);
    if (!inode)
        return REAL(writev)(fd, parts, count);
    enter();
    ssize_t written = REAL(writev)(fd, parts, count);
    if (written > 0)
        wrote_parts(inode, lseek(fd, 0, SEEK_CUR) - written, parts, written);
    leave();
    return written;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    uint64_t inode = recorded(fd);
    if (!inode)
        return REAL(pwritev64)(fd, parts, count, offset);
    enter();
    ssize_t written = REAL(pwritev64)(fd, parts, count, offset);
    wrote_parts(inode, offset, parts, written);
    leave();
    return written;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return pwritev64(fd, parts, count, offset);
}

static void resized(uint64_t inode, int fd)
{
    struct stat found;
    if (!syscall(SYS_fstat, fd, &found))
        append((struct entry){.kind = RESIZE, .inode = inode, .other = found.st_size}, 0, 0, 0, 0);
}

int ftruncate64(int fd, off64_t size)
{
    uint64_t inode = recorded(fd);
    if (!inode)
        return REAL(ftruncate64)(fd, size);
    enter();
    int answer = REAL(ftruncate64)(fd, size);
    if (!answer)
        resized(inode, fd);
    leave();
    return answer;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    uint64_t inode = recorded(fd);
    if (!inode)
        return REAL(posix_fallocate64)(fd, offset, length);
    enter();
    int answer = REAL(posix_fallocate64)(fd, offset, length);
    if (!answer)
        resized(inode, fd);
    leave();
    return answer;
}

int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    uint64_t inode = recorded(fd);
    if (!inode)
        return REAL(fallocate64)(fd, mode, offset, length);
    if (mode & ~FALLOC_FL_KEEP_SIZE) {
        errno = EOPNOTSUPP; /* holes and shifts are not in the model of the disk */
        return -1;
    }
    enter();
    int answer = REAL(fallocate64)(fd, mode, offset, length);
    if (!answer)
        resized(inode, fd);
    leave();
    return answer;
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

static int moved(int at, const char *from, int to_at, const char *to, unsigned flags, enum kind kind)
{
    struct place one = place(at, from), other = place(to_at, to);
    int is_recorded = one.inside && other.inside;
    if (is_recorded && kind == RENAME && flags & ~RENAME_NOREPLACE) {
        errno = EINVAL; /* an exchange is not in the model of the disk */
        return -1;
    }
    if (is_recorded)
        enter();
    int answer = kind == RENAME ? REAL(renameat2)(at, from, to_at, to, flags)
                                : REAL(linkat)(at, from, to_at, to, flags);
    if (is_recorded && !answer)
        append((struct entry){.kind = kind, .folder = one.folder, .other = other.folder}, one.path,
               strlen(one.path), other.path, strlen(other.path));
    if (is_recorded)
        leave();
    return answer;
}

int rename(const char *from, const char *to) { return moved(AT_FDCWD, from, AT_FDCWD, to, 0, RENAME); }

int renameat(int at, const char *from, int to_at, const char *to) { return moved(at, from, to_at, to, 0, RENAME); }

int renameat2(int at, const char *from, int to_at, const char *to, unsigned flags)
{
    return moved(at, from, to_at, to, flags, RENAME);
}

int link(const char *from, const char *to) { return moved(AT_FDCWD, from, AT_FDCWD, to, 0, LINK); }

int linkat(int at, const char *from, int to_at, const char *to, int flags)
{
    return moved(at, from, to_at, to, flags, LINK);
}

static int removed(int at, const char *path, int flags)
{
    struct place where = place(at, path);
    if (where.inside)
        enter();
    int answer = REAL(unlinkat)(at, path, flags);
    if (where.inside) {
        if (!answer)
            append((struct entry){.kind = flags & AT_REMOVEDIR ? RMDIR : UNLINK, .folder = where.folder},
                   where.path, strlen(where.path), 0, 0);
        leave();
    }
    return answer;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }

int mkdirat(int at, const char *path, mode_t mode)
{
    struct place where = place(at, path);
    if (where.inside)
        enter();
    int answer = REAL(mkdirat)(at, path, mode);
    if (where.inside) {
        struct stat found;
        if (!answer && !syscall(SYS_newfstatat, at, path, &found, 0))
            append((struct entry){.kind = MKDIR, .inode = found.st_ino, .folder = where.folder}, where.path,
                   strlen(where.path), 0, 0);
        leave();
    }
    return answer;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* Folders are told by their inode alone: the reader knows which ones were made below the root. */
static int synced(int fd, int (*sync)(int))
{
    struct stat found;
    int is_recorded = log_fd >= 0 && !syscall(SYS_fstat, fd, &found) && found.st_dev == device &&
                      (S_ISDIR(found.st_mode) || known(found.st_ino, 0));
    if (!is_recorded)
        return sync(fd);
    enter();
    struct entry entry = {.kind = SYNC_BEGIN, .inode = found.st_ino, .other = ++syncs};
    append(entry, 0, 0, 0, 0);
    leave();
    int answer = sync(fd);
    int error = errno;
    enter();
    entry.kind = SYNC_END;
    entry.failed = answer != 0;
    append(entry, 0, 0, 0, 0);
    leave();
    errno = error;
    return answer;
}

int fsync(int fd) { return synced(fd, real("fsync")); }
int fdatasync(int fd) { return synced(fd, real("fdatasync")); }

/* Stands between a test's child process and the system's flushes and writes of the store's files (names that hold
 * "store.db", but not the "-shm" file). For LD_PRELOAD; nothing but tests uses it.
 *
 *   SHIM_LOG      a file that gets a line for each flush: "d <name>" for fdatasync, "f <name>" for fsync,
 *                 "a <name>" for either of a file that is open for appending, as the log is to be made longer
 *   SHIM_DURABLE  a folder that gets a copy of a file at each flush of it: what a power cut would leave. A deleted file
 *                 goes from there when the folder it was in is flushed
 *   SHIM_MODE     a file whose first letter says what fails now: F no room for writes (ENOSPC), S flushes (EIO)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length <= 0) return NULL;
    path[length] = 0;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return strstr(name, "store.db") && !strstr(name, "-shm") && !strstr(name, ".lock") ? name : NULL;
}

static char mode(void) {
    const char *file = getenv("SHIM_MODE");
    char letter = 0;
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    if (read(fd, &letter, 1) != 1) letter = 0;
    close(fd);
    return letter;
}

static void note(char letter, const char *name) {
    const char *file = getenv("SHIM_LOG");
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    dprintf(fd, "%c %s\n", letter, name);
    close(fd);
}

static void keep(const char *path, const char *name) {
    const char *folder = getenv("SHIM_DURABLE");
    if (!folder) return;
    char partial[4096], whole[4096], buffer[65536];
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    snprintf(partial, sizeof partial, "%s/%s.partial", folder, name);
    int from = open(path, O_RDONLY | O_CLOEXEC), to = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t count = -1;
    while (from >= 0 && to >= 0 && (count = read(from, buffer, sizeof buffer)) > 0)
        if (write(to, buffer, count) != count) abort();
    if (count != 0) abort();
    close(from);
    close(to);
    if (rename(partial, whole) != 0) abort();
}

/* Names that are deleted, and would be back after a power cut. */
static char deleted[16][64];

static void settle(void) {
    const char *folder = getenv("SHIM_DURABLE");
    char path[4096];
    for (int at = 0; folder && at < 16; at++) {
        if (!deleted[at][0]) continue;
        snprintf(path, sizeof path, "%s/%s", folder, deleted[at]);
        remove(path);
        deleted[at][0] = 0;
    }
}

int unlink(const char *path) {
    int (*real)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (int at = 0; strstr(name, "store.db-") && at < 16; at++) {
        if (deleted[at][0]) continue;
        snprintf(deleted[at], sizeof deleted[at], "%s", name);
        break;
    }
    return real(path);
}

static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;

static int flush(const char *call, char letter, int fd) {
    char path[4096];
    const char *name = name_of(fd, path, sizeof path);
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
    struct stat status;
    if (!name) {
        int result = real(fd);
        if (result == 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) settle();
        return result;
    }
    if (mode() == 'S') {
        errno = EIO;
        return -1;
    }
    note(fcntl(fd, F_GETFL) & O_APPEND ? 'a' : letter, name);
    int result = real(fd);
    /* One at a time: two threads flush the log. */
    pthread_mutex_lock(&keeping);
    if (result == 0) keep(path, name);
    pthread_mutex_unlock(&keeping);
    return result;
}

int fsync(int fd) { return flush("fsync", 'f', fd); }
int fdatasync(int fd) { return flush("fdatasync", 'd', fd); }

static int is_full(int fd) {
    char path[4096];
    if (mode() != 'F' || !name_of(fd, path, sizeof path)) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    ssize_t (*real)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return is_full(fd) ? -1 : real(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return is_full(fd) ? -1 : real(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) =
        (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return is_full(fd) ? -1 : real(fd, bytes, count, at);
}

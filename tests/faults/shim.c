// A disk that fails: preloaded, it stands before the C library's file calls of a program. By environment variables:
//   FAULT_FOLDER   only calls on paths in this folder count (absolute, without links)
//   FAULT_LOG      append each call that counts and succeeds: what to do to a folder so that it changes alike
//   FAULT_AT       the number of the call that fails, from 1
//   FAULT_ERRNO    with this number; with `kill` the process dies before the call, as by power or by SIGKILL
//   FAULT_LASTS    those from then on fail as well; for ENOSPC and EDQUOT only those that need space
//   FAULT_SHORT    a write that is to fail writes half of its bytes first, as a disk that fills up does
//   FAULT_NO_EXCHANGE  renameat2() is unknown to the file system
//   FAULT_FREE     bytes that statvfs() calls free
//   FAULT_SYNC_MS  how long fsync() takes
// Nothing is really synced: fsync() is logged, and that is all. One thread at a time. A log line is the call, a tab,
// its path, a tab and, for write, offset, tab and bytes in hexadecimal digits; for rename and exchange, the second
// path. The call that fails is logged as "fault".
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long calls;

static long number(const char* name) {
  const char* text = getenv(name);
  return text ? atol(text) : 0;
}

// The absolute path of `path` in the open folder `fd`; of `fd` itself where path is NULL.
static void resolve(int fd, const char* path, char* absolute) {
  char link[64], folder[PATH_MAX] = "";
  if (path && path[0] == '/') {
    snprintf(absolute, PATH_MAX, "%s", path);
    return;
  }
  if (fd == AT_FDCWD) {
    if (!getcwd(folder, sizeof folder)) folder[0] = 0;
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, folder, sizeof folder - 1);
    folder[size > 0 ? size : 0] = 0;
  }
  if (path)
    snprintf(absolute, 2 * PATH_MAX, "%s/%s", folder, path);
  else
    snprintf(absolute, PATH_MAX, "%s", folder);
}

static int counts(const char* path) {
  const char* folder = getenv("FAULT_FOLDER");
  return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static void record(const char* call, const char* path, const char* second) {
  const char* name = getenv("FAULT_LOG");
  if (!name || !counts(path)) return;
  const int kept = errno;
  FILE* log = fopen(name, "a");
  if (log) {
    fprintf(log, "%s\t%s\t%s\n", call, path, second ? second : "");
    fclose(log);
  }
  errno = kept;
}

static int is_full(void) {
  const long reason = number("FAULT_ERRNO");
  return reason == ENOSPC || reason == EDQUOT;
}

// Counts the call. Not 0: it has to fail, and errno says why.
static int fails(const char* path, int needs_space) {
  if (!counts(path)) return 0;
  ++calls;
  const long at = number("FAULT_AT");
  if (at == 0 || calls < at) return 0;
  if (calls > at && (!getenv("FAULT_LASTS") || (is_full() && !needs_space))) return 0;
  record("fault", path, NULL);
  const char* reason = getenv("FAULT_ERRNO");
  if (reason && strcmp(reason, "kill") == 0) kill(getpid(), SIGKILL);
  errno = (int)number("FAULT_ERRNO");
  return 1;
}

static void record_write(const char* path, off_t offset, const unsigned char* bytes, ssize_t size) {
  const char* name = getenv("FAULT_LOG");
  if (!name || !counts(path) || size < 0) return;
  FILE* log = fopen(name, "a");
  if (!log) return;
  fprintf(log, "write\t%s\t%lld\t", path, (long long)offset);
  for (ssize_t i = 0; i < size; ++i) fprintf(log, "%02x", bytes[i]);
  fprintf(log, "\n");
  fclose(log);
}

static int open_any(int folder, const char* path, int flags, mode_t mode) {
  char absolute[2 * PATH_MAX];
  resolve(folder, path, absolute);
  const int changes = flags & (O_CREAT | O_TRUNC);
  const int only_changes_fail = is_full() || number("FAULT_ERRNO") == EROFS;
  if ((changes || !only_changes_fail) && fails(absolute, changes)) return -1;
  const int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
  if (fd >= 0 && changes) record("create", absolute, NULL);
  return fd;
}

#define MODE_OF(flags, mode)           \
  mode_t mode = 0;                     \
  if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list rest;                      \
    va_start(rest, flags);             \
    mode = va_arg(rest, mode_t);       \
    va_end(rest);                      \
  }

int open(const char* path, int flags, ...) {
  MODE_OF(flags, mode)
  return open_any(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE_OF(flags, mode)
  return open_any(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  MODE_OF(flags, mode)
  return open_any(folder, path, flags, mode);
}
int openat64(int folder, const char* path, int flags, ...) {
  MODE_OF(flags, mode)
  return open_any(folder, path, flags, mode);
}

static ssize_t write_any(int fd, const void* bytes, size_t size, off_t offset) {
  char path[2 * PATH_MAX];
  resolve(fd, NULL, path);
  const off_t at = offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR);
  if (fails(path, 1)) {
    if (!getenv("FAULT_SHORT") || size < 2) return -1;
    setenv("FAULT_LASTS", "1", 1);  // the rest of it must fail then
    unsetenv("FAULT_SHORT");
    size /= 2;
  }
  const ssize_t written =
      offset >= 0 ? syscall(SYS_pwrite64, fd, bytes, size, offset) : syscall(SYS_write, fd, bytes, size);
  record_write(path, at, bytes, written);
  return written;
}

ssize_t write(int fd, const void* bytes, size_t size) { return write_any(fd, bytes, size, -1); }
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) { return write_any(fd, bytes, size, offset); }
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t offset) { return write_any(fd, bytes, size, offset); }

int fsync(int fd) {
  char path[2 * PATH_MAX];
  resolve(fd, NULL, path);
  if (fails(path, 0)) return -1;
  if (counts(path)) usleep((useconds_t)(1000 * number("FAULT_SYNC_MS")));
  record("sync", path, NULL);
  return 0;
}
int fdatasync(int fd) { return fsync(fd); }

int mkdir(const char* path, mode_t mode) {
  char absolute[2 * PATH_MAX];
  resolve(AT_FDCWD, path, absolute);
  if (fails(absolute, 1)) return -1;
  const int result = REAL(mkdir)(path, mode);
  if (result == 0) record("mkdir", absolute, NULL);
  return result;
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  char absolute[2 * PATH_MAX], second[2 * PATH_MAX];
  resolve(from_folder, from, absolute);
  resolve(to_folder, to, second);
  if (flags && getenv("FAULT_NO_EXCHANGE")) {
    errno = EINVAL;
    return -1;
  }
  if (fails(absolute, 0)) return -1;
  const int result = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  if (result == 0) record(flags & RENAME_EXCHANGE ? "exchange" : "rename", absolute, second);
  return result;
}
int rename(const char* from, const char* to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char* path, int flags) {
  char absolute[2 * PATH_MAX];
  resolve(folder, path, absolute);
  if (fails(absolute, 0)) return -1;
  const int result = REAL(unlinkat)(folder, path, flags);
  if (result == 0) record("remove", absolute, NULL);
  return result;
}
int unlink(const char* path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char* path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char* path) {
  const int result = unlink(path);
  return result == 0 || errno != EISDIR ? result : rmdir(path);
}

int statvfs(const char* path, struct statvfs* space) {
  const int result = REAL(statvfs)(path, space);
  if (result == 0 && getenv("FAULT_FREE")) space->f_bavail = (fsblkcnt_t)(number("FAULT_FREE") / (long)space->f_frsize);
  return result;
}

/*
 * Makes system calls that a confined daemon has no use for, by their numbers, and prints a line `NAME RESULT` each. Executed by
 * the example `confined`: what confines a process is kept by the program that takes its place.
 *
 * The arguments are wrong: where such a call is not refused, nothing happens but another error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

static void print(const char *name, long result) {
	if (result >= 0)
		printf("%s done\n", name);
	else if (errno == EPERM || errno == EACCES)
		printf("%s permission denied\n", name);
	else if (errno == ENOSYS)
		printf("%s not there\n", name);
	else
		printf("%s %s\n", name, strerror(errno));
}

#define ATTEMPT(name, ...) print(name, syscall(__VA_ARGS__))

/* Executes a copy of a program in memory, by its descriptor's name in /proc. */
static void execute_memory(const char *name, unsigned int flags) {
	char *arguments[] = {"calls", "nothing", NULL}, *environment[] = {NULL};
	char path[64], bytes[1 << 16];
	int program = open("/proc/self/exe", O_RDONLY), memory = syscall(SYS_memfd_create, "program", flags);
	ssize_t count;

	if (memory < 0) {
		print(name, memory);
		return;
	}
	while ((count = read(program, bytes, sizeof bytes)) > 0)
		if (write(memory, bytes, count) != count)
			break;
	fchmod(memory, 0700);
	snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		execve(path, arguments, environment);
		print(name, -1);
		fflush(stdout);
		_exit(1);
	}
	int status = 1;
	syscall(SYS_wait4, child, &status, 0, NULL);
	if (status == 0)
		printf("%s done\n", name);
	close(memory);
	close(program);
}

int main(int count, char **words) {
	(void)words;
	if (count > 1)
		return 0;
	long self = getpid();
	char byte = 0;
	struct iovec local = {&byte, 1}, remote = {&byte, 1};

	ATTEMPT("fsopen", SYS_fsopen, NULL, 0);
	ATTEMPT("fsconfig", SYS_fsconfig, -1, 0, NULL, NULL, 0);
	ATTEMPT("fsmount", SYS_fsmount, -1, 0, 0);
	ATTEMPT("fspick", SYS_fspick, -1, NULL, 0);
	ATTEMPT("open_tree", SYS_open_tree, -1, NULL, 0);
	ATTEMPT("move_mount", SYS_move_mount, -1, NULL, -1, NULL, 0);
	ATTEMPT("mount_setattr", 442 /* SYS_mount_setattr */, -1, NULL, 0, NULL, 0);
	ATTEMPT("pivot_root", SYS_pivot_root, NULL, NULL);
	ATTEMPT("umount2", SYS_umount2, NULL, 0);
	ATTEMPT("io_uring_setup", SYS_io_uring_setup, 0, NULL);
	ATTEMPT("io_uring_enter", SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0);
	ATTEMPT("io_uring_register", SYS_io_uring_register, -1, 0, NULL, 0);
	ATTEMPT("userfaultfd", SYS_userfaultfd, -1);
	ATTEMPT("bpf", SYS_bpf, -1, NULL, 0);
	ATTEMPT("keyctl", SYS_keyctl, -1);
	ATTEMPT("add_key", SYS_add_key, NULL, NULL, NULL, 0, 0);
	ATTEMPT("request_key", SYS_request_key, NULL, NULL, NULL, 0);
	ATTEMPT("perf_event_open", SYS_perf_event_open, NULL, 0, -1, -1, 0);
	ATTEMPT("process_vm_readv", SYS_process_vm_readv, self, &local, 1, &remote, 1, 0);
	ATTEMPT("process_vm_writev", SYS_process_vm_writev, self, &local, 1, &remote, 1, 0);
	ATTEMPT("process_madvise", SYS_process_madvise, -1, NULL, 0, 0, 0);
	ATTEMPT("pidfd_getfd", SYS_pidfd_getfd, -1, 0, 0);
	ATTEMPT("kcmp", SYS_kcmp, self, self, 0, 0, 0);
	ATTEMPT("clone3", SYS_clone3, NULL, 0);
	ATTEMPT("clone-namespace", SYS_clone, CLONE_NEWUSER | SIGCHLD | CLONE_THREAD, 0, 0, 0, 0);
	ATTEMPT("unshare", SYS_unshare, -1);
	ATTEMPT("setns", SYS_setns, -1, 0);
	ATTEMPT("execveat", SYS_execveat, -1, NULL, NULL, NULL, 0);
	ATTEMPT("open_by_handle_at", SYS_open_by_handle_at, -1, NULL, 0);
	ATTEMPT("name_to_handle_at", SYS_name_to_handle_at, -1, NULL, NULL, NULL, 0);
	ATTEMPT("personality", SYS_personality, 0xffffffff);
	ATTEMPT("setuid", SYS_setuid, -1);
	ATTEMPT("link", SYS_linkat, -1, NULL, -1, NULL, 0);
	ATTEMPT("symlink", SYS_symlinkat, NULL, -1, NULL);
	ATTEMPT("quotactl", SYS_quotactl, -1, NULL, 0, NULL);
	ATTEMPT("pkey_mprotect", SYS_pkey_mprotect, NULL, 0, PROT_EXEC, -1);
	print("writable-and-executable",
	      mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
	execute_memory("memory-by-name", 0);
	execute_memory("memory-by-name-exec", MFD_EXEC);
	return 0;
}

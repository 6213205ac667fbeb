"""A client without CAP_NET_ADMIN connects to the PF_KEY service and ends. Another of its processes keeps the connection,
and a process with the capability gets the client's number, before the service looks at the client.

Runs as the first process of a PID namespace with its own /proc; the argument is ipsecd. Prints the service's answer, its type and
errno, or that the kernel has no pidfd of a client."""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)

STRANGER = """
import os, socket, struct, sys
service = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
service.connect(sys.argv[1])
X_SPDFLUSH = 19
service.send(struct.pack('=BBBBHHII', 2, X_SPDFLUSH, 0, 0, 2, 0, 1, os.getpid()))
if os.fork() == 0:
    answer = service.recv(99)
    print('type', answer[1], 'errno', answer[2])
"""


def has_pidfd_of_a_client():
    SO_PEERPIDFD = 77
    a, b = socket.socketpair()
    with a, b:
        try:
            os.close(a.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD))
        except OSError as error:
            return error.errno != errno.ENOPROTOOPT
    return True


def is_served(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        return probe.connect_ex(path) == 0


def process_with_number(number):
    """Starts a process with a number that is free (clone3(2), set_tid). It sleeps."""
    SYS_clone3 = 435
    numbers = ctypes.c_int(number)
    # struct clone_args, linux/sched.h.
    words = [0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(numbers), 1, 0]
    arguments = (ctypes.c_uint64 * len(words))(*words)
    process = libc.syscall(SYS_clone3, arguments, ctypes.sizeof(arguments))
    if process == 0:
        time.sleep(60)
        os._exit(0)
    assert process == number, os.strerror(ctypes.get_errno())


if not has_pidfd_of_a_client():
    print('no SO_PEERPIDFD')
    sys.exit()
daemon = subprocess.Popen([sys.argv[1], '--no-sockets'])
path = f'/run/xfrm-tools/{os.stat("/proc/self/ns/net").st_ino}/pfkey.sock'
while not is_served(path):
    time.sleep(0.05)
time.sleep(0.2)
daemon.send_signal(signal.SIGSTOP)
stranger = subprocess.Popen(['setpriv', '--bounding-set=-net_admin', 'python3', '-c', STRANGER, path])
stranger.wait()
process_with_number(stranger.pid)
daemon.send_signal(signal.SIGCONT)
# The last process of the stranger is this one's child now.
while os.waitpid(-1, 0)[0] in (stranger.pid, daemon.pid):
    pass

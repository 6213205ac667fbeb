"""The descriptor and the file have the flags of the call."""
from pfkey import *

def flags(fd):
    return fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC, fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK
CLOEXEC, NONBLOCK = socket.SOCK_CLOEXEC, socket.SOCK_NONBLOCK
assert flags(libc.socket(PF_KEY, RAW, V2)) == (0, 0)
assert flags(libc.socket(PF_KEY, RAW | CLOEXEC, V2)) == (fcntl.FD_CLOEXEC, 0)
assert flags(libc.socket(PF_KEY, RAW | NONBLOCK, V2)) == (0, os.O_NONBLOCK)
assert flags(libc.socket(PF_KEY, RAW | CLOEXEC | NONBLOCK, V2)) == (fcntl.FD_CLOEXEC, os.O_NONBLOCK)

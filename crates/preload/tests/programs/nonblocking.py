"""A non-blocking socket, with select and poll."""
from pfkey import *

s = socket.socket(PF_KEY, RAW | socket.SOCK_NONBLOCK, V2)
try:
    s.recv(16)
    sys.exit('there is nothing to receive')
except BlockingIOError:
    pass
assert select.select([s], [s], [], 0) == ([], [s], [])
s.send(DUMP)
assert select.select([s], [], [], 10)[0] == [s]
poll = select.poll()
poll.register(s, select.POLLIN)
assert poll.poll(0) == [(s.fileno(), select.POLLIN)]
assert s.recv(16) == DUMP

"""As libipsec does it: buffers, a message, its header peeked at, the message."""
from pfkey import *

s = socket.socket(PF_KEY, RAW, V2)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 128 * 1024)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * 1024 * 1024)
long = bytes([2, 3, 0, 3, 8, 0, 0, 0]) + bytes(range(56))
s.send(DUMP)
s.sendmsg([long[:16], long[16:]])
os.write(s.fileno(), DUMP)
assert s.recv(16, socket.MSG_PEEK) == DUMP
assert s.recv(4096) == DUMP
assert s.recv(16, socket.MSG_PEEK) == long[:16]
assert s.recv(4096, socket.MSG_PEEK | socket.MSG_TRUNC) == long
assert s.recv(16) == long[:16], 'the rest of a message is dropped'
assert os.read(s.fileno(), 4096) == DUMP

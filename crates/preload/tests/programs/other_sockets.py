"""Other families are not touched."""
from pfkey import *

listener = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(listener.getsockname())
client.send(b'one')
server, _ = listener.accept()
assert server.recv(9) == b'one'
s = socket.socket(socket.AF_NETLINK, RAW, 0)
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_NETLINK
assert libc.socket(99, RAW, 0) == -1 and ctypes.get_errno() == errno.EAFNOSUPPORT
assert libc.socket(socket.AF_INET, 12, 0) == -1 and ctypes.get_errno() == errno.EINVAL

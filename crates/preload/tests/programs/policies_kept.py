"""What the library keeps of policies is what the socket has, in a network namespace of its own."""
import ctypes
import errno
import os
import socket
import struct

IP, IPV6 = (0, 16), (41, 34)
DISCARD, NONE, IPSEC, ENTRUST, BYPASS = range(5)
IN, OUT = 1, 2
ESP_REQUIRE = struct.pack('=HHBBHII', 16, 50, 1, 2, 0, 0, 0)
libc = ctypes.CDLL(None, use_errno=True)


def policy(kind, direction, requests=b''):
    return struct.pack('=HHHBBII', (16 + len(requests)) // 8, 18, kind, direction, 0, 0, 1 << 31) + requests


def get(s, option, direction, room=64):
    asked = policy(0, direction)
    value, length = ctypes.create_string_buffer(asked, max(room, 16)), ctypes.c_uint32(room)
    if libc.getsockopt(s.fileno(), *option, value, ctypes.byref(length)) < 0:
        raise OSError(ctypes.get_errno(), 'getsockopt')
    return value.raw[:length.value]


s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
esp = policy(IPSEC, OUT, ESP_REQUIRE)

# By any descriptor of the socket.
copy = s.dup()
copy.setsockopt(*IP, policy(BYPASS, OUT))
assert get(s, IP, OUT) == policy(BYPASS, OUT)

# Taken away, by either option, and longer than any.
for name in (16, 17):
    s.setsockopt(*IP, policy(BYPASS, OUT))
    result = libc.setsockopt(s.fileno(), 0, name, None, 0)
    assert get(s, IP, OUT)[4:6] == (b'\3\0' if result == 0 else b'\4\0')
assert result == 0
for length in (4097, 0x7fffffff, 0xffffffff):
    assert libc.setsockopt(s.fileno(), *IP, esp, ctypes.c_uint32(length)) == -1
    assert ctypes.get_errno() == errno.EMSGSIZE

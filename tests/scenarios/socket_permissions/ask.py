"""ask.py ADDRESS PORT: a program that gives its socket policies, as it would with AF_KEY."""
import ctypes
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
for direction in 2, 1:
    # ipsec_set_policy("out ipsec esp/transport//require"), and the same for in.
    policy = struct.pack('=HHHBBIIHHBBHII', 4, 18, 2, direction, 0, 0, 1 << 31, 16, 50, 1, 2, 0, 0, 0)
    s.setsockopt(socket.IPPROTO_IP, 16, policy)
    value, length = ctypes.create_string_buffer(policy[:16], 64), ctypes.c_uint32(64)
    assert libc.getsockopt(s.fileno(), 0, 16, value, ctypes.byref(length)) == 0
    assert value.raw[:length.value] == policy
s.sendto(b'hello', (sys.argv[1], int(sys.argv[2])))
assert s.recv(99) == b'hello'

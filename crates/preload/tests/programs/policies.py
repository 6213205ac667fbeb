"""IP_IPSEC_POLICY without AF_KEY, in a network namespace of its own."""
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


def fails(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


os.system('ip link set lo up')
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.2', 0))
t = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)

# What was set is given back, by direction, cut to the room there is.
esp = policy(IPSEC, OUT, ESP_REQUIRE)
assert get(s, IP, OUT) == struct.pack('=HHHBBII', 2, 18, ENTRUST, OUT, 0, 0, 0)
s.setsockopt(*IP, esp)
t.setsockopt(*IPV6, policy(IPSEC, IN, ESP_REQUIRE))
assert get(s, IP, OUT) == esp
assert get(s, IP, OUT, 20) == esp[:20]
assert get(s, IP, IN)[4:6] == b'\3\0'
assert get(t, IPV6, IN)[16:] == ESP_REQUIRE
assert get(s.dup(), IP, OUT) == esp
s.setsockopt(*IP, policy(ENTRUST, OUT))
assert get(s, IP, OUT) == policy(ENTRUST, OUT)

# It is a policy.
s.sendto(b'1', s.getsockname())
s.setsockopt(*IP, policy(DISCARD, OUT))
assert s.recv(9) == b'1'
v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
v6.bind(('::1', 0))
v6.setsockopt(*IPV6, policy(DISCARD, IN))
v6.sendto(b'2', v6.getsockname())
v6.setsockopt(*IPV6, policy(BYPASS, IN))
v6.sendto(b'3', v6.getsockname())
assert v6.recv(9) == b'3'

# What is none is refused as by AF_KEY. (ENOTSUP is Python's word for EOPNOTSUPP.)
assert fails(s.setsockopt, *IPV6, esp) == 'ENOTSUP'
assert fails(t.setsockopt, *IP, esp) == 'ENOTSUP'
assert fails(s.setsockopt, *IP, b'') == 'EMSGSIZE'
assert fails(s.setsockopt, *IP, policy(5, OUT)) == 'EINVAL'
assert fails(s.setsockopt, *IP, policy(BYPASS, 3)) == 'EINVAL'
assert fails(get, s, IP, 0) == 'EINVAL'
assert fails(get, s, IP, OUT, 4) == 'EINVAL'
u = socket.socket(socket.AF_UNIX)
assert fails(u.setsockopt, *IP, esp) == 'ENOTSUP'

# Other options are as they were.
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
assert fails(s.getsockopt, 0, 17, 9) == 'ENOPROTOOPT'

# Another socket that has the number by now.
number = s.fileno()
s.close()
again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
assert again.fileno() == number and get(again, IP, OUT)[4:6] == b'\3\0'

# Without privilege, and without a service.
os.setresuid(65534, 65534, 65534)
assert fails(again.setsockopt, *IP, esp) == 'EPERM'

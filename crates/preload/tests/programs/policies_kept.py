"""What the library keeps of policies is what the socket has, in a network namespace of its own."""
import ctypes
import errno
import mmap
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


s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
esp = policy(IPSEC, OUT, ESP_REQUIRE)

# By any descriptor of the socket.
copy = s.dup()
copy.setsockopt(*IP, policy(BYPASS, OUT))
assert get(s, IP, OUT) == policy(BYPASS, OUT)

# Taken away, by either option.
for name in (16, 17):
    s.setsockopt(*IP, policy(BYPASS, OUT))
    assert libc.setsockopt(s.fileno(), 0, name, None, 0) == 0
    assert get(s, IP, OUT)[4:6] == b'\3\0'


# By the kernel's own option: xfrm_userpolicy_info of linux/xfrm.h, with the action allow or block.
def raw(direction, action, prefix=0):
    selector = bytes(40) + struct.pack('=HBB', socket.AF_INET, prefix, 0) + bytes(12)
    return selector + b'\xff' * 32 + bytes(64) + struct.pack('=IIBBBBI', 0, 0, direction - 1, action, 0, 0, 0)


s.setsockopt(*IP, esp)
s.dup().setsockopt(0, 17, raw(OUT, 1))
assert get(s, IP, OUT)[4:7] == bytes([DISCARD, 0, OUT]) and get(s, IP, IN)[4] == ENTRUST
s.setsockopt(0, 17, raw(IN, 0))
assert get(s, IP, OUT)[4] == DISCARD and get(s, IP, IN)[4:7] == bytes([BYPASS, 0, IN])
s.setsockopt(0, 17, raw(OUT, 1, 32))
assert fails(get, s, IP, OUT) == 'ENOTSUP'
s.setsockopt(*IP, esp)
assert get(s, IP, OUT) == esp

# What follows the policy is not of it.
s.setsockopt(*IP, esp + bytes(4096 - len(esp)))
assert get(s, IP, OUT, 4096) == esp

# Lengths and pointers fail as with the kernel's own option.
libc.mmap.restype = ctypes.c_void_p
start = libc.mmap(None, ctypes.c_size_t(3 * 4096), 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, ctypes.c_long(0))
assert libc.munmap(ctypes.c_void_p(start + 4096), ctypes.c_size_t(4096)) == 0
ends = start + 4096 - 64


def outcome(call, name, pointer, length):
    ctypes.set_errno(0)
    result = call(s.fileno(), 0, name, ctypes.c_void_p(pointer), ctypes.c_uint32(length))
    return errno.errorcode[ctypes.get_errno()] if result else 0


for pointer in (None, 1, 8, ends, start + 4096, 2**63, 2**64 - 1):
    for length in (0, 1, 15, 16, 64, 65, 0x1000, 0x1001, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff):
        kernels, ours = outcome(libc.setsockopt, 17, pointer, length), outcome(libc.setsockopt, 16, pointer, length)
        assert kernels == ours, f'{pointer} {length:x}: {kernels} {ours}'
    s.setsockopt(*IP, esp)


def get_at(pointer, length):
    ctypes.set_errno(0)
    result = libc.getsockopt(s.fileno(), 0, 16, ctypes.c_void_p(pointer), length)
    return errno.errorcode[ctypes.get_errno()] if result else 0


room = ctypes.c_int32(64)
asked = ctypes.create_string_buffer(policy(0, OUT), 64)
assert get_at(ctypes.addressof(asked), None) == 'EFAULT'
assert get_at(ctypes.addressof(asked), ctypes.c_void_p(1)) == 'EFAULT'
for pointer in (None, 1, start + 4096):
    assert get_at(pointer, ctypes.byref(room)) == 'EFAULT'
for wrong in (-1, -2**31, 0, 1, 15):
    assert get_at(ctypes.addressof(asked), ctypes.byref(ctypes.c_int32(wrong))) == 'EINVAL'
# The room may be less than it is said to be, if it is enough.
ctypes.memmove(ends, policy(0, OUT), 16)
room = ctypes.c_int32(2**31 - 1)
assert get_at(ends, ctypes.byref(room)) == 0 and room.value == len(esp)
assert ctypes.string_at(ends, len(esp)) == esp

# What is no socket is refused by the kernel.
file = os.open('/dev/null', os.O_RDWR)
for number, expected in ((file, errno.ENOTSOCK), (9999, errno.EBADF), (-1, errno.EBADF)):
    assert libc.setsockopt(number, 0, 16, esp, 32) == -1 and ctypes.get_errno() == expected

# Of more policies than are kept it is not claimed that there is none.
first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
first.setsockopt(*IP, esp)
for _ in range(2100):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
        another.setsockopt(*IP, policy(BYPASS, OUT))
        assert get(another, IP, OUT) == policy(BYPASS, OUT)
assert fails(get, first, IP, OUT) == 'ENOTSUP'
first.setsockopt(*IP, esp)
assert get(first, IP, OUT) == esp

"""When a function that sends returns, the answer is there, as with AF_KEY."""
from pfkey import *
import mmap
import signal
import struct
import time

from service import BROADCAST, DIE, DUMP as KIND, GETSPI, message, start, stop

DELAY = 0.05


class Part(ctypes.Structure):
    _fields_ = [('base', ctypes.c_char_p), ('length', ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint32), ('parts', ctypes.POINTER(Part)),
                ('count', ctypes.c_size_t), ('control', ctypes.c_void_p), ('controllen', ctypes.c_size_t),
                ('flags', ctypes.c_size_t), ('length', ctypes.c_uint32)]


def sendmmsg(s, messages):
    headers = (Header * len(messages))()
    for header, text in zip(headers, messages):
        header.parts, header.count = ctypes.pointer(Part(text, len(text))), 1
    return libc.sendmmsg(s.fileno(), headers, len(messages), 0), [header.length for header in headers]


def fails(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def is_there(s):
    poll = select.poll()
    poll.register(s, select.POLLIN)
    return poll.poll(0) and s.recv(1 << 16, socket.MSG_DONTWAIT)


service = start(DELAY)
s = socket.socket(PF_KEY, RAW, V2)
long = message(KIND)[:4] + struct.pack('=H', 100) + message(KIND)[6:] + bytes(784)
for number, text in enumerate([message(KIND), long]):
    for send in [
            lambda: s.send(text), lambda: s.send(text, socket.MSG_DONTWAIT),
            lambda: s.sendmsg([text[:7], text[7:]]), lambda: os.write(s.fileno(), text),
            lambda: os.writev(s.fileno(), [text[:3], text[3:20], text[20:]]),
            lambda: libc.sendto(s.fileno(), text, len(text), 0, None, 0)]:
        for blocking in (True, False):
            s.setblocking(blocking)
            began = time.monotonic()
            assert send() == len(text)
            assert time.monotonic() - began >= DELAY
            assert is_there(s) == text
s.setblocking(True)

# Each message in turn, until one is none.
assert sendmmsg(s, [message(KIND), long]) == (2, [16, len(long)])
assert (is_there(s), is_there(s)) == (message(KIND), long)
assert sendmmsg(s, [message(KIND), b'none', long]) == (1, [16, 0, 0])
assert is_there(s) == message(KIND) and not is_there(s)
assert sendmmsg(s, [b'none'])[0] == -1 and ctypes.get_errno() == errno.EMSGSIZE

# What is no message.
assert fails(s.send, b'') == 'EMSGSIZE'
assert fails(os.write, s.fileno(), b'') == 'EMSGSIZE'
assert os.writev(s.fileno(), [b'', b'']) == 0
assert fails(s.sendmsg, [bytes(8), b'']) == 'EMSGSIZE'
assert fails(s.send, bytes(16)) == 'EINVAL'
assert fails(s.send, message(25)) == 'EINVAL'
assert fails(s.send, message(KIND) + bytes(8)) == 'EMSGSIZE'
assert fails(s.send, message(KIND), socket.MSG_OOB) in ('EOPNOTSUPP', 'ENOTSUP')
assert libc.send(s.fileno(), None, 16, 0) == -1 and ctypes.get_errno() == errno.EFAULT
assert not is_there(s)

# Pointers that are wrong, as the kernel reports them: not there, not there any more, and half there.
PAGE = mmap.PAGESIZE
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
pages = libc.mmap(None, ctypes.c_size_t(2 * PAGE), 3, 0x22, -1, ctypes.c_size_t(0))
assert libc.munmap(ctypes.c_void_p(pages + PAGE), ctypes.c_size_t(PAGE)) == 0
GONE, END = pages + PAGE, pages + PAGE - 16
SHORT = pages + PAGE - 8
ctypes.memmove(END, long[:16], 16)


def faults(call, *arguments):
    arguments = [ctypes.c_void_p(part) if isinstance(part, int) and part >= 8 else part for part in arguments]
    assert call(s.fileno(), *arguments) == -1 and ctypes.get_errno() == errno.EFAULT, (call, arguments)


def structure(kind, *members):
    made = kind()
    for (name, _), member in zip(kind._fields_, members):
        setattr(made, name, member)
    return made


class Address(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]


class RawHeader(ctypes.Structure):
    _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint32), ('parts', ctypes.c_void_p)] \
        + Header._fields_[3:]


long_size = ctypes.c_size_t(len(long))
for data in (8, GONE, END, SHORT):
    faults(libc.send, data, long_size, 0)
    faults(libc.sendto, data, long_size, 0, None, 0)
    faults(libc.write, data, long_size)
    part = structure(Address, data, len(long))
    faults(libc.writev, ctypes.byref(part), 1)
    header = structure(RawHeader, None, 0, ctypes.addressof(part), 1)
    faults(libc.sendmsg, ctypes.byref(header), 0)
    faults(libc.sendmmsg, ctypes.byref(header), 1, 0)
for pointer in (8, GONE, SHORT):
    faults(libc.writev, pointer, 1)
    faults(libc.readv, pointer, 1)
    header = structure(RawHeader, None, 0, pointer, 1)
    faults(libc.sendmsg, ctypes.byref(header), 0)
    faults(libc.sendmsg, pointer, 0)
    faults(libc.sendmmsg, pointer, 1, 0)
    faults(libc.recvmsg, pointer, 0x40)
assert not is_there(s)
# The address of a sender has a length, at a pointer that is read when there is a message.
s.send(message(KIND))
room, address = ctypes.create_string_buffer(99), ctypes.create_string_buffer(99)
faults(libc.recvfrom, room, 99, 0x40, address, 8)
is_there(s)

# A broadcast is not the answer.
s.send(message(KIND, seq=BROADCAST))
assert is_there(s)[1] == 8 and is_there(s)[1] == KIND

# Other descriptors of it, here and in a child.
copy = s.dup()
copy.send(message(KIND))
assert is_there(s)
if os.fork() == 0:
    s.send(message(KIND))
    os._exit(0 if is_there(s) else 1)
assert os.wait()[1] == 0
os.set_inheritable(s.fileno(), True)
program = f"import socket, os; os.write({s.fileno()}, {message(KIND)!r}); s = socket.socket(fileno={s.fileno()}); " \
    "assert s.recv(99, socket.MSG_DONTWAIT)"
subprocess.run(['python3', '-c', program], check=True, close_fds=False)

# One that another process hands over.
ours, theirs = socket.socketpair()
if os.fork() == 0:
    mine = socket.socket(PF_KEY, RAW, V2)
    socket.send_fds(theirs, [b'1'], [mine.fileno()])
    os._exit(0)
os.wait()
given = socket.socket(fileno=socket.recv_fds(ours, 1, 1)[1][0])
given.send(message(KIND))
assert is_there(given)

# Threads.
def ask(number):
    for seq in range(number * 100 + 1, number * 100 + 4):
        own.send(message(KIND, seq=seq))
own = socket.socket(PF_KEY, RAW, V2)
threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
[thread.start() for thread in threads] and [thread.join() for thread in threads]
assert sorted(struct.unpack('=I', is_there(own)[8:12])[0] % 100 for _ in range(12)) == sorted([1, 2, 3] * 4)

# Signals interrupt nothing, whether their handler has calls go on or not. (Of Python's own, none does.)
heard = []
signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
for goes_on in (False, True):
    signal.siginterrupt(signal.SIGALRM, not goes_on)
    signal.setitimer(signal.ITIMER_REAL, DELAY / 5, DELAY / 5)
    assert libc.send(s.fileno(), message(KIND), 16, 0) == 16
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert is_there(s)
assert heard

# More requests than there is room for.
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
s.setblocking(False)
threads = [threading.Thread(target=s.send, args=(long,)) for _ in range(8)]
[thread.start() for thread in threads] and [thread.join() for thread in threads]
assert [is_there(s) for _ in range(8)] == [long] * 8

# The service dies meanwhile: nobody can know whether it was done.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
assert fails(s.send, message(GETSPI, seq=DIE)) == 'ECONNRESET'
service.wait()
service = start()
assert s.send(message(KIND)) == 16
assert is_there(s) == message(KIND)
stop(service)

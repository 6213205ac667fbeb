"""The service is started again, or is not there for a while: programs go on, and none spins."""
from pfkey import *
import ctypes
import errno
import signal
import struct
import time

from service import DUMP as KIND, PROMISC, REGISTER, message, registrations, start, stop


def answer(s):
    poll = select.poll()
    poll.register(s, select.POLLIN)
    while poll.poll(3000):
        try:
            return s.recv(1 << 16)
        except BlockingIOError:
            pass


def ask(s, seq=0):
    s.send(message(KIND, seq=seq))
    while (heard := answer(s))[1] != KIND:
        pass
    return heard == message(KIND, seq=seq)


def woken(wait, s, seconds):
    """How often a program that reads what select tells it of is woken."""
    times, end = 0, time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0:
        if wait(rest):
            times += 1
            try:
                s.recv(1 << 16)
            except BlockingIOError:
                pass
    return times


def registered(s):
    """The registrations are the ones that the socket had; the broadcasts between are heard, the answers are not."""
    heard = []
    while select.select([s], [], [], 0.3)[0]:
        try:
            heard.append(s.recv(99)[1])
        except BlockingIOError:
            pass
    assert set(heard) == {8}, heard
    assert sorted(registrations()[-3:]) == [(REGISTER, 2), (REGISTER, 3), (PROMISC, 1)], registrations()


service = start()
s = socket.socket(PF_KEY, RAW | socket.SOCK_NONBLOCK, V2)
copy = s.dup()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', 7, 0))
for kind, satype in [(REGISTER, 2), (REGISTER, 3), (PROMISC, 1)]:
    s.send(message(kind, satype))
    assert answer(s)[1] == 8 and answer(s)[1] == kind
epoll = select.epoll()
epoll.register(s, select.EPOLLIN)

# Waiting for it: by select(2) and by epoll(7).
for wait in [lambda rest: select.select([s], [], [], rest)[0], epoll.poll]:
    stop(service)
    began = time.process_time()
    assert woken(wait, s, 1.2) < 8
    assert time.process_time() - began < 0.3
    service = start()
    assert wait(1), 'it is told that the service is back'
    registered(s)
    assert ask(s)
    assert ask(copy)
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16) == struct.pack('ll', 7, 0)
    assert not os.get_inheritable(s.fileno()) and not s.getblocking()
    assert epoll.poll(0.1) == []
    s.send(message(KIND))
    assert epoll.poll(1)[0][0] == s.fileno() and answer(s)
    time.sleep(1)

# Receiving waits meanwhile.
b = socket.socket(PF_KEY, RAW, V2)
# For Python, which does not know the addresses of this family.
unix = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, os.dup(b.fileno()))
for call in [lambda: b.recv(99), lambda: os.read(b.fileno(), 99), lambda: unix.recvmsg(99)[0], lambda: unix.recvfrom(99)[0],
             lambda: os.readv(b.fileno(), [room]) and bytes(room[:16])]:
    room, heard = bytearray(99), []
    thread = threading.Thread(target=lambda: heard.append(call()))
    thread.start()
    time.sleep(0.1)
    stop(service)
    time.sleep(0.3)
    service = start()
    b.send(message(KIND))
    thread.join(5)
    assert heard == [message(KIND)], heard
    time.sleep(1)

# An event loop that reads a socket that blocks, which it was told is readable, goes on: iked is such a program.
libc = ctypes.CDLL(None, use_errno=True)
for is_back in False, True:
    stop(service)
    if is_back:
        service = start()
    while select.select([b], [], [], 1.5)[0]:
        began = time.monotonic()
        length = libc.recv(b.fileno(), ctypes.create_string_buffer(99), 99, 0)
        assert time.monotonic() - began < 0.5, 'it was held'
        assert length > 0 or (length, ctypes.get_errno()) == (-1, errno.EINTR), ctypes.get_errno()
    if not is_back:
        service = start()
        assert select.select([b], [], [], 1)[0]
    assert ask(b)
    time.sleep(1)

# A program that only sends waits for a service that is being started.
stop(service)
threading.Timer(0.5, lambda: globals().update(service=start())).start()
assert ask(b, seq=7)
time.sleep(1)

# Where there is none for longer, it is told.
stop(service)
os.unlink(os.environ['XFRM_TOOLS_PFKEY_SOCKET'])
began = time.monotonic()
try:
    b.send(message(KIND))
    sys.exit('there is no service')
except ConnectionRefusedError:
    assert 4 < time.monotonic() - began < 7
service = start()
assert ask(b)
stop(service)

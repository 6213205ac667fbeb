"""A client of PF_KEY that never waits, as racoon and iked do not: what it has asked for is answered when send(2) returns.

    prompt_client.py ways          each way of sending, and what can be read at once afterwards
    prompt_client.py beside N      N requests while others cause broadcasts
    prompt_client.py cold CIPHER   an SA of a cipher that has to be loaded
    prompt_client.py add FROM N    N SAs, nothing read, and the end
    prompt_client.py count FROM    SAs from FROM on, a line each once it was accepted, until it is killed
    prompt_client.py kills N       N children that do that, each with other SPIs and killed soon; how many were accepted
"""
import ctypes, os, select, signal, socket, struct, sys, threading, time

ADD, GET, REGISTER, FLUSH, DUMP = 3, 5, 7, 9, 10
ESP = 3
# Messages that come near to what a socket has room for, of the service and of AF_KEY.
NEARLY_FULL = 100
libc = ctypes.CDLL(None, use_errno=True)


def extension(number, body):
    body += bytes(-(4 + len(body)) % 8)
    return struct.pack("=HH", (4 + len(body)) // 8, number) + body


def message(kind, satype, seq, *extensions):
    body = b"".join(extensions)
    return struct.pack("=BBBBHHII", 2, kind, 0, satype, 2 + len(body) // 8, 0, seq, os.getpid()) + body


def address(number, text):
    sockaddr = struct.pack("=HH", socket.AF_INET, 0) + socket.inet_aton(text) + bytes(8)
    return extension(number, struct.pack("=BBH", 0, 32, 0) + sockaddr)


def key(number, text):
    return extension(number, struct.pack("=HH", len(text) * 8, 0) + text)


def ends():
    return address(5, "192.0.2.1"), address(6, "192.0.2.2")


def sa(spi, auth=0, encrypt=0):
    return extension(1, struct.pack("!I", spi) + struct.pack("=BBBBI", 4, 1, auth, encrypt, 0))


def add(spi, seq, encrypt=12):
    keys = key(8, b"twenty byte long key"), key(9, b"sixteen byte key")
    return message(ADD, ESP, seq, sa(spi, 3, encrypt), *ends(), *keys)


def get(spi, seq):
    return message(GET, ESP, seq, sa(spi), *ends())


def what_is_there(key_socket):
    """Of all that can be read without waiting, the own answers."""
    return read_all(key_socket)[0]


def read_all(key_socket):
    """The same, and the number of all messages."""
    lines, messages = [], 0
    while True:
        try:
            answer = key_socket.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return lines, messages
        messages += 1
        _, kind, errno, satype, length, _, seq, pid = struct.unpack("=BBBBHHII", answer[:16])
        assert length * 8 == len(answer), "a whole message"
        if pid == os.getpid() or pid == parent:
            lines.append(f"type {kind} errno {errno} satype {satype} length {length} seq {seq}")


def sendmmsg(descriptor, *messages):
    class iovec(ctypes.Structure):
        _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]

    class msghdr(ctypes.Structure):
        _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32), ("iov", ctypes.POINTER(iovec)),
                    ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                    ("flags", ctypes.c_int)]

    class mmsghdr(ctypes.Structure):
        _fields_ = [("hdr", msghdr), ("len", ctypes.c_uint)]

    vectors = [iovec(it, len(it)) for it in messages]
    headers = (mmsghdr * len(messages))()
    for header, vector in zip(headers, vectors):
        header.hdr.iov, header.hdr.iovlen = ctypes.pointer(vector), 1
    sent = libc.sendmmsg(descriptor, headers, len(messages), 0)
    return [sent] + [header.len for header in headers[:max(sent, 0)]]


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    os.waitpid(child, 0)


def ways(key_socket):
    """Each is given two messages."""
    descriptor = key_socket.fileno()

    def duplicate(*messages):
        other = os.dup(descriptor)
        for it in messages:
            os.write(other, it)
        os.close(other)

    def duplicate_elsewhere(*messages):
        other = os.dup2(descriptor, 77)
        for it in messages:
            os.write(other, it)
        os.close(other)

    return {
        "send": lambda *all: [key_socket.send(it) for it in all],
        "send, MSG_DONTWAIT": lambda *all: [key_socket.send(it, socket.MSG_DONTWAIT) for it in all],
        "sendall": lambda *all: [key_socket.sendall(it) for it in all],
        "sendmsg": lambda *all: [key_socket.sendmsg([it[:16], it[16:]]) for it in all],
        "sendmmsg": lambda *all: sendmmsg(descriptor, *all),
        "write": lambda *all: [os.write(descriptor, it) for it in all],
        "writev": lambda *all: [os.writev(descriptor, [it[:8], it[8:]]) for it in all],
        "sendto": lambda *all: [libc.sendto(descriptor, it, len(it), 0, None, 0) for it in all],
        "a duplicate": duplicate,
        **({} if "--by-number" in sys.argv else {"a duplicate of another number": duplicate_elsewhere}),
        "a thread": lambda *all: in_thread(lambda: [key_socket.send(it) for it in all]),
        "a child": lambda *all: in_child(lambda: [key_socket.send(it) for it in all]),
    }


def every_way():
    spi = 0x1000
    for blocking in True, False:
        key_socket = socket.socket(15, socket.SOCK_RAW, 2)
        key_socket.setblocking(blocking)
        for name, way in ways(key_socket).items():
            spi += 1
            print(f"{name}, blocking {blocking}:", way(add(spi, 1), get(spi, 2)))
            poller = select.poll()
            poller.register(key_socket, select.POLLIN)
            print(" poll", poller.poll(0)[0][1])
            print("", *what_is_there(key_socket), sep="\n  ")
    # What AF_KEY says of a message in send(2) itself.
    for name, wrong in {
        "no byte": b"", "a part": get(1, 1)[:15], "version 1": b"\1" + get(1, 1)[1:], "type 0": b"\2\0" + get(1, 1)[2:],
        "longer than it says": get(1, 1) + bytes(8), "shorter than it says": get(1, 1)[:-8],
    }.items():
        try:
            print(name, key_socket.send(wrong))
        except OSError as error:
            print(name, error.strerror)
        print("", *what_is_there(key_socket), sep="\n  ")
    # A dump: what AF_KEY has sent before it returns.
    key_socket.send(message(DUMP, 0, 5))
    print("dump", len(what_is_there(key_socket)))
    # Signals.
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    answered = 0
    for n in range(300):
        key_socket.send(get(0x1001, n))
        answered += len(what_is_there(key_socket))
    signal.setitimer(signal.ITIMER_REAL, 0)
    print("under signals", answered)
    key_socket.send(message(FLUSH, 0, 9))
    print("", *what_is_there(key_socket), sep="\n  ")


def beside(count):
    key_socket = socket.socket(15, socket.SOCK_RAW, 2)
    key_socket.send(message(REGISTER, ESP, 1))
    what_is_there(key_socket)
    late = looked_at = 0
    for n in range(count):
        key_socket.send(get(0x999, n + 1))
        lines, messages = read_all(key_socket)
        # Where an answer has no room, AF_KEY drops it, and the service sends it later.
        if messages < NEARLY_FULL:
            looked_at += 1
            late += f"type 5 errno 3 satype 3 length 2 seq {n + 1}" not in lines
    assert looked_at, "the socket was full whenever a request was sent"
    print("late answers:", late)


def cold(cipher):
    key_socket = socket.socket(15, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 2)
    key_socket.send(add(0x2000, 1, cipher))
    print(*what_is_there(key_socket), sep="\n")


def add_and_exit(first, count):
    key_socket = socket.socket(15, socket.SOCK_RAW, 2)
    for n in range(count):
        key_socket.send(add(first + n, n))


def count(first, output=1):
    key_socket = socket.socket(15, socket.SOCK_RAW, 2)
    while True:
        key_socket.send(add(first, 1))
        os.write(output, b"%d\n" % first)
        first += 1


def kills(times):
    for kill in range(1, times + 1):
        first = kill << 16
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            count(first, write)
        os.close(write)
        accepted = os.read(read, 1 << 16)
        time.sleep(kill * 37 % 5000 / 1e6)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(read, 1 << 16):
            accepted += more
        os.close(read)
        print(kill, int(accepted.split()[-1]) + 1 - first)


parent = os.getpid()
words = [word for word in sys.argv[1:] if not word.startswith("--")]
numbers = [int(word) for word in words[1:]]
{"ways": every_way, "beside": beside, "cold": cold, "add": add_and_exit, "count": count,
 "kills": kills}[words[0]](*numbers)

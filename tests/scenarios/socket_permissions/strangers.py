"""strangers.py hold|flood|linger|files NUMBER: what every user can try at the service for policies of sockets."""
import ctypes
import os
import select
import socket
import struct
import sys
import time

SOCKET = f'/run/xfrm-tools/{os.stat("/proc/self/ns/net").st_ino}/socket.sock'
# out bypass (linux/pfkeyv2.h).
BYPASS = struct.pack('=HHHBBII', 2, 18, 4, 2, 0, 0, 0)


def connect():
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # The service may be slow to accept.
    connection.connect(SOCKET)
    connection.settimeout(10)
    return connection


def ready():
    print('ready', os.getpid(), 0, flush=True)


def hold(number):
    """Keeps connections, without a request or with requests that are malformed."""
    connections = [connect() for _ in range(number)]
    ready()
    while True:
        for place, connection in enumerate(connections):
            try:
                connection.send(b'x')
            except OSError:
                connection.close()
                connections[place] = connect()
        time.sleep(0.1)


def flood(seconds):
    """Requests and connections as fast as possible."""
    ready()
    begun, count = time.monotonic(), 0
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while time.monotonic() < begun + seconds:
        try:
            connection = connect()
            socket.send_fds(connection, [BYPASS], [s.fileno()])
            connection.recv(99)
        except OSError:
            pass
        connection.close()
        count += 1
    print('requests', count, int(time.monotonic() - begun), flush=True)


def lingering(listener):
    """A socket whose last close takes as long as SO_LINGER says, since its peer does not read."""
    client = socket.create_connection(listener.getsockname())
    client.setblocking(False)
    try:
        while True:
            client.send(bytes(1 << 16))
    except BlockingIOError:
        pass
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 600))
    return client


def linger(number):
    """Sends sockets that linger, three to a message, and has none of them itself any more."""
    listener = socket.create_server(('127.0.0.1', 0), backlog=3 * number)
    if os.fork() == 0:
        for _ in range(number):
            sockets = [lingering(listener) for _ in range(3)]
            connection = connect()
            try:
                # The second message is not received.
                for _ in range(2):
                    socket.send_fds(connection, [BYPASS], [client.fileno() for client in sockets])
            except OSError:
                pass
            # A close would wait, and the end of the process does not.
            kept.append((sockets, connection))
        os._exit(0)
    os.wait()
    ready()
    sys.stdin.read()


def mounted():
    """A file system of this user's own, in namespaces of its own (linux/fuse.h): its descriptor and path."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    # CLONE_NEWUSER, CLONE_NEWNS.
    assert libc.unshare(0x10020000) == 0, os.strerror(ctypes.get_errno())
    for name, text in [('setgroups', 'deny'), ('uid_map', f'0 {uid} 1'), ('gid_map', f'0 {gid} 1')]:
        with open(f'/proc/self/{name}', 'w') as file:
            file.write(text)
    fuse = os.open('/dev/fuse', os.O_RDWR)
    options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0'.encode()
    # MS_NOSUID, MS_NODEV.
    assert libc.mount(b'fuse', b'/mnt', b'fuse', 6, options) == 0, os.strerror(ctypes.get_errno())
    return fuse, '/mnt/file'


def attributes(node):
    mode = 0o40755 if node == 1 else 0o100644
    return struct.pack('=6Q10I', node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(request):
    """The answer to a request; a close (FLUSH) has none, nor has FORGET."""
    opcode, unique, node = struct.unpack_from('=IQQ', request, 4)
    answers = {
        1: struct.pack('=4Q2I', 2, 0, 1000, 1000, 0, 0) + attributes(2),
        3: struct.pack('=QII', 1000, 0, 0) + attributes(node),
        14: struct.pack('=QII', 1, 0, 0),
        18: b'',
        26: struct.pack('=4I2H2I2HI7I', 7, 31, 4096, 0, 1, 1, 4096, 1, 1, 0, 0, *[0] * 7),
    }
    if opcode in (2, 25, 42):
        return None
    body = answers.get(opcode)
    error = 0 if body is not None else -38
    body = body or b''
    return struct.pack('=IiQ', 16 + len(body), error, unique) + body


def send_files(path, number):
    """Requests with as many files as a message can have, and with one."""
    file = os.open(path, os.O_RDONLY)
    for place in range(number):
        connection = connect()
        socket.send_fds(connection, [BYPASS], [file] * (253 if place % 2 else 1))
        # It is refused, and the service closes what it has received.
        assert b'descriptor' in connection.recv(99)
        kept.append(connection)


def files(number):
    """Sends files whose close waits for as long as this program is there."""
    fuse, path = mounted()
    sent, has_sent = os.pipe()
    if os.fork() == 0:
        os.close(fuse)
        send_files(path, number)
        os.write(has_sent, b'x')
        time.sleep(1000)
    while True:
        readable, _, _ = select.select([fuse, sent], [], [])
        if sent in readable:
            os.read(sent, 1)
            ready()
        if fuse in readable and (reply := answer(os.read(fuse, 1 << 17))):
            os.write(fuse, reply)


kept = []
{'hold': hold, 'flood': flood, 'linger': linger, 'files': files}[sys.argv[1]](int(sys.argv[2]))

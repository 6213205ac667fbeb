"""strangers.py hold|flood|linger NUMBER: what every user can try at the service for policies of sockets."""
import os
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


kept = []
{'hold': hold, 'flood': flood, 'linger': linger}[sys.argv[1]](int(sys.argv[2]))

"""A stand-in for the service that takes its time: `python3 service.py PATH DELAY`. Imported, it starts and stops one."""
import os
import socket
import struct
import subprocess
import sys
import threading
import time

PATH = os.environ.get('XFRM_TOOLS_PFKEY_SOCKET')
GETSPI, REGISTER, EXPIRE, DUMP, PROMISC = 1, 7, 8, 10, 11
# The sequence numbers of requests before whose answer a broadcast comes, and after whose look the service dies.
BROADCAST, DIE = 555, 666


def message(kind, satype=0, seq=0, errno=0):
    return struct.pack('=BBBBHHII', 2, kind, errno, satype, 2, 0, seq, os.getpid())


def serve(connection, delay, registered):
    while request := connection.recv(1 << 16, socket.MSG_PEEK):
        kind, satype, seq = request[1], request[3], struct.unpack('=I', request[8:12])[0]
        if seq == DIE:
            os._exit(0)
        time.sleep(delay)
        if kind in (REGISTER, PROMISC):
            print(kind, satype, file=registered, flush=True)
            connection.send(message(EXPIRE, seq=satype))
        if seq == BROADCAST:
            connection.send(message(EXPIRE))
        connection.send(request)
        connection.recv(1)


def main(path, delay):
    # It ends with the test.
    threading.Thread(target=lambda: sys.stdin.read() or os._exit(0), daemon=True).start()
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    print('listening', flush=True)
    with open(path + '.registered', 'a') as registered:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, delay, registered), daemon=True).start()


def start(delay=0):
    service = subprocess.Popen(['python3', '-B', __file__, PATH, str(delay)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert service.stdout.readline() == b'listening\n'
    return service


def stop(service):
    service.kill()
    service.wait()


def registrations():
    with open(PATH + '.registered') as file:
        return [tuple(map(int, line.split())) for line in file]


if __name__ == '__main__':
    main(sys.argv[1], float(sys.argv[2]))

"""Another program that uses the kernel's drop monitor: net_dm.py get | start | stop | config MODE HEAD QUEUE.

Prints the configuration, or the name of the errno of a request that is refused.
"""

import errno
import socket
import struct
import sys

GENERIC, CTRL, GETFAMILY = 16, 16, 3
CONFIG, START, STOP, CONFIG_GET = 2, 3, 4, 6
ALERT_MODE, TRUNC_LEN, QUEUE_LEN, SW_DROPS = 1, 9, 11, 20


def attribute(kind, value):
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def request(family, command, payload=b""):
    """The attributes of the answer, if there is one."""
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, GENERIC)
    message = struct.pack("=BBH", command, 2, 0) + payload
    link.send(struct.pack("=IHHII", 16 + len(message), family, 5, 1, 0) + message)
    answer = {}
    while True:
        data = link.recv(65536)
        kind = struct.unpack_from("=IHHII", data)[1]
        if kind == 2:
            code = struct.unpack_from("=i", data, 16)[0]
            if code:
                raise OSError(-code, "refused")
            return answer
        answer = attributes(data[20:])


def main(words):
    family = struct.unpack("=H", request(CTRL, GETFAMILY, attribute(2, b"NET_DM\0"))[1])[0]
    if words[0] == "get":
        got = request(family, CONFIG_GET)
        print(got[ALERT_MODE][0], *struct.unpack("=II", got[TRUNC_LEN] + got[QUEUE_LEN]))
    elif words[0] == "config":
        mode, head, queue = map(int, words[1:])
        numbers = attribute(TRUNC_LEN, struct.pack("=I", head)) + attribute(QUEUE_LEN, struct.pack("=I", queue))
        request(family, CONFIG, attribute(ALERT_MODE, bytes([mode])) + numbers)
    else:
        request(family, {"start": START, "stop": STOP}[words[0]], attribute(SW_DROPS, b""))


try:
    main(sys.argv[1:])
except OSError as error:
    print(errno.errorcode[error.errno])

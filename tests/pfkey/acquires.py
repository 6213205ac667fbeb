"""The ACQUIREs that policies of setkey(8) lead to, in hexadecimal, without the numbers that the kernel chooses.

acquires.py KERNEL_OR_SERVICE SETKEY [OPTION] <POLICIES

KERNEL_OR_SERVICE is `kernel` for AF_KEY, or the path of the PF_KEY service. A line of POLICIES is an address to send a
packet to, a blank, and a statement.
"""
import socket
import subprocess
import sys

PF_KEY, PF_KEY_V2, REGISTER, ACQUIRE = 15, 2, 7, 6
HEADER, POLICY, ADDRESSES = 16, 18, (5, 6)


class Setkey:
    """One process for all statements: processes are what takes a test kernel longest."""

    def __init__(self, command):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command + ["-f", "-"], stdin=pipe, stdout=pipe, text=True)
        self.lines = 0

    def run(self, statements):
        """After them comes one that is refused, so that there is an end."""
        self.process.stdin.write(f"{statements} delete 127.0.0.1 127.0.0.1 esp 0xffffffff;\n")
        self.process.stdin.flush()
        self.lines += 1
        printed = self.process.stdout.readline()
        assert printed == f"The result of line {self.lines}: No such process.\n", printed


def connect(whose):
    if whose == "kernel":
        return socket.socket(PF_KEY, socket.SOCK_RAW, PF_KEY_V2)
    service = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    service.connect(whose)
    return service


def registered(whose):
    """A socket that hears ACQUIREs of every type: AF_KEY tells whoever has registered one."""
    pfkey = connect(whose)
    pfkey.send(bytes([2, REGISTER, 0, 3, 2, 0, 0, 0]) + bytes(8))
    pfkey.settimeout(20)
    while pfkey.recv(65536)[1] != REGISTER:
        pass
    return pfkey


def acquires(pfkey):
    """The first, and what comes soon after it."""
    messages = []
    try:
        while True:
            message = bytearray(pfkey.recv(65536))
            if message[1] == ACQUIRE:
                messages.append(masked(message).hex())
                pfkey.settimeout(0.3)
    except TimeoutError:
        return messages


def masked(message):
    """With no `seq`, no `pid`, no index of the policy, and nothing behind an IPv6 address, where AF_KEY sends whatever
    was in its memory."""
    message[8:16] = bytes(8)
    at = HEADER
    while at < len(message):
        length, kind = (int.from_bytes(message[at + i : at + i + 2], "little") for i in (0, 2))
        if kind == POLICY:
            message[at + 8 : at + 12] = bytes(4)
        elif kind in ADDRESSES and length == 5:
            message[at + 36 : at + 40] = bytes(4)
        at += 8 * length
    return message


def main():
    whose, setkey = sys.argv[1], Setkey(sys.argv[2:])
    for line in sys.stdin.read().splitlines():
        target, statement = line.split(" ", 1)
        setkey.run(f"flush; spdflush; {statement}")
        pfkey = registered(whose)
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        try:
            socket.socket(family, socket.SOCK_DGRAM).sendto(b"packet", (target, 9))
        except OSError:
            pass
        print(*acquires(pfkey))


main()

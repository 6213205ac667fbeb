#!/usr/bin/env python3
"""Captures what AF_KEY says to a PF_KEY client: one hex file a scenario, in this folder.

    tests/kernel/run python3 crates/pfkey/tests/captures/capture.py

Each line of a file is one message: `>` sent, `<` received. The requests are built here from
linux/pfkeyv2.h, without the crate, in the order in which setkey of ipsec-tools 0.8.2 sends them.
"""

import os
import socket
import struct
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PID = 4242  # any number: AF_KEY hands it back

GETSPI, UPDATE, ADD, DELETE, GET, ACQUIRE, REGISTER, EXPIRE, FLUSH, DUMP = range(1, 11)
SPDUPDATE, SPDADD, SPDDELETE, SPDGET, _, SPDDUMP, SPDFLUSH = range(13, 20)
SPDDELETE2, NAT_T_NEW_MAPPING, MIGRATE = 22, 23, 24
AH, ESP, IPCOMP = 2, 3, 9
DISCARD, NONE, IPSEC = range(3)
IN, OUT, FWD = 1, 2, 3
TRANSPORT, TUNNEL, BEET = 1, 2, 3
DEFAULT, USE, REQUIRE, UNIQUE = range(4)
DEF_PRIO = 0x80000000

AES_KEY = bytes(range(16))
SHA1_KEY = bytes(range(0x40, 0x40 + 20))


def ext(number, body):
    body += bytes(-(len(body) + 4) % 8)
    return struct.pack("HH", (len(body) + 4) // 8, number) + body


def message(kind, satype, *exts, seq=0):
    body = b"".join(exts)
    return struct.pack("BBBBHHII", 2, kind, 0, satype, 2 + len(body) // 8, 0, seq, PID) + body


def sockaddr(address, port=0):
    if ":" in address:
        packed = socket.inet_pton(socket.AF_INET6, address)
        return struct.pack("=H2sI16sI", 10, struct.pack(">H", port), 0, packed, 0)
    packed = socket.inet_pton(socket.AF_INET, address)
    return struct.pack("=H2s4s8x", 2, struct.pack(">H", port), packed)


def address(number, host, proto=255, prefix=None, port=0):
    prefix = (128 if ":" in host else 32) if prefix is None else prefix
    return ext(number, struct.pack("BBH", proto, prefix, 0) + sockaddr(host, port))


def src(*args, **kwargs):
    return address(5, *args, **kwargs)


def dst(*args, **kwargs):
    return address(6, *args, **kwargs)


def sa(spi, replay=0, auth=0, encrypt=0, flags=0x40):
    return ext(1, struct.pack("=4sBBBBI", struct.pack(">I", spi), replay, 0, auth, encrypt, flags))


def sa2(mode=0, reqid=0):
    return ext(19, struct.pack("=BBHII", mode, 0, 0, 0, reqid))


def key(number, secret):
    return ext(number, struct.pack("HH", len(secret) * 8, 0) + secret)


def auth_key(secret):
    return key(8, secret)


def encrypt_key(secret):
    return key(9, secret)


def lifetime(number, packets=0, octets=0, add=0, use=0):
    return ext(number, struct.pack("=IQQQ", packets, octets, add, use))


def hard(**limits):
    return lifetime(3, **limits)


def soft(**limits):
    return lifetime(4, **limits)


def policy(kind, direction, *requests, priority=DEF_PRIO, index=0):
    return ext(18, struct.pack("=HBBII", kind, direction, 0, index, priority) + b"".join(requests))


def request(proto, mode, level, reqid=0, ends=()):
    addresses = b"".join(sockaddr(end) for end in ends)
    return struct.pack("=HHBBHII", 16 + len(addresses), proto, mode, level, 0, reqid, 0) + addresses


def nat_port(number, port):
    return ext(number, struct.pack(">HH", port, 0))


def run(command):
    subprocess.run(command.split(), check=True)


class Scenario:
    """A PF_KEY socket and the file that holds its conversation."""

    def __init__(self, name, what):
        self.socket = socket.socket(15, socket.SOCK_RAW, 2)
        self.socket.settimeout(0.3)
        self.file = open(os.path.join(HERE, name + ".hex"), "w")
        self.file.write(f"# {what}\n# Linux {os.uname().release}, {os.path.basename(__file__)}\n")

    def __enter__(self):
        run("ip xfrm state flush")
        run("ip xfrm policy flush")
        self.drain()
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def drain(self):
        try:
            while True:
                self.socket.recv(65536)
        except TimeoutError:
            pass

    def send(self, data):
        self.file.write("> " + data.hex() + "\n")
        self.socket.send(data)
        self.receive()

    def receive(self, seconds=0.3):
        self.socket.settimeout(seconds)
        try:
            while True:
                self.file.write("< " + self.socket.recv(65536).hex() + "\n")
        except TimeoutError:
            pass


A, B = "192.0.2.1", "192.0.2.2"
A6, B6 = "2001:db8::1", "2001:db8::2"


def esp_transport(*limits):
    return message(
        ADD, ESP, encrypt_key(AES_KEY), auth_key(SHA1_KEY), *limits,
        sa(0x1000, replay=8, auth=3, encrypt=12), sa2(TRANSPORT, 7), src(A), dst(B), seq=5)


with Scenario("esp", "ESP, aes-cbc and hmac-sha1: ADD, duplicate ADD, GET, DUMP, DELETE, GET") as s:
    limits = [hard(octets=1000, add=3600), soft(octets=800, add=2880)]
    s.send(esp_transport(*limits))
    s.send(esp_transport(*limits))
    s.send(message(GET, ESP, sa(0x1000), sa2(), src(A), dst(B)))
    s.send(message(DUMP, ESP))
    s.send(message(DELETE, ESP, sa(0x1000), sa2(), src(A), dst(B)))
    s.send(message(GET, ESP, sa(0x1000), sa2(), src(A), dst(B)))

with Scenario("ah", "AH, hmac-sha1, NOECN") as s:
    s.send(message(ADD, AH, auth_key(SHA1_KEY), sa(0x1001, auth=3, flags=0x80000040), sa2(),
                   src(A), dst(B)))

with Scenario("ipcomp", "IPComp, deflate") as s:
    s.send(message(ADD, IPCOMP, sa(0x1002, encrypt=2), sa2(), src(A), dst(B)))

with Scenario("esp_null", "ESP, null and null") as s:
    s.send(message(ADD, ESP, encrypt_key(b""), sa(0x1003, auth=251, encrypt=11), sa2(), src(A), dst(B)))

with Scenario("esp_udp", "ESP in UDP") as s:
    s.send(message(ADD, ESP, encrypt_key(AES_KEY), auth_key(SHA1_KEY),
                   sa(0x1004, auth=3, encrypt=12), sa2(),
                   ext(20, bytes([2, 0, 0, 0])), src(A, port=4500), dst(B, port=4501),
                   nat_port(21, 4500), nat_port(22, 4501)))

with Scenario("esp_tunnel6", "ESP tunnel over IPv6, key of 192 bits") as s:
    s.send(message(ADD, ESP, encrypt_key(bytes(range(24))), auth_key(bytes(range(32))),
                   sa(0x1005, auth=5, encrypt=12), sa2(TUNNEL, 16384), src(A6), dst(B6)))

with Scenario("dump", "DUMP of an empty SAD, of three SAs, of AH only") as s:
    s.send(message(DUMP, 0))
    s.send(message(ADD, ESP, encrypt_key(b""), sa(1, encrypt=11), sa2(), src(A), dst(B)))
    s.send(message(ADD, AH, auth_key(SHA1_KEY), sa(2, auth=3), sa2(), src(A), dst(B)))
    s.send(message(ADD, IPCOMP, sa(3, encrypt=2), sa2(TUNNEL), src(A6), dst(B6)))
    s.send(message(DUMP, 0))
    s.send(message(DUMP, AH))

with Scenario("getspi", "GETSPI in 0x2000..0x2000, then UPDATE of the larval SA") as s:
    s.send(message(GETSPI, ESP, src(A), dst(B), ext(16, struct.pack("=III", 0x2000, 0x2000, 0)), seq=9))
    s.send(message(UPDATE, ESP, encrypt_key(b""), sa(0x2000, encrypt=11), sa2(), src(A), dst(B), seq=9))

with Scenario("netlink", "ADD by `ip xfrm state`: AES-GCM, then CMAC") as s:
    run(f"ip xfrm state add src {A} dst {B} proto esp spi 0x3000 mode transport "
        f"aead rfc4106(gcm(aes)) 0x{bytes(range(20)).hex()} 128")
    run(f"ip xfrm state add src {A} dst {B} proto esp spi 0x3001 mode transport "
        f"enc cbc(aes) 0x{AES_KEY.hex()} auth cmac(aes) 0x{AES_KEY.hex()}")
    s.receive()

with Scenario("flush", "FLUSH of one SA, of no SA, SPDFLUSH of one policy, of no policy") as s:
    s.send(message(ADD, ESP, encrypt_key(b""), sa(1, encrypt=11), sa2(), src(A), dst(B)))
    s.send(message(FLUSH, ESP))
    s.send(message(FLUSH, 0))
    s.send(message(SPDADD, 0, policy(NONE, OUT), src(A), dst(B)))
    s.send(message(SPDFLUSH, 0))
    s.send(message(SPDFLUSH, 0))

with Scenario("spd", "SPDADD of several policies, SPDDUMP, SPDUPDATE, SPDDELETE") as s:
    transport = request(50, TRANSPORT, REQUIRE)
    s.send(message(SPDDUMP, 0))
    s.send(message(SPDADD, 0, policy(IPSEC, OUT, transport), src(A), dst(B)))
    s.send(message(SPDADD, 0, policy(IPSEC, OUT, request(50, TUNNEL, UNIQUE, 3, ("198.51.100.1", "198.51.100.2")),
                                     request(51, TRANSPORT, REQUIRE), priority=0x3ffffffb),
                   src("10.0.0.0", prefix=24, proto=6), dst("10.1.0.0", prefix=16, proto=6, port=80)))
    s.send(message(SPDADD, 0, policy(IPSEC, IN, request(50, TUNNEL, USE, 0, (A6, B6))),
                   src("2001:db8:1::", prefix=48), dst("2001:db8:2::", prefix=48)))
    s.send(message(SPDADD, 0, policy(NONE, IN), src("10.0.0.0", prefix=8, proto=1, port=8), dst(B, proto=1)))
    s.send(message(SPDADD, 0, policy(DISCARD, FWD, priority=0), src("0.0.0.0", prefix=0), dst("0.0.0.0", prefix=0)))
    s.send(message(SPDADD, 0, policy(IPSEC, IN, request(108, TRANSPORT, USE)), src(B), dst(A)))
    s.send(message(SPDADD, 0, policy(IPSEC, OUT, request(50, BEET, DEFAULT)), src(A6), dst(B6)))
    s.send(message(SPDDUMP, 0))
    s.send(message(SPDUPDATE, 0, policy(NONE, OUT), src(A), dst(B)))
    s.send(message(SPDDELETE, 0, policy(DISCARD, OUT, priority=0), src(A), dst(B)))
    s.send(message(SPDDELETE, 0, policy(DISCARD, OUT, priority=0), src(A), dst(B)))

with Scenario("spd_socket", "SPDDUMP with a socket's own policy") as s:
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.setsockopt(socket.IPPROTO_IP, 16, policy(IPSEC, OUT, request(50, TRANSPORT, REQUIRE), priority=0))
    s.send(message(SPDDUMP, 0))
    own.close()

with Scenario("register", "REGISTER for ESP") as s:
    s.send(message(REGISTER, ESP))

run("ip link add dummy0 type dummy")
run("ip link set dummy0 up")
run(f"ip address add {A}/24 dev dummy0")


def packet():
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setblocking(False)
    try:
        out.sendto(b"x", (B, 9))
    except OSError:
        pass  # no SA yet
    out.close()


with Scenario("acquire", "ACQUIRE: for a policy of PF_KEY, then for policies of `ip xfrm policy`") as s:
    s.send(message(REGISTER, ESP))
    s.send(message(SPDADD, 0, policy(IPSEC, OUT, request(50, TRANSPORT, REQUIRE)), src(A), dst(B)))
    packet()
    s.receive()
    for proto in ["esp", "ah"]:
        run("ip xfrm state flush")
        run("ip xfrm policy flush")
        run(f"ip xfrm policy add src {A} dst {B} dir out priority 5 tmpl proto {proto} mode transport")
        s.drain()
        packet()
        s.receive()

with Scenario("expire", "EXPIRE, soft and then hard") as s:
    s.send(message(REGISTER, ESP))
    s.send(esp_transport(hard(add=3), soft(add=1)))
    s.receive(5)

with Scenario("new_mapping", "NAT_T_NEW_MAPPING: a packet from port 4600 for an SA from port 4500") as s:
    s.send(message(REGISTER, ESP))
    s.send(message(ADD, ESP, encrypt_key(b""), sa(0x4000, encrypt=11), sa2(TUNNEL),
                   ext(20, bytes([2, 0, 0, 0])), src("127.0.0.2"), dst("127.0.0.1"),
                   nat_port(21, 4500), nat_port(22, 4500)))
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 4500))
    listener.setsockopt(socket.IPPROTO_UDP, 100, 2)
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind(("127.0.0.3", 4600))
    inner = bytes.fromhex("4500001400000000403b0000") + socket.inet_aton("127.0.0.2") + socket.inet_aton("127.0.0.1")
    peer.sendto(struct.pack(">II", 0x4000, 1) + inner + bytes([1, 2, 2, 4]), ("127.0.0.1", 4500))
    s.receive(1)

with Scenario("migrate", "MIGRATE of a tunnel policy with its SA") as s:
    old, new = ("198.51.100.1", "198.51.100.2"), ("198.51.100.3", "198.51.100.2")
    s.send(message(ADD, ESP, encrypt_key(b""), sa(0x5000, encrypt=11), sa2(TUNNEL, 3), src(old[0]), dst(old[1])))
    s.send(message(SPDADD, 0, policy(IPSEC, OUT, request(50, TUNNEL, UNIQUE, 3, old)),
                   src("10.0.0.0", prefix=24), dst("10.1.0.0", prefix=16)))
    s.send(message(MIGRATE, ESP, policy(IPSEC, OUT, request(50, TUNNEL, UNIQUE, 3, old),
                                        request(50, TUNNEL, UNIQUE, 3, new)),
                   src("10.0.0.0", prefix=24), dst("10.1.0.0", prefix=16)))

"""Sends a datagram: send.py SRC DST PORT BYTES [df] [dev=NAME]. BYTES are those of the packet, with its headers."""

import errno
import sys

import _socket as socket  # loads faster

src, dst, port, length = sys.argv[1:5]
family = socket.AF_INET6 if ":" in dst else socket.AF_INET
headers = 48 if family == socket.AF_INET6 else 28
udp = socket.socket(family, socket.SOCK_DGRAM)
IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 10, 0, 2
if family == socket.AF_INET:
    # By default what fits the link has DF.
    discover = IP_PMTUDISC_DO if "df" in sys.argv else IP_PMTUDISC_DONT
    udp.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
for device in (word[4:] for word in sys.argv if word.startswith("dev=")):
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
udp.bind((src, 0))
try:
    udp.sendto(bytes(int(length) - headers), (dst, int(port)))
except OSError as error:
    print(errno.errorcode[error.errno])

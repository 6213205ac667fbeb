"""Sends an IP packet as it is: send_raw.py HEX."""

import sys

import _socket as socket  # loads faster

packet = bytes.fromhex(sys.argv[1])
if packet[0] >> 4 == 4:
    family, dst = socket.AF_INET, socket.inet_ntop(socket.AF_INET, packet[16:20])
else:
    family, dst = socket.AF_INET6, socket.inet_ntop(socket.AF_INET6, packet[24:40])
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(packet, (dst, 0))

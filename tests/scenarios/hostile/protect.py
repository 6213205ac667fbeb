"""Protects its own socket, as a program of a BSD does: ipsec_set_policy("out ipsec esp/transport//require")."""
import socket
import struct

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
policy = struct.pack('=HHHBBIIHHBBHII', 4, 18, 2, 2, 0, 0, 1 << 31, 16, 50, 1, 2, 0, 0, 0)
s.setsockopt(socket.IPPROTO_IP, 16, policy)

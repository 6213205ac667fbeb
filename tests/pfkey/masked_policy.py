"""Adds an outbound policy whose template has these masks, which ip(8) cannot set.

masked_policy.py PROTO AALGOS EALGOS CALGOS
"""
import socket
import struct
import sys

PROTOCOLS = {"esp": 50, "ah": 51}
XFRM_MSG_NEWPOLICY, NETLINK_XFRM, XFRMA_TMPL = 0x13, 6, 5
NLM_F_REQUEST_ACK_CREATE = 0x1 | 0x4 | 0x400
FOREVER = 2**64 - 1


def address(text):
    return socket.inet_aton(text) + bytes(12)


def main():
    proto = PROTOCOLS[sys.argv[1]]
    masks = [int(mask, 0) for mask in sys.argv[2:5]]
    # xfrm_selector, xfrm_lifetime_cfg, xfrm_lifetime_cur, the rest of xfrm_userpolicy_info.
    selector = address("203.0.113.0") + address("0.0.0.0")
    selector += bytes(8) + struct.pack("=HBBBxxxiI", socket.AF_INET, 24, 0, 0, 0, 0)
    limits = struct.pack("=4Q", *[FOREVER] * 4) + bytes(4 * 8) + bytes(4 * 8)
    policy = selector + limits + struct.pack("=IIBBBB4x", 0, 0, 1, 0, 0, 0)
    # xfrm_user_tmpl: xfrm_id, family, saddr, reqid, mode, share, optional, masks.
    template = address("0.0.0.0") + struct.pack("=IB3x", 0, proto)
    template += struct.pack("=H2x", socket.AF_INET) + bytes(16) + struct.pack("=IBBBx", 0, 0, 0, 0)
    template += struct.pack("=3I", *masks)
    body = policy + struct.pack("=HH", 4 + len(template), XFRMA_TMPL) + template
    header = struct.pack("=IHHII", 16 + len(body), XFRM_MSG_NEWPOLICY, NLM_F_REQUEST_ACK_CREATE, 1, 0)
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
    kernel.send(header + body)
    (error,) = struct.unpack_from("=i", kernel.recv(4096), 16)
    if error:
        sys.exit(f"XFRM_MSG_NEWPOLICY: {error}")


main()

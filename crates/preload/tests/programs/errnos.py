"""What AF_KEY has against a call, in its order."""
from pfkey import *

assert refused(socket.SOCK_DGRAM, V2) == 'ESOCKTNOSUPPORT'
assert refused(socket.SOCK_DGRAM, 0) == 'ESOCKTNOSUPPORT'
assert refused(RAW, 0) == 'EPROTONOSUPPORT'
assert refused(RAW | 0x100, V2) == 'EINVAL'
assert refused(12, V2) == 'EINVAL'
os.setuid(65534)
assert refused(RAW, V2) == 'EPERM'
assert refused(socket.SOCK_DGRAM, 0) == 'EPERM'

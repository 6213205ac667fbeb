"""A caller without CAP_NET_ADMIN over the network namespace."""
from pfkey import *

assert refused(RAW, V2) == 'EPERM'

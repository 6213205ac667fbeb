"""Neither a service nor AF_KEY."""
from pfkey import *

assert refused(RAW, V2) == 'EAFNOSUPPORT'

"""A program that has started nothing has no child to wait for."""
from pfkey import *

try:
    os.wait()
    sys.exit('there was a child')
except ChildProcessError:
    pass

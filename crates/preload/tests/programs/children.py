"""A child of a child, by fork and by exec."""
from pfkey import *

program = 'import socket; s = socket.socket(15, 3, 2); s.send(bytes([2, 10, 0, 0, 2, 0, 0, 0]) + bytes(8)); print(len(s.recv(99)))'
grandchild = 'sh -c \'python3 -c "$PROGRAM"; true\'; true'
said = subprocess.check_output(['sh', '-c', grandchild], env=dict(os.environ, PROGRAM=program))
assert said == b'16\n', said
if os.fork() == 0:
    s = socket.socket(PF_KEY, RAW, V2)
    s.send(DUMP)
    os._exit(s.recv(99) != DUMP)
assert os.wait()[1] == 0

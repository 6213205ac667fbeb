"""To be run in a network namespace of its own: the program is the service, too."""
from pfkey import *

namespace = os.stat('/proc/thread-self/ns/net').st_ino
directory = f'/run/xfrm-tools/{namespace}'
# One of a former namespace of this number may be there, and what a service in it has left.
os.makedirs(directory, 0o755, exist_ok=True)
if os.path.exists(f'{directory}/pfkey.sock'):
    os.unlink(f'{directory}/pfkey.sock')
service = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
service.bind(f'{directory}/pfkey.sock')
try:
    service.listen()
    s = socket.socket(PF_KEY, RAW, V2)
    connection, _ = service.accept()
    # The program cannot wait for itself.
    sender = threading.Thread(target=s.send, args=(DUMP,))
    sender.start()
    assert connection.recv(99) == DUMP
    sender.join()
finally:
    os.unlink(f'{directory}/pfkey.sock')

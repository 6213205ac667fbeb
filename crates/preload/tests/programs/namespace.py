"""To be run in a network namespace of its own: a thread of the program is the service."""
import threading

from pfkey import *


def serve():
    global connection
    connection, _ = service.accept()
    heard.append(connection.recv(99, socket.MSG_PEEK))
    connection.recv(99)


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
    heard = []
    thread = threading.Thread(target=serve)
    thread.start()
    s = socket.socket(PF_KEY, RAW, V2)
    s.send(DUMP)
    thread.join()
    assert heard == [DUMP]
finally:
    os.unlink(f'{directory}/pfkey.sock')

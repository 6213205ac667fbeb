"""A service that ends every connection at once, and then one that is not there: nobody spins."""
from pfkey import *
import time

from service import DUMP as KIND, PATH, message, start, stop

listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.mkdir(os.path.dirname(PATH))
listener.bind(PATH)
listener.listen()
REFUSAL = bytes([2, 0, 1, 0, 2, 0, 0, 0]) + bytes(8)
turned_away = 0


def turn_away():
    global turned_away
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.send(REFUSAL)
        connection.close()
        turned_away += 1


threading.Thread(target=turn_away, daemon=True).start()
s = socket.socket(PF_KEY, RAW | socket.SOCK_NONBLOCK, V2)


def wakings(seconds):
    count, end = 0, time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0:
        if select.select([s], [], [], rest)[0]:
            count += 1
            try:
                assert s.recv(99) == REFUSAL
            except BlockingIOError:
                pass
    return count


assert wakings(2.5) < 12
assert turned_away in (2, 3, 4), turned_away

# Gone, with its directory; what comes in its place is found all the same.
os.unlink(PATH)
os.rmdir(os.path.dirname(PATH))
listener.shutdown(socket.SHUT_RDWR)
listener.close()
wakings(3)
assert wakings(2) == 0
os.mkdir(os.path.dirname(PATH))
service = start()
while select.select([s], [], [], 0.3)[0]:
    try:
        s.recv(99)
    except BlockingIOError:
        pass
began = time.monotonic()
s.send(message(KIND))
assert s.recv(99) == message(KIND) and time.monotonic() - began < 0.1

# The number of what stood in the socket's place may become another file's.
time.sleep(1)
stop(service)
wakings(0.2)
number = s.fileno()
s.close()
r, w = os.pipe()
os.write(w, b'pipe')
assert os.read(os.dup2(r, number), 9) == b'pipe'

"""attack.py KIND RUN DAEMON: what a user without privileges can do to ipsecd (process DAEMON) and to the files in RUN.

Prints `breach: ...` for each thing that succeeds and must not, and every second `attempts: N`. Goes on until it is killed.
"""
import ctypes
import fcntl
import os
import random
import resource
import signal
import socket
import struct
import sys
import time

kind, run, daemon = sys.argv[1], sys.argv[2], int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
attempts = 0
reported = 0.0
breaches = set()

# The names that root makes there, and files that every user may read.
NAMES = ['lock', 'lock.queue', 'ipsecd.lock', 'apply.lock', 'store.sqlite', 'store.sqlite-journal', 'owned.sqlite',
         'owned.sqlite-journal', 'variables.sqlite', 'variables.conf', 'variables.conf.new', 'variables.conf.damaged',
         'reqids', 'fingerprint.secret', 'drop-monitor', 'pfkey.sock', 'socket.sock', 'clients.sock', 'handover.sock',
         'confirm.sock', 'metrics.sock']
PUBLIC = ('variables.conf', 'variables.conf.new')


def attempt():
    global attempts, reported
    attempts += 1
    if time.monotonic() - reported > 1:
        reported = time.monotonic()
        print(f'attempts: {attempts}', flush=True)


def breach(what):
    if what not in breaches:
        breaches.add(what)
        print(f'breach: {what}', flush=True)


def forbidden(what, work, *arguments):
    """Work that must be refused."""
    attempt()
    try:
        work(*arguments)
    except OSError:
        return
    breach(what)


def walk():
    """Everything below RUN that can be found, and names that may be there."""
    for folder, folders, files in os.walk(run):
        yield from (os.path.join(folder, name) for name in {*folders, *files, *NAMES})


def endpoints():
    return [path for path in walk() if path.endswith('.sock')]


def connect(path, kind=socket.SOCK_SEQPACKET):
    attempt()
    connection = socket.socket(socket.AF_UNIX, kind)
    connection.settimeout(0.2)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        return None
    if os.path.basename(path) != 'socket.sock':
        breach(f'connected to {path}')
    return connection


# `out ipsec esp/transport//require` of ipsec_set_policy(3), and the same in text.
POLICY = struct.pack('=HHHBBIIHHBBHII', 4, 18, 2, 2, 0, 0, 1 << 31, 16, 50, 1, 2, 0, 0, 0)
TEXT = b'out ipsec esp/transport//require'


def payload():
    choice = random.randrange(6)
    if choice == 0:
        return os.urandom(random.randrange(1, 5000))
    if choice == 1:
        return TEXT + b'\0' * random.randrange(3)
    if choice == 2:
        return b'\x1b[31m\nsocket policy set pid=1 uid=0\n' * random.randrange(1, 9)
    policy = bytearray(POLICY)
    if choice == 3:
        policy[random.randrange(len(policy))] = random.randrange(256)
    if choice == 4:
        return struct.pack('=BBBBHHII', 2, 19, 0, 0, 2, 0, 1, 0)  # SPDFLUSH
    return bytes(policy)


def sockets():
    """Requests and floods, with descriptors of every kind."""
    while True:
        for path in endpoints():
            connection = connect(path, random.choice([socket.SOCK_SEQPACKET] * 6 + [socket.SOCK_STREAM, socket.SOCK_DGRAM]))
            if connection is None:
                continue
            with connection:
                for _ in range(random.choice([1, 1, 3, 50])):
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                        pipe = os.pipe()
                        given = random.choice([[], [own.fileno()], [own.fileno()] * 3, list(pipe), [connection.fileno()] * 9])
                        try:
                            socket.send_fds(connection, [payload()], given)
                            answer = connection.recv(4096)
                            if answer and struct.unpack_from('=i', answer.ljust(4, b'\xff'))[0] == 0:
                                breach('a request was granted')
                        except OSError:
                            pass
                        for end in pipe:
                            os.close(end)
                    attempt()


def hold():
    """As many connections as there can be, silent, half closed, or with a byte now and then."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    held = []
    while True:
        for path in endpoints():
            connection = connect(path)
            if connection is not None:
                held.append(connection)
        for connection in random.sample(held, len(held) // 8):
            try:
                connection.setblocking(False)
                random.choice([lambda: connection.send(b'x'), lambda: connection.shutdown(socket.SHUT_WR)])()
            except OSError:
                held.remove(connection)
        del held[:-200]
        time.sleep(0.02)


def linger():
    """Descriptors whose last close takes long: TCP, with a peer that does not read."""
    listener = socket.create_server(('127.0.0.1', 0))
    pairs = []
    while True:
        for path in endpoints():
            connection = connect(path)
            if connection is None:
                continue
            own = socket.create_connection(listener.getsockname())
            pairs.append((own, listener.accept()[0]))
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 3600))
            own.setblocking(False)
            try:
                while True:
                    own.send(b'x' * 65536)
            except OSError:
                pass
            try:
                socket.send_fds(connection, [POLICY], [own.fileno()])
            except OSError:
                pass
            connection.close()
        # Its own close is not to take long.
        for own, _ in pairs[:-50]:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        del pairs[:-50]
        time.sleep(0.05)


def locks():
    """Every lock and lease on every file that can be opened, and watches."""
    held = {}
    while True:
        for path in [*walk(), run]:
            for mode in os.O_RDWR, os.O_WRONLY, os.O_RDONLY:
                attempt()
                try:
                    file = os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC)
                except OSError:
                    continue
                if mode != os.O_RDONLY:
                    breach(f'opened {path} for writing')
                elif os.path.isfile(path) and os.path.basename(path) not in PUBLIC:
                    breach(f'opened {path} for reading')
                for lock in (lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB),
                             lambda: fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB),
                             lambda: fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB),
                             lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK),
                             lambda: fcntl.fcntl(file, fcntl.F_NOTIFY, 0x3f)):
                    try:
                        lock()
                    except OSError:
                        pass
                signal.signal(signal.SIGIO, signal.SIG_IGN)
                if path in held:
                    os.close(held.pop(path))
                held[path] = file
        time.sleep(0.01)


def files():
    """Files, folders and links where root is about to make its own."""
    # A process of this number may have left one that is another user's.
    own = f'/tmp/attack.{os.getpid()}.{time.time_ns()}'
    open(own, 'w').close()
    while True:
        folders = [run, os.path.dirname(run), *(folder for folder, _, _ in os.walk(run))]
        newest = max([int(name) for name in os.listdir(run) if name.isdigit()], default=0)
        for folder in folders:
            for name in [*NAMES, *map(str, range(newest + 1, newest + 40)), os.path.basename(run), f'x{attempts}']:
                path = os.path.join(folder, name)
                if os.path.lexists(path):
                    forbidden(f'{path} removed', os.unlink, path)
                    forbidden(f'{path} moved', os.rename, path, path + '.moved')
                    forbidden(f'{path} replaced', os.rename, own, path)
                    forbidden(f'mode of {path} changed', os.chmod, path, 0o777)
                    forbidden(f'{path} linked', os.link, path, own + '.link')
                    if not path.endswith('.sock'):
                        forbidden(f'{path} cut', os.truncate, path, 0)
                else:
                    forbidden(f'{path} made', os.open, path, os.O_CREAT | os.O_EXCL | os.O_RDWR)
                    forbidden(f'folder {path} made', os.mkdir, path)
                    forbidden(f'link {path} made', os.symlink, '/etc/shadow', path)


def namespaces():
    """As root of namespaces of its own."""
    while True:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            attempt()
            continue
        # User, network, mount and PID namespace.
        if libc.unshare(0x10000000 | 0x40000000 | 0x00020000 | 0x20000000) == 0:
            for path, text in ('setgroups', 'deny'), ('uid_map', f'0 {os.getuid()} 1'), ('gid_map', f'0 {os.getgid()} 1'):
                try:
                    with open(f'/proc/self/{path}', 'w') as file:
                        file.write(text)
                except OSError:
                    pass
            inner = os.fork()
            if inner == 0:
                for path in endpoints():
                    connection = connect(path)
                    if connection:
                        try:
                            connection.send(payload())
                            connection.recv(4096)
                        except OSError:
                            pass
                for path in walk():
                    forbidden(f'owner of {path} changed', os.chown, path, 0, 0)
                for space in 'net', 'user', 'mnt':
                    forbidden(f'entered {space} of ipsecd', lambda: enter(f'/proc/{daemon}/ns/{space}'))
                os._exit(0)
            os.waitpid(inner, 0)
        print('\n'.join(f'breach: {what}' for what in breaches), flush=True)
        os._exit(0)


def enter(path):
    file = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(file, 0) != 0:
            raise OSError(ctypes.get_errno(), 'setns')
    finally:
        os.close(file)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def process():
    """ipsecd itself: its memory, descriptors, limits and signals."""
    pidfd = os.pidfd_open(daemon)
    private = ['mem', 'maps', 'smaps', 'environ', 'auxv', 'io', 'stack', 'syscall', 'personality', 'pagemap', 'clear_refs',
               'oom_score_adj', 'coredump_filter']
    while True:
        for name in private:
            for mode in os.O_RDWR, os.O_RDONLY:
                if (name, mode) not in (('oom_score_adj', os.O_RDONLY), ('coredump_filter', os.O_RDONLY)):
                    forbidden(f'/proc/{daemon}/{name} opened', read, f'/proc/{daemon}/{name}', mode)
        for name in 'root', 'cwd', 'exe', 'fd/0', 'ns/net', 'map_files':
            forbidden(f'/proc/{daemon}/{name} read', os.readlink, f'/proc/{daemon}/{name}')
        forbidden('descriptors listed', os.listdir, f'/proc/{daemon}/fd')
        for number in signal.SIGHUP, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR2, 0:
            forbidden(f'signal {number} sent', os.kill, daemon, number)
        forbidden('signal sent by pidfd', signal.pidfd_send_signal, pidfd, signal.SIGTERM)
        forbidden('descriptor taken', call, 'syscall', 438, pidfd, 0, 0)
        for request in 16, 0x4206:
            forbidden(f'ptrace {request}', call, 'ptrace', request, daemon, None, None)
        forbidden('priority changed', os.setpriority, os.PRIO_PROCESS, daemon, 19)
        forbidden('processors changed', os.sched_setaffinity, daemon, {0})
        forbidden('limit changed', resource.prlimit, daemon, resource.RLIMIT_NOFILE, (3, 3))


def read(path, mode):
    file = os.open(path, mode)
    try:
        if mode == os.O_RDONLY:
            os.read(file, 16)
    finally:
        os.close(file)


def compute():
    """Nothing but the same load on the processors."""
    while True:
        sum(range(1000))
        attempt()


random.seed(os.getuid())
{work.__name__: work for work in (sockets, hold, linger, locks, files, namespaces, process, compute)}[kind]()

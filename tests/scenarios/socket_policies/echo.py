"""echo.py serve FAMILY TYPE ADDRESS PORT [dual | late]
echo.py ask FAMILY TYPE ADDRESS PORT [unconnected | talk | abrupt]

A server that sends back what it gets, and a client that wants it back within two seconds."""
import os
import socket
import sys
import time

family, kind = getattr(socket, sys.argv[2]), getattr(socket, sys.argv[3])
address, option = (sys.argv[4], int(sys.argv[5])), sys.argv[6:]
s = socket.socket(family, kind)


def say(*words):
    print(*words, flush=True)


def serve():
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if option == ["dual"] else 1)
    s.bind(address)
    if kind == socket.SOCK_DGRAM:
        say("ready", os.getpid(), s.fileno())
        while True:
            data, peer = s.recvfrom(2048)
            s.sendto(data, peer)
    s.listen()
    say("ready", os.getpid(), s.fileno())
    while True:
        connection, _ = s.accept()
        # A process for each connection, as inetd has it.
        if os.fork() == 0:
            s.close()
            say("accepted", os.getpid(), connection.fileno())
            while data := connection.recv(2048):
                connection.sendall(data)
            time.sleep(0.5 if option == ["late"] else 0)
            os._exit(0)
        connection.close()


def ask():
    s.settimeout(2)
    if option == ["unconnected"]:
        s.sendto(b"hello", address)
        assert s.recvfrom(2048)[0] == b"hello"
        return
    s.connect(address)
    if option == ["talk"]:
        s.settimeout(20)
        say("connected", os.getpid(), s.fileno())
        for line in sys.stdin:
            s.sendall(line.encode())
            say("received", s.recv(2048).decode().strip())
        return
    s.sendall(b"hello")
    assert s.recv(2048) == b"hello"
    if kind == socket.SOCK_STREAM and option != ["abrupt"]:
        s.shutdown(socket.SHUT_WR)
        assert s.recv(2048) == b""


{"serve": serve, "ask": ask}[sys.argv[1]]()

"""This machine's network: its addresses, and whether a port can be had."""

import errno
import fcntl
import socket
import struct

_SIOCGIFADDR = 0x8915  # linux/sockios.h: an interface's IPv4 address
_CONNECT_SECONDS = 1.0
_REFUSALS = {
    errno.EADDRINUSE: "is in use by another program",
    errno.EACCES: "is for root only (below 1024)",
    errno.EADDRNOTAVAIL: "cannot be had: no network of this machine has that address",
}


def port_refusal(port: int, host: str = "127.0.0.1") -> str | None:
    """Why a server could not listen there; None when it could."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        return f"cannot be had: {host}: {error.strerror}"
    with socket.socket(family, kind, proto) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            return _REFUSALS.get(error.errno or 0, f"cannot be had: {error.strerror}")
    return None


def addresses() -> list[str]:
    """IPv4 addresses of this machine's networks, in the order of its interfaces, loopback left out."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # an interface without an address
            address = socket.inet_ntoa(answer[20:24])
            if not address.startswith("127."):
                found.append(address)
    return list(dict.fromkeys(found))


def answering(host: str, wanted: list[str]) -> list[str]:
    """Those of `wanted`, addresses of this machine, at which a server that listens on `host` is really reached."""
    try:
        listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        return []
    with listener:
        return [address for address in wanted if _reaches(address, listener.getsockname()[1])]


def _reaches(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True

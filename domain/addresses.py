"""Which network addresses a subscriber may have: public ones, and those of networks that the administrator lists."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")


def is_allowed(address: str, listed: Iterable[Network]) -> bool:
    """Tell whether an address may be connected to; one that carries another is judged by both."""
    networks = tuple(listed)
    return all(_is_public(one) or any(one in network for network in networks) for one in _layers(ip_address(address)))


def _layers(address: Address) -> list[Address]:
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    carried = [address.sixtofour, address.teredo[1] if address.teredo else None]
    if address in _NAT64:
        carried.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [address, *(one for one in carried if one)]


def _is_public(address: Address) -> bool:
    if address.is_multicast or (isinstance(address, IPv6Address) and address.is_site_local):
        return False
    return address.is_global

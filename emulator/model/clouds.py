"""Where clouds answer whoever asks on a machine: credentials, user data, certificates."""

from __future__ import annotations

from ipaddress import ip_network

#: Beside what is link-local: Azure's (which is its name server, too), Alibaba's, Oracle's; in IPv6
#: EC2's, Google's, Oracle's, Scaleway's and Linode's.
BEYOND_LINK_LOCAL = tuple(
    ip_network(each)
    for each in (
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::/32",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        "fd00:a9fe:a9fe::1",
    )
)
#: Of the link-local ones: EC2's and most others', containers' on AWS, Tencent's, Scaleway's. The
#: rest is not refused to the emulator itself: Podman has 169.254.1.2 stand for the user's machine.
LINK_LOCAL = tuple(
    ip_network(each)
    for each in (
        "169.254.169.0/24",
        "169.254.170.0/24",
        "169.254.0.23",
        "169.254.42.42",
        "fe80::/10",
    )
)

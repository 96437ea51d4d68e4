"""The SDK that payers and agents import: open a channel, pay, take the rest back. See docs/sdk.md.

::

    with Client.connect(node_url, rpc_url=rpc_url, key=key) as client:
        channel = client.open_channel(deposit=10_000_000)
        channel.pay(25_000)
"""

from penstock.client.asynchronous import AsyncClient
from penstock.client.channel import AsyncChannel
from penstock.client.patience import Patience
from penstock.client.results import Payment, Recorded
from penstock.client.sync import Channel, Client
from penstock.client.watchers import WatcherAddress, WatcherClient

__all__ = [
    "AsyncChannel",
    "AsyncClient",
    "Channel",
    "Client",
    "Patience",
    "Payment",
    "Recorded",
    "WatcherAddress",
    "WatcherClient",
]

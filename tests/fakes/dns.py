"""A real DNS server on a loopback UDP port, answering from records given as data."""

import asyncio
from types import TracebackType
from typing import Literal, Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Trouble = Literal["SERVFAIL", "SILENCE"]


class FakeDns(asyncio.DatagramProtocol):
    """Async context manager; `address` is "127.0.0.1:port" once it runs.

    records  {("example.test", "MX"): ["10 mx.example.test."]}; a name without records does not exist
    trouble  {"broken.test": "SERVFAIL"}: how it fails for a name, whatever is asked
    asked    the questions so far, as (name, type)
    """

    def __init__(
        self, records: dict[tuple[str, str], list[str]] | None = None, trouble: dict[str, Trouble] | None = None
    ) -> None:
        self.records = records or {}
        self.trouble = trouble or {}
        self.asked: list[tuple[str, str]] = []
        self.address = ""
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self._transport = transport
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if self.trouble.get(name) == "SILENCE":
            return
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if self.trouble.get(name) == "SERVFAIL":
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif texts := self.records.get((name, kind)):
            reply.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, texts))
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(reply.to_wire(), addr)

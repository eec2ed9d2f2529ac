"""Reading an export, and restoring it with the services that an import uses."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from opengrant.errors import InvalidRequest
from opengrant.imports import age_files
from opengrant.imports.restoring import Restoration
from opengrant.model import Application, Sealed
from opengrant.model.imports import RestoredRow, RowResult, decode_rows, encode_rows
from opengrant.vault import Owner
from tests.support import LiveServer

Line = dict[str, Any]


def lines_of(plain: bytes) -> list[Line]:
    return [json.loads(line) for line in plain.splitlines()]


async def opened(data: bytes, key: str) -> bytes:
    """What is in an encrypted file."""
    return b"".join([piece async for piece in age_files.decrypt(io.BytesIO(data), age_files.identities(key))])


def grants_in(lines: Iterable[Line]) -> dict[str, Line]:
    """Lines of grants, by the grant's id."""
    return {line["grant"]["id"]: line for line in lines if line["kind"] == "grant"}


def sources_in(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line["kind"] not in {"grant", "end", "workspace"}]


def restore(
    live: LiveServer, app: Application, lines: Iterable[Mapping[str, Any]], *, hold: bool = False
) -> list[RowResult]:
    """What an import does with these lines. Those that are refused as they are read have the class `line`."""
    return live.call(_restore(live, app, lines, hold))


async def _restore(
    live: LiveServer, app: Application, lines: Iterable[Mapping[str, Any]], hold: bool
) -> list[RowResult]:
    restoring = live.services.restoring
    restoration: Restoration = restoring.begin(app)
    results = []
    for number, line in enumerate(lines, 1):
        try:
            row = await restoration.take(number, line)
        except InvalidRequest as problem:
            results.append(RowResult(number, "refused", None, "line", problem.message, None))
            continue
        if row is not None:
            [sealed] = decode_rows(encode_rows([row]))  # as it waits in a batch
            assert isinstance(sealed, RestoredRow)
            results.append(await live.services.db.write(restoring.restore(app, sealed, hold_refresh=hold)()))
    return results


def outcomes(results: Iterable[RowResult]) -> dict[str, int]:
    return dict(Counter(one.outcome for one in results))


def secrets_of(live: LiveServer, app: Application) -> dict[tuple[str, str, str], bytes]:
    """The secrets of grants and credentials by their owner, opened with the keys of the installation."""
    vault, found = live.services.restoring.vault, {}
    sql = """select owner_kind, owner_id, purpose, key_id, sealed from secrets
             where application_id = $1 and owner_kind in ('grant', 'credential')"""
    for kind, id_, purpose, key_id, sealed in live.rows(sql, app.id):
        found[kind, id_, purpose] = vault.open(Sealed(key_id, bytes(sealed)), Owner(app.id, kind, id_, purpose))
    return found

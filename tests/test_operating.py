"""docs/operating.md: the metrics that it names. The alerts are in tests/deploy/test_prometheus.py."""

import re
from pathlib import Path

from tests.test_metrics import PRINT, run, samples

PAGE = (Path(__file__).parents[1] / "docs" / "operating.md").read_text()
NAME = re.compile(r"opengrant_[a-z_]+")
# One series of each, as a server has them after some work.
SEEN = (
    "metrics.observe_request('GET', '/v3/grants', 200, 0.1)",
    "metrics.observe_provider_call('google', 'token', '2xx', 0.1)",
    "metrics.observe_verification('google', 'accepted', 0.1)",
    "metrics.observe_refresh('google', 'accepted', 0.1)",
    "metrics.count_refused_connection('full')",
    "metrics.count_delivery('delivered')",
    "metrics.set_grants({('google', 'valid'): 1})",
    "metrics.count_scheduled_send('sent')",
    "metrics.observe_lateness(1)",
    "metrics.count_proxy_login('imap', 'ok')",
    "metrics.set_proxy_sessions('imap', 1)",
    "metrics.count_mail_look('ok')",
    "metrics.count_import_row('google', 'created')",
)


def test_every_metric_of_the_page_exists_and_every_metric_is_on_it() -> None:
    exists = {name for name, _ in samples(run(*SEEN, PRINT))}
    named = set(NAME.findall(PAGE))
    assert named - exists <= {name.removesuffix("_count") for name in exists if name.endswith("_count")}
    told = {name for name in exists if not name.endswith(("_count", "_sum", "_bucket"))}
    assert {name for name in told - named if not name.startswith("opengrant_process_")} == {"opengrant_build_info"}

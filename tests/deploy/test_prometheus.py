"""deploy/prometheus and deploy/grafana: the alerts, and the queries of the dashboard.

promtool of Debian's package prometheus reads both: `./dev check` fetches it.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.peers import unpacked
from tests.test_metrics import PRINT, run, samples
from tests.test_operating import SEEN

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "opengrant.json").read_text())
RULES = [rule for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"] for rule in group["rules"]]
PAGE = (ROOT / "docs" / "operating.md").read_text()
PROMTOOL = unpacked.ROOT / "usr" / "bin" / "promtool"
NAME = re.compile(r"opengrant_[a-z_]+")
SELECTOR = re.compile(r"(opengrant_[a-z_]+)\{([^}]*)\}")
with_promtool = pytest.mark.skipif(not PROMTOOL.exists(), reason="no promtool: `./dev check` fetches it")


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def panels() -> Iterator[dict[str, Any]]:
    yield from (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


@with_promtool
def test_the_rules_are_read_by_prometheus() -> None:
    promtool("check", "rules", PROMETHEUS / "rules.yml")


@with_promtool
def test_each_alert_fires_when_it_has_to_and_none_on_a_healthy_installation() -> None:
    promtool("test", "rules", PROMETHEUS / "rules_test.yml")
    tested = set(re.findall(r'alertname="(\w+)"', (PROMETHEUS / "rules_test.yml").read_text()))
    assert tested == {rule["alert"] for rule in RULES}


def test_each_alert_has_a_severity_a_summary_and_a_place_in_the_docs() -> None:
    assert len(RULES) > 10
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, rule
        assert rule["annotations"]["summary"].endswith("."), rule
        assert rule["annotations"]["runbook_url"] == f"docs/operating.md#{rule['alert'].lower()}", rule
    assert re.findall(r"^### (OpenGrant\w+)$", PAGE, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_each_query_names_metrics_and_labels_that_exist() -> None:
    labels: dict[str, set[str]] = {}
    for name, pairs in samples(run(*SEEN, PRINT)):
        labels.setdefault(name, set()).update(key for key, _ in pairs)
    # Prometheus adds these two.
    common = {"job", "instance"}
    expressions = [*queries(), *(rule["expr"] for rule in RULES)]
    variables = [one["definition"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    assert len(variables) == 3
    for expression in [*expressions, *variables]:
        named = NAME.findall(expression)
        assert named or expression.startswith("up{"), expression
        for name in named:
            assert name in labels, f"{name} of {expression}"
        for name, selected in SELECTOR.findall(expression):
            used = set(re.findall(r"(\w+)\s*[=!]", selected))
            assert used <= labels[name] | common, expression
        grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
        assert grouped <= set().union(*(labels[name] for name in named)) | common, expression


def test_each_metric_is_on_the_dashboard() -> None:
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for query in queries() for name in NAME.findall(query)}
    exist = {re.sub(r"_(bucket|sum|count)$", "", name) for name, _ in samples(run(*SEEN, PRINT))}
    assert {name for name in exist - shown if "process_" not in name} == set()


def test_an_alert_that_says_that_nothing_works_has_samples_before_anything_has_worked() -> None:
    fresh = {name for name, _ in samples(run(PRINT))}
    expressions = {rule["alert"]: rule["expr"] for rule in RULES}
    for alert in ("OpenGrantNoRefreshes", "OpenGrantSourceDegraded", "OpenGrantDeliveriesWait"):
        # Behind `unless`, nothing to be found is what lets it fire.
        needed = set(NAME.findall(expressions[alert].partition(" unless ")[0]))
        assert needed, alert
        assert needed <= fresh, alert


@with_promtool
def test_the_queries_of_the_dashboard_are_read_by_prometheus(tmp_path: Path) -> None:
    """As rules: promtool reads each expression. Grafana replaces its variables by such values."""
    read = [query.replace("$__rate_interval", "5m") for query in queries()]
    assert len(read) > 30
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(read)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "rules.yml")


def test_the_panels_of_the_dashboard_are_complete_and_do_not_overlap() -> None:
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]), panel["title"]

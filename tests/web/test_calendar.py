"""/console: a grant's calendars, in a browser at a live server."""
# ruff: noqa: RUF001 -- the console writes spans of time with an en dash

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.support import LiveServer, Tenant, data
from tests.web.conftest import Watch, hold, refuse, violations
from tests.web.test_console import Console

pytestmark = pytest.mark.asyncio(loop_scope="module")

BERLIN = ZoneInfo("Europe/Berlin")
KEY_AS_THE_ADDRESS_IS_WRITTEN = """() => {
    const replace = history.replaceState.bind(history);
    history.replaceState = (...all) => {
        replace(...all);
        history.replaceState = replace;
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    };
}"""
BUSY_WEEK = "day=2026-03-25"
SERIES = ["RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260603T215959Z", "EXDATE:20260406T090000"]


@pytest.fixture(scope="module")
def site(log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer({}, tmp_path_factory.mktemp("calendar"), log_stream) as live:
        yield live


def span(begin: str, end: str, **more: Any) -> dict[str, Any]:
    """On Berlin's clock."""
    start, stop = (int(datetime.fromisoformat(one).replace(tzinfo=BERLIN).timestamp()) for one in (begin, end))
    zones = {"start_timezone": BERLIN.key, "end_timezone": BERLIN.key}
    return {"when": {"start_time": start, "end_time": stop, **zones}, **more}


@dataclass
class Room:
    """A virtual calendar on Berlin's clock."""

    tenant: Tenant
    grant: str = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.tenant.connector("virtual-calendar")
        self.grant = data(self.tenant.connect("virtual-calendar", {"email": "room-12"}))["id"]
        (primary,) = data(self.tenant.get(f"{self.base}/calendars"))
        self.id = primary["id"]
        change = {"name": "Lighthouse", "timezone": BERLIN.key, "hex_color": "#7A1FA2"}
        data(self.tenant.http.put(f"{self.base}/calendars/{self.id}", json=change))

    @property
    def base(self) -> str:
        return f"/v3/grants/{self.grant}"

    def at(self, query: str = "") -> str:
        """Its page."""
        return f"/grants/{self.grant}/calendars/{self.id}?{query}"

    def create(self, body: dict[str, Any]) -> Any:
        return data(self.tenant.post(f"{self.base}/events?calendar_id={self.id}", body))

    def occurrences(self, series: str, begin: str, end: str) -> Any:
        when = span(begin, end)["when"]
        query = f"calendar_id={self.id}&start={when['start_time']}&end={when['end_time']}&master_event_id={series}"
        return data(self.tenant.get(f"{self.base}/events?{query}"))

    def change(self, event: str, body: dict[str, Any]) -> Any:
        return data(self.tenant.http.put(f"{self.base}/events/{event}?calendar_id={self.id}", json=body))


@pytest.fixture
def room(tenant: Tenant) -> Room:
    return Room(tenant)


@pytest.fixture
def busy(room: Room) -> Room:
    """The week from 23 March 2026, at whose end the clock is put forward, has something of everything."""
    series = room.create(
        span(
            "2026-03-02T09:00",
            "2026-03-02T10:00",
            title="Planning",
            location="Floor 3",
            recurrence=SERIES,
            participants=[
                {"email": "ana@example.com", "name": "Ana", "status": "yes"},
                {"email": "bo@example.com", "comment": "perhaps later"},
            ],
            metadata={"key1": "planning"},
            description="<p>Bring <b>slides</b>.</p>",
            conferencing={"provider": "Zoom Meeting", "details": {"url": "https://zoom.example.com/j/1"}},
        )
    )
    (wednesday,) = room.occurrences(series["id"], "2026-03-25T00:00", "2026-03-25T23:00")
    room.change(wednesday["id"], {"title": "Planning, late", **span("2026-03-25T14:00", "2026-03-25T15:30")})
    room.create(span("2026-03-23T09:30", "2026-03-23T11:00", title="Interview"))
    room.create(span("2026-03-27T22:00", "2026-03-28T02:30", title="Night shift", busy=False))
    room.create(span("2026-03-29T01:00", "2026-03-29T04:00", title="Short night"))
    room.create({"title": "Fair", "when": {"start_date": "2026-03-20", "end_date": "2026-03-24"}})
    room.create({"title": "Holiday", "when": {"date": "2026-03-24"}})
    for number in range(5):
        room.create(span("2026-03-26T13:00", "2026-03-26T14:00", title=f"Parallel {number}"))
    return room


@pytest_asyncio.fixture(loop_scope="module")
async def console(page: Page, site: LiveServer) -> Console:
    return Console(page, site)


def event(page: Page, name: str) -> Locator:
    """In the grid: heard as its title, then its time."""
    return page.get_by_role("grid").get_by_role("button", name=name)


async def box(locator: Locator) -> dict[str, float]:
    found = await locator.bounding_box()
    assert found is not None
    return {**found, "right": found["x"] + found["width"], "bottom": found["y"] + found["height"]}


def day(page: Page, name: str) -> Locator:
    """A column of the week's hours, or a cell of the month."""
    return page.get_by_role("gridcell", name=name)


# ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_week_stands_by_hours_on_the_calendars_clock(console: Console, busy: Room) -> None:
    page = console.page
    await console.enter(busy.tenant, f"/grants/{busy.grant}")
    await page.get_by_role("link", name="Lighthouse").click()
    await expect(console.title).to_have_text("Lighthouse")
    await expect(page.locator(".column.today")).to_have_count(1)
    await console.go(busy.at(BUSY_WEEK))
    await expect(page.get_by_role("heading", name="23 – 29 March 2026")).to_be_visible()
    await expect(page.get_by_text("Europe/Berlin, UTC+1, from 29 March 2026 UTC+2")).to_be_visible()
    await expect(day(page, "Monday 23 March 2026, 3 events")).to_be_visible()

    planning, interview = event(page, "Planning, 09:00 – 10:00, Floor 3"), event(page, "Interview, 09:30 – 11:00")
    left, right = await box(planning), await box(interview)
    assert left["right"] <= right["x"] + 1, "what overlaps stands side by side"
    assert right["y"] - left["y"] == pytest.approx(left["height"] / 2, abs=2)
    await expect(event(page, "Planning, late, 14:00 – 15:30")).to_be_visible()
    await expect(event(page, "Planning, 09:00")).to_have_count(1)  # Wednesday's was moved
    await expect(event(page, "Parallel")).to_have_count(2)
    await expect(event(page, "3 more")).to_be_visible()

    fair = event(page, "Fair, all day")
    await expect(fair).to_have_count(2)  # it began the week before
    monday, tuesday = await box(fair.nth(0)), await box(fair.nth(1))
    holiday = await box(event(page, "Holiday, all day"))
    assert monday["y"] == tuesday["y"] < holiday["y"]
    await expect(page.locator(".bar-label", has_text="Fair")).to_have_count(1)

    night = event(page, "Night shift")
    await expect(night.nth(0)).to_have_accessible_name("Night shift, from 22:00, free")
    await expect(night.nth(1)).to_have_accessible_name("Night shift, until 02:30, free")
    before, after = await box(night.nth(0)), await box(night.nth(1))
    assert before["bottom"] > after["bottom"]
    assert after["height"] == pytest.approx(before["height"] * 2.5 / 2, abs=3)


async def test_days_of_23_and_25_hours_are_drawn_as_long_as_they_are(console: Console, busy: Room) -> None:
    page = console.page
    busy.create(span("2026-10-25T01:00", "2026-10-25T04:00", title="Long night"))
    second = span("2026-10-25T01:00", "2026-10-25T01:00")["when"]["start_time"] + 2 * 3600
    busy.create({"title": "Second two", "when": {"start_time": second, "end_time": second + 3600}})
    await console.enter(busy.tenant, busy.at(BUSY_WEEK))
    hour = (await box(event(page, "Planning, 09:00")))["height"]
    sunday = page.get_by_role("columnheader", name="Sunday 29 March 2026")
    await expect(sunday).to_contain_text("23 hours")
    await expect(page.locator(".missing")).to_have_count(1)
    # From one to four it lasts two hours, and lies over the third, which there is not.
    assert (await box(event(page, "Short night")))["height"] == pytest.approx(hour * 3, abs=3)
    await console.go(busy.at("day=2026-10-25"))
    await expect(page.get_by_role("columnheader", name="Sunday 25 October 2026")).to_contain_text("25 hours")
    await expect(page.get_by_text("02:00 again")).to_be_visible()
    await expect(page.locator(".missing")).to_have_count(6)
    long, short = await box(event(page, "Long night")), await box(event(page, "Second two"))
    assert long["height"] == pytest.approx(hour * 4, abs=3)
    assert short["y"] - long["y"] == pytest.approx(hour * 2, abs=3)
    await event(page, "Second two").click()
    await expect(console.dialog).to_contain_text("Sunday 25 October 2026, 02:00 – 03:00")
    await page.keyboard.press("Escape")
    await event(page, "Long night").click()
    await expect(console.dialog).to_contain_text("01:00 (UTC+2) – 04:00 (UTC+1)")
    await expect(console.dialog).to_contain_text("4 hours")


async def test_a_month_counts_what_finds_no_room(console: Console, busy: Room) -> None:
    page = console.page
    await console.enter(busy.tenant, busy.at(BUSY_WEEK))
    await console.press("Month")
    await expect(page.get_by_role("heading", name="March 2026")).to_be_visible()
    await expect(page).to_have_url(re.compile("view=month&day=2026-03-25"))
    await expect(page.get_by_role("gridcell")).to_have_count(42)
    await expect(event(page, "Planning, 09:00")).to_have_count(
        9
    )  # with the last week's in April, without the moved one
    await page.get_by_role("button", name="2 more").click()
    await expect(console.dialog.get_by_role("heading", name="Thursday 26 March 2026")).to_be_visible()
    await expect(console.dialog.get_by_role("listitem")).to_have_count(5)
    await console.dialog.get_by_role("button", name="Parallel 4").click()
    await expect(console.dialog.get_by_role("heading", name="Parallel 4")).to_be_visible()
    await console.press_there("Close")
    await console.press("Next month")
    await expect(page.get_by_role("heading", name="April 2026")).to_be_visible()
    await console.press("Previous month")
    await console.press("Previous month")
    await expect(page.get_by_role("heading", name="February 2026")).to_be_visible()
    await console.press("Today")
    await expect(page.locator(".cell.today")).to_have_attribute("aria-selected", "true")


async def test_an_event_tells_when_who_and_how_it_repeats(console: Console, busy: Room) -> None:
    page = console.page
    await console.enter(busy.tenant, busy.at(BUSY_WEEK))
    planning = event(page, "Planning, 09:00")
    await planning.click()
    panel = console.dialog
    for words in (
        "Monday 23 March 2026, 09:00 – 10:00",
        "1 hour, Europe/Berlin",
        "Floor 3",
        "Every Monday and Wednesday until 3 June 2026.",
        "Except on 6 April 2026.",
        "Since Monday 2 March 2026, 09:00 – 10:00.",
        "room-12 Organizer",
        "Ana ana@example.com Accepted",
        "“perhaps later”",
        "Bring slides.",
        "planning",
    ):
        await expect(panel).to_contain_text(words)
    await expect(panel.get_by_role("link")).to_have_attribute("href", "https://zoom.example.com/j/1")
    await expect(panel.get_by_role("listitem").filter(has_text="March 2026")).to_have_text(
        ["Wednesday 25 March 2026, 14:00 – 15:30", "Monday 30 March 2026, 09:00 – 10:00"]
    )
    await panel.get_by_role("button", name="Wednesday 25 March 2026").click()
    await expect(panel.get_by_role("heading", name="Planning, late")).to_be_visible()
    await expect(panel).to_contain_text("was moved from Wednesday 25 March 2026, 09:00 – 10:00.")
    await expect(panel).to_contain_text("differs in its title.")
    await expect(page).to_have_url(re.compile("&event=[^&]+_20260325T080000Z"))
    address = page.url
    await console.press_there("Close")
    await expect(panel).to_have_count(0)
    await page.goto("about:blank")
    await page.goto(address)  # as a colleague gets it
    await expect(panel.get_by_role("heading", name="Planning, late")).to_be_visible()


async def test_what_others_wrote_is_text_and_nothing_else(console: Console, room: Room) -> None:
    wild = "<img src=x onerror=alert(1)>"
    meeting = {"provider": "WebEx", "details": {"url": "javascript:alert(1)"}}
    more = {"title": wild, "location": wild, "description": wild, "conferencing": meeting, "metadata": {wild: wild}}
    made = room.create(span("2026-03-25T09:00", "2026-03-25T10:00", **more))
    await console.enter(room.tenant, room.at(f"{BUSY_WEEK}&event={made['id']}"))
    await expect(console.dialog).to_contain_text("javascript:alert(1)")
    await expect(console.dialog.get_by_role("link")).to_have_count(0)
    await expect(console.page.locator("main img")).to_have_count(0)
    await expect(console.dialog.get_by_role("heading", name=wild)).to_be_visible()
    await console.go(room.at(f"{BUSY_WEEK}&event=gone"))
    await expect(console.dialog.get_by_role("alert")).to_be_visible()


# ── By keyboard ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_arrows_go_by_day_and_enter_opens(console: Console, busy: Room) -> None:
    page = console.page
    await console.enter(busy.tenant, busy.at(BUSY_WEEK))
    await expect(event(page, "Interview")).to_be_visible()
    await page.get_by_role("button", name="Month", exact=True).focus()
    await page.keyboard.press("Tab")
    await expect(day(page, "Wednesday 25 March")).to_be_focused()
    for key, where in (
        ("ArrowLeft", "Tuesday 24 March"),
        ("Home", "Monday 23 March"),
        ("ArrowLeft", "Sunday 22 March"),
        ("ArrowRight", "Monday 23 March"),
        ("PageDown", "Monday 30 March"),
        ("PageUp", "Monday 23 March"),
        ("End", "Sunday 29 March"),
        ("Home", "Monday 23 March"),
    ):
        await page.keyboard.press(key)
        await expect(day(page, where)).to_be_focused()
        await expect(page.get_by_role("grid").locator("[tabindex='0']")).to_have_count(1)
    await expect(page).to_have_url(re.compile("day=2026-03-23"))
    await expect(event(page, "Interview")).to_be_visible()
    for key, name in (
        ("ArrowDown", "Fair"),
        ("ArrowDown", "Planning"),
        ("ArrowDown", "Interview"),
        ("ArrowUp", "Planning"),
    ):
        await page.keyboard.press(key)
        await expect(event(page, f"{name}, ").and_(page.locator("[data-on='2026-03-23']"))).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(console.dialog.get_by_role("heading", name="Planning")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(event(page, "Planning, 09:00")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(day(page, "Monday 23 March")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(console.dialog.get_by_role("heading", name="Monday 23 March 2026")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(console.dialog.get_by_role("heading", name="Fair")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(day(page, "Monday 23 March")).to_be_focused()


async def test_a_month_goes_by_week_and_month(console: Console, busy: Room) -> None:
    page = console.page
    await console.enter(busy.tenant, busy.at("view=month&day=2026-01-31"))
    await day(page, "Saturday 31 January").focus()
    for key, where in (
        ("PageDown", "Saturday 28 February"),
        ("ArrowDown", "Saturday 7 March"),
        ("ArrowUp", "Saturday 28 February"),
        ("ArrowRight", "Sunday 1 March"),
        ("ArrowRight", "Monday 2 March 2026, 1 event"),
    ):
        await page.keyboard.press(key)
        await expect(day(page, where)).to_be_focused()
    await page.keyboard.press(" ")
    await expect(console.dialog.get_by_role("button", name="Planning")).to_be_visible()


async def test_each_key_counts_however_soon_the_next_one_comes(console: Console, room: Room) -> None:
    page = console.page
    await console.enter(room.tenant, room.at(BUSY_WEEK))
    await day(page, "Wednesday 25 March").focus()
    # Nothing is painted between them: what follows the drawing must not wait for that.
    await page.evaluate(
        """async () => {
            for (const key of ["ArrowRight", "ArrowRight", "PageDown", "ArrowRight"]) {
                document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
                for (let turn = 0; turn < 10; turn++) await null;
            }
        }"""
    )
    await expect(day(page, "Saturday 4 April")).to_be_focused()


async def test_a_key_counts_also_while_the_address_settles(console: Console, room: Room) -> None:
    page = console.page
    await console.enter(room.tenant, room.at("view=month&day=2026-01-31"))
    await page.evaluate(KEY_AS_THE_ADDRESS_IS_WRITTEN)
    await day(page, "Saturday 31 January").focus()
    await page.keyboard.press("PageDown")
    await expect(page).to_have_url(re.compile("day=2026-03-07"))
    await expect(day(page, "Saturday 7 March")).to_be_focused()


# ── When something is missing ────────────────────────────────────────────────────────────────────────────────


async def test_an_empty_week_tells_how_to_create_an_event(console: Console, room: Room) -> None:
    page = console.page
    await console.enter(room.tenant, room.at("day=2026-03-29"))
    empty = page.locator(".empty")
    await expect(empty).to_contain_text("No events in this week")
    command = await empty.locator("code").inner_text()
    ran = subprocess.run(  # noqa: ASYNC221 -- the server runs elsewhere
        ["bash", "-c", command],
        env={"OPENGRANT_API_KEY": room.tenant.api_key, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    await page.reload()
    await expect(event(page, "Planning, 09:00 – 10:00")).to_be_visible()  # also on a day of 23 hours
    await expect(empty).to_have_count(0)


async def test_a_week_that_cannot_be_read_says_so(console: Console, busy: Room) -> None:
    page = console.page
    await console.enter(busy.tenant, busy.at(BUSY_WEEK))
    await expect(event(page, "Interview")).to_be_visible()
    await page.route("**/events?*", hold)
    await console.press("Next week")
    await expect(page.get_by_text("Loading events")).to_be_visible()
    await expect(page.get_by_role("heading", name="30 March – 5 April 2026")).to_be_visible()
    await page.unroute("**/events?*")
    await page.route("**/events?*", refuse)
    await console.press("Next week")
    await expect(page.get_by_role("alert")).to_contain_text("The database is busy.")
    await expect(page.get_by_text("No events in this week")).to_have_count(0)
    await page.unroute("**/events?*")
    await console.press("Try again")
    await expect(event(page, "Planning, 09:00")).to_have_count(1)  # Monday's is excepted
    await console.go(f"/grants/{busy.grant}/calendars/gone")
    await expect(page.get_by_text("There is no such calendar")).to_be_visible()


async def test_a_link_that_is_followed_right_after_a_change_of_week_is_followed(console: Console, busy: Room) -> None:
    page = console.page
    await console.enter(busy.tenant, busy.at(BUSY_WEEK))
    await expect(event(page, "Interview")).to_be_visible()
    # The timer that writes the week into the address fires after the link is followed and before `hashchange`.
    await page.evaluate(
        """() => {
            const real = window.setTimeout;
            window.setTimeout = (run, delay, ...rest) => {
                if (delay === 300) window.due = run;
                return real(delay === 300 ? () => {} : run, delay, ...rest);
            };
        }"""
    )
    await console.press("Next week")
    await page.wait_for_function("() => window.due !== undefined")
    await page.evaluate("(where) => { location.hash = where; window.due() }", f"/grants/{busy.grant}/calendars/gone")
    await expect(page.get_by_text("There is no such calendar")).to_be_visible()


async def test_more_than_a_thousand_events_are_said_to_be_more(console: Console, room: Room) -> None:
    page = console.page
    for number in range(6):
        when = span("2026-03-23T00:00", "2026-03-23T00:30", title=f"Hourly {number}")
        room.create({**when, "recurrence": ["RRULE:FREQ=HOURLY;COUNT=168"]})
    await console.enter(room.tenant, room.at(BUSY_WEEK))
    await expect(page.get_by_text("These are the first 1,000 events of this week; there are more.")).to_be_visible()
    await expect(day(page, "Monday 23 March 2026, 144 events")).to_be_visible()


async def test_a_grant_has_several_calendars(console: Console, busy: Room) -> None:
    page = console.page
    data(busy.tenant.post(f"{busy.base}/calendars", {"name": "Projector", "timezone": "America/New_York"}))
    await console.enter(busy.tenant, f"/grants/{busy.grant}")
    await expect(page.get_by_role("heading", name="Calendars")).to_be_visible()
    await page.get_by_role("link", name="Projector").click()
    await expect(page.get_by_text("America/New_York, UTC")).to_be_visible()
    await page.get_by_label("Calendar", exact=True).select_option("Lighthouse")
    await expect(console.title).to_have_text("Lighthouse")
    await page.get_by_role("link", name="room-12").click()
    await expect(page.get_by_role("link", name="Projector")).to_be_visible()


async def test_an_agent_account_has_its_calendar_too(console: Console, tenant: Tenant) -> None:
    page, server = console.page, tenant.server
    organization = server.call(server.services.service_accounts.organization()).id
    address = f"{tenant.application.id}.example.com"
    domain = server.call(server.services.domains.create(organization, address, "Agents"))
    server.rows("update domains set verified_ownership = 1 where id = $1 returning id", domain.id)
    tenant.connector("nylas")
    grant = data(tenant.connect("nylas", {"email": f"sales@{address}"}))
    reminders = {"use_default": False, "overrides": [{"reminder_minutes": 15, "reminder_method": "popup"}]}
    event = {"title": "Demo", "when": {"date": "2026-03-25"}, "reminders": reminders}
    data(tenant.post(f"/v3/grants/{grant['id']}/events?calendar_id=primary", event))
    await console.enter(tenant, f"/grants/{grant['id']}/calendars/primary?{BUSY_WEEK}")
    await page.get_by_role("button", name="Demo, all day").click()
    await expect(console.dialog).to_contain_text("Wednesday 25 March 2026, all day")
    await expect(console.dialog).to_contain_text(f"sales@{address} Organizer")
    await console.dialog.locator("summary").click()
    await expect(console.dialog).to_contain_text("15")
    await console.press_there("Close")
    await page.get_by_role("link", name=f"sales@{address}").click()
    await expect(page.get_by_text("No time zone: UTC")).to_be_visible()


# ── For everybody ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")], ids=str)
async def test_nothing_is_inaccessible_or_too_wide(
    browser: Browser,
    watch: Watch,
    site: LiveServer,
    busy: Room,
    axe: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    view = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    watch.over(view)
    await view.add_init_script(axe)
    console = Console(await view.new_page(), site)
    page = console.page

    async def look(where: str) -> None:
        await expect(page.locator(".loading")).to_have_count(0)
        assert await violations(page) == [], where
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, f"{where} scrolls sideways"

    await console.enter(busy.tenant, f"/grants/{busy.grant}")
    await expect(page.get_by_role("link", name="Lighthouse")).to_be_visible()
    await look("grant")
    for query in (BUSY_WEEK, f"view=month&{BUSY_WEEK}", "day=2026-10-25"):
        await console.go(busy.at(query))
        await expect(page.locator(".calendar-shown[aria-busy=false]")).to_have_count(1)
        await look(query)
    await console.go(busy.at(BUSY_WEEK))
    late = page.get_by_role("button", name="Planning, late" if width > 800 else re.compile("14:00 – 15:30"))
    await late.click()
    await expect(console.dialog).to_contain_text("After this one")
    await console.dialog.locator("summary").click()
    await look("event")
    await page.keyboard.press("Escape")
    if width > 800:
        await day(page, "Monday 23 March").press("Enter")
        await expect(console.dialog.get_by_role("listitem")).to_have_count(3)
        await look("day")
    else:
        await expect(page.get_by_role("grid")).to_have_count(0)
        await expect(page.get_by_role("heading", name="Friday 27 March 2026")).to_be_visible()
    await view.close()
    assert watch.broken == []

"""The same calls at other servers than the full Dovecot of the other files.

plain  Dovecot that announces IMAP4rev1 alone: no MOVE, UIDPLUS, ESEARCH, LIST-STATUS, SPECIAL-USE, CONDSTORE, LITERAL+
cyrus  Cyrus, with everything it has; its separator is "/"
"""

from collections.abc import Iterator

import pytest

from opengrant.net.imap import changes
from tests.fakes.receiver import Hook
from tests.mail import test_attachments as attachments
from tests.mail import test_drafts as draft_tests
from tests.mail import test_folders as folders
from tests.mail import test_messages as messages
from tests.mail import test_threads as threads
from tests.mail import test_watching as watching
from tests.mail.mailbox import Owner, mail
from tests.peers.cyrus import Cyrus
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, problem


@pytest.fixture(scope="module", params=["plain", "cyrus"])
def dovecot(request: pytest.FixtureRequest) -> Iterator[Dovecot | Cyrus]:
    if request.param == "plain":
        with Dovecot(more="imap_capability = IMAP4rev1 AUTH=PLAIN") as plain:
            yield plain
        return
    if reason := Cyrus.missing():
        pytest.skip(reason)
    with Cyrus() as cyrus:
        yield cyrus


@pytest.fixture(scope="module")
def server(dovecot: Dovecot | Cyrus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(dovecot.settings(), tmp_path_factory.mktemp("other")) as live:
        yield live


test_folders_are_listed = folders.test_folders_are_listed_as_the_server_has_them
test_what_cannot_be = folders.test_what_cannot_be_is_a_400_that_says_why
test_a_message_is_shown = messages.test_a_message_is_shown_with_its_text_and_what_is_attached
test_pages = messages.test_pages_neither_repeat_nor_skip_while_others_come_and_go
test_all_folders = messages.test_without_a_folder_all_but_drafts_are_listed_the_newest_first
test_filters = messages.test_filters
test_headers_and_raw = messages.test_headers_and_the_message_itself_on_request
test_a_message_is_found = messages.test_a_message_is_found_in_whichever_folder_it_lies
test_flags_are_changed = messages.test_flags_are_changed
test_folders_are_replaced = messages.test_folders_are_replaced
test_a_deleted_message_goes_to_the_trash = messages.test_a_deleted_message_goes_to_the_trash_and_from_there_for_good
test_calls_take_turns = messages.test_calls_for_one_mailbox_take_turns
drafts = draft_tests.drafts
test_drafts_are_listed = draft_tests.test_drafts_of_other_programs_are_listed_the_newest_first
test_a_draft_is_created = draft_tests.test_a_draft_is_created_as_a_message_that_other_programs_can_send
test_a_draft_is_changed = draft_tests.test_a_change_leaves_what_it_does_not_name
test_a_change_leaves_one_version = draft_tests.test_a_change_after_a_broken_off_one_leaves_one_version
test_the_newest_version_counts = draft_tests.test_of_two_versions_the_newest_counts_everywhere
test_a_thread = threads.test_a_thread_is_its_messages_in_all_folders
test_a_thread_is_marked_and_moved = threads.test_all_messages_are_marked_and_moved_but_drafts_stay
test_threads_are_deleted = threads.test_a_thread_is_deleted_into_the_trash_and_from_there_for_good
message = attachments.message
polled = watching.polled
listening = watching.listening
test_new_mail_is_told = watching.test_a_new_message_is_told_as_the_api_shows_it
test_changes_are_told = watching.test_flags_moves_and_deletions_are_told
test_copies_are_told = watching.test_copies_are_one_message
test_folders_are_told = watching.test_folders_are_told
test_new_mail_is_told_at_once = watching.test_new_mail_is_told_at_once_while_the_inbox_is_listened_to
test_renamed_folders_are_told = watching.test_a_folder_that_is_renamed_takes_its_messages_along


@pytest.fixture
def told(
    tenant: Tenant,
    grant: str,
    owner: Owner,
    dovecot: Dovecot,
    hook: Hook,
    polled: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[watching.Told]:
    monkeypatch.setattr(changes, "ASKED_EVERY", 0.2)  # where there is no IDLE
    with watching.watched(tenant, dovecot, hook, grant.rpartition("/")[2]) as told:
        yield told


def test_a_message_without_an_id_has_one_of_ours(tenant: Tenant, grant: str, owner: Owner) -> None:
    messages.test_a_message_without_a_usable_id_has_one_of_ours(tenant, grant, owner, "")


def test_it_is_downloaded(tenant: Tenant, grant: str, message: str) -> None:
    for number in range(3):
        attachments.test_it_is_downloaded_as_it_was_attached(tenant, grant, message, number)


@pytest.mark.parametrize("name", ["Rechnungen für 2026", "A & B", "a.b.c", "日本語"])
def test_a_folder_is_made_renamed_and_deleted(tenant: Tenant, grant: str, owner: Owner, name: str) -> None:
    folders.test_a_folder_is_made_renamed_and_deleted(tenant, grant, owner, name)


def test_what_others_have_marked_for_deletion_stays(tenant: Tenant, grant: str, owner: Owner) -> None:
    """Without UIDPLUS only all marked messages can be erased together."""
    owner.put(mail(1), flags="\\Deleted")
    owner.put(mail(2))
    assert tenant.delete(messages.path(grant, "<2@example.com>")).status_code == 200
    left = [flags for flags in owner.flags() if flags == {"\\Deleted"}]
    assert left, "what another client has marked is still there"
    assert tenant.get(f"{grant}/messages?in=INBOX").json()["data"] == []


@pytest.mark.parametrize("name", ['quo"te \\ back', "a/b"])
def test_a_name_is_taken_or_refused_in_the_servers_words(tenant: Tenant, grant: str, owner: Owner, name: str) -> None:
    """Cyrus has no quotation marks in names, and Dovecot's folders on disk no slash."""
    answer = tenant.post(f"{grant}/folders", {"name": name})
    if answer.status_code == 200:
        assert data(answer)["name"] == name
        assert len(owner.folders()) > 1
    else:
        status, type_, message = problem(answer)
        assert (status, type_) == (400, "invalid_request_error")
        assert "name" in message
        assert owner.folders() == ["INBOX"]

"""The same calls at a server that announces IMAP4rev1 alone: no MOVE, UIDPLUS, ESEARCH, LIST-STATUS, LITERAL+."""

from collections.abc import Iterator

import pytest

from tests.mail import test_attachments as attachments
from tests.mail import test_drafts as draft_tests
from tests.mail import test_folders as folders
from tests.mail import test_messages as messages
from tests.mail import test_threads as threads
from tests.mail.mailbox import Owner, mail
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(more="imap_capability = IMAP4rev1 AUTH=PLAIN") as plain:
        yield plain


@pytest.fixture(scope="module")
def server(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(dovecot.settings(), tmp_path_factory.mktemp("plain")) as live:
        yield live


test_folders_are_listed = folders.test_folders_are_listed_as_the_server_has_them
test_a_folder_is_made_renamed_and_deleted = folders.test_a_folder_is_made_renamed_and_deleted
test_pages = messages.test_pages_neither_repeat_nor_skip_while_others_come_and_go
test_all_folders = messages.test_without_a_folder_all_but_drafts_are_listed_the_newest_first
test_filters = messages.test_filters
test_a_message_is_found = messages.test_a_message_is_found_in_whichever_folder_it_lies
test_flags_are_changed = messages.test_flags_are_changed
test_folders_are_replaced = messages.test_folders_are_replaced
test_a_deleted_message_goes_to_the_trash = messages.test_a_deleted_message_goes_to_the_trash_and_from_there_for_good
test_a_thread = threads.test_a_thread_is_its_messages_in_all_folders
test_filters_of_threads = threads.test_filters
test_threads_are_deleted = threads.test_a_thread_is_deleted_into_the_trash_and_from_there_for_good
drafts = draft_tests.drafts
test_drafts_are_listed = draft_tests.test_drafts_of_other_programs_are_listed_the_newest_first
test_the_newest_version_counts = draft_tests.test_of_two_versions_the_newest_counts_everywhere
message = attachments.message
test_it_is_downloaded = attachments.test_it_is_downloaded_as_it_was_attached


def test_what_others_have_marked_for_deletion_stays(tenant: Tenant, grant: str, owner: Owner) -> None:
    """Without UIDPLUS only all marked messages can be erased together."""
    owner.put(mail(1), flags="\\Deleted")
    owner.put(mail(2))
    assert tenant.delete(messages.path(grant, "<2@example.com>")).status_code == 200
    assert owner.flags() == [{"\\Deleted"}, {"\\Deleted"}]
    assert tenant.get(f"{grant}/messages?in=INBOX").json()["data"] == []

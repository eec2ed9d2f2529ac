"""Ids: each leads back to what it was made of, and no text does harm."""

from hypothesis import given
from hypothesis import strategies as st

from opengrant.mail import ids

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)


@given(TEXTS.filter(bool))
def test_a_folders_id_is_safe_in_a_path_and_leads_back(name):
    made = ids.folder_id(name)
    assert made.replace("~", "").replace("-", "").replace("_", "").replace(".", "").isalnum() or set(made) <= set(
        "~-_."
    )
    assert ids.folder_name(made) == name


@given(TEXTS)
def test_any_text_may_be_asked_for(text):
    name = ids.folder_name(text)
    assert name is None or ids.folder_id(name) == text
    place = ids.located(text)
    assert place is None or not set(place.wire) & set(b"\r\n\0")
    root = ids.thread_root(text)
    assert root is None or ids.is_message_id(root)


@given(
    st.text(max_size=20),
    st.binary(max_size=20).filter(lambda wire: not set(wire) & set(b"\r\n\0")),
    st.integers(0, 1 << 32),
    st.integers(1, 1 << 32),
)
def test_a_message_has_its_message_id_or_its_place(header, wire, validity, uid):
    made = ids.message_id(header, wire, validity, uid)
    if made == header and not header.startswith("uid:"):
        assert ids.is_message_id(made)
    else:
        assert ids.located(made) == (wire, validity, uid)


@given(st.from_regex(r"<[a-z0-9.]{1,850}@[a-z]{1,10}>", fullmatch=True))
def test_a_thread_leads_back_to_its_root_unless_that_is_long(root):
    made = ids.thread_id(root)
    assert len(made) < 1000
    assert ids.thread_root(made) == (root if len(root) <= ids.MAX_THREAD else None)

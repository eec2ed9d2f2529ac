"""Pages to HTML. Every value is escaped; a template that uses an unknown name raises an error."""

import dataclasses
import functools
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opengrant.pages.assets import PACKAGED, theme, typeface
from opengrant.pages.languages import Words, english
from opengrant.pages.views import Page

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(page: Page) -> bytes:
    """The whole document, UTF-8."""
    context = _plain(page)
    context |= {
        "theme": theme(page.brand.palette).path,
        "lang": page.words.tag,
        "dir": page.words.direction,
        "say": page.words,
        "say_strong": functools.partial(_strong, page.words),
    }
    return environment().get_template(page.template).render(context).encode()


def _strong(words: Words, name: str, **values: str) -> "Markup":
    """The sentence with its values set off."""
    from markupsafe import Markup, escape  # noqa: PLC0415 -- comes with jinja2, see below

    strong = {key: Markup("<strong>{}</strong>").format(value) for key, value in values.items()}
    return escape(words.sentences[name]).format(**strong)


def compile_templates() -> None:
    """Compile all templates and read the English sentences: the first of them loads jinja2, which takes longer than a
    page."""
    english()
    for name in environment().list_templates():
        environment().get_template(name)


@functools.cache
def environment() -> "Environment":
    """The templates, made with the first page: a server that shows none does without jinja2."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 -- see above

    made = Environment(
        loader=PackageLoader("opengrant.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["asset"] = {name: asset.path for name, asset in PACKAGED.items()}
    made.globals["typeface"] = typeface()
    return made


def _plain(value: Any) -> Any:
    """The value in plain containers and strings: a subclass of str could mark itself as safe markup."""
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool | int | Words):
        return value
    if isinstance(value, Mapping):
        return {_plain(name): _plain(item) for name, item in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        names += [name for name, _ in inspect.getmembers(type(value), lambda member: isinstance(member, property))]
        return {name: _plain(getattr(value, name)) for name in names}
    return tuple(map(_plain, value))

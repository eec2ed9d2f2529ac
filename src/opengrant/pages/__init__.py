"""Pages in a browser: templates, one stylesheet, one script. Knows no grant, no request and no application.

Buttons and login forms come from the facts of the providers, sentences from the catalogue of the reader's language.

`render(page)` turns one of the frozen pages below into a whole HTML document. Every value in a page is text and is
escaped; the documents hold no inline script or style, so the strictest Content-Security-Policy works.
/reference and /console are built from web/ and come from `built`.
"""

from opengrant.pages.assets import Asset, find
from opengrant.pages.brand import Brand
from opengrant.pages.languages import Words, english, preferred
from opengrant.pages.refusals import Refusal, refusal
from opengrant.pages.render import compile_templates, render
from opengrant.pages.views import FIELDS, Choice, Done, Login, Lost, Onward, Page, Problem, Section, form_of
from opengrant.providers.registry import OFFERED

__all__ = [
    "FIELDS",
    "OFFERED",
    "Asset",
    "Brand",
    "Choice",
    "Done",
    "Login",
    "Lost",
    "Onward",
    "Page",
    "Problem",
    "Refusal",
    "Section",
    "Words",
    "compile_templates",
    "english",
    "find",
    "form_of",
    "preferred",
    "refusal",
    "render",
]

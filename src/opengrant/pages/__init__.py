"""Pages in a browser: templates, one stylesheet, one script. Knows no grant, no request and no application.

Buttons and login forms come from the facts of the providers.

`render(page)` turns one of the frozen pages below into a whole HTML document. Every value in a page is text and is
escaped; the documents hold no inline script or style, so the strictest Content-Security-Policy works.
/reference and /console are built from web/ and come from `built`.
"""

from opengrant.pages.assets import Asset, find
from opengrant.pages.brand import Brand
from opengrant.pages.refusals import Refusal, refusal
from opengrant.pages.render import compile_templates, render
from opengrant.pages.views import FIELDS, LABELS, Choice, Done, Login, Onward, Page, Problem, Section, form_of

__all__ = [
    "FIELDS",
    "LABELS",
    "Asset",
    "Brand",
    "Choice",
    "Done",
    "Login",
    "Onward",
    "Page",
    "Problem",
    "Refusal",
    "Section",
    "compile_templates",
    "find",
    "form_of",
    "refusal",
    "render",
]

"""`opengrant signing-keys`: the keys that sign id_tokens.

cli/commands.py names it by path: other commands do not load it.
"""

import cyclopts

from opengrant.cli.output import AsJson, out, print_json, print_rows
from opengrant.cli.run import run

signing_keys_app = cyclopts.App(name="signing-keys", help="The keys that sign id_tokens.")


@signing_keys_app.command(name="list")
def signing_keys_list(*, json: AsJson = False) -> None:
    """List the ids of the published keys; the first signs."""
    published = run(lambda installed: installed.services.tokens.signing.published())
    print_rows([{"id": key["kid"], "signs": not place} for place, key in enumerate(published["keys"])], json=json)


@signing_keys_app.command(name="rotate")
def signing_keys_rotate(*, json: AsJson = False) -> None:
    """Sign with a new key from now on. The old one stays published until the next rotation.

    Servers use the new key within a minute.
    """
    kid = run(lambda installed: installed.services.tokens.signing.rotate())
    if json:
        print_json({"id": kid})
    else:
        out.print(f"{kid} signs now.", markup=False)

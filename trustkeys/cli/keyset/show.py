"""``trustkeys keyset show``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import NewFile
from trustkeys.cli.terminal import can_write, has_colors, json_bytes, width, write_out, write_result
from trustkeys.cli.times import Time, now_or

# Imported lazily, to keep the help fast.
if TYPE_CHECKING:
    from trustkeys.keyset.keyset import TrustFrameworkKeySet

__tracebackhide__ = True


@command(epilog=options.TIMES_HELP)
@options.key_set_input
@options.at
@click.option(
    "--svg",
    type=NewFile(allow_dash=True),
    metavar="FILE",
    help="Draw an SVG picture into a new file; - is standard output.",
)
@options.cloud
@options.json_results
def show(
    file: str,
    password_file: str | None,
    at: Time | None,
    svg: str | None,
    base_url: str,
    as_json: bool,
) -> None:
    """Show the keys on a timeline.

    It shows which key is active when, and where there is a gap. The keys are in order of nbf;
    those without nbf come last, as they do when the service chooses the active key.
    """
    from trustkeys.cli.inputs import key_set
    from trustkeys.files import write_new

    keys = key_set(file, password_file)
    now = now_or(at)
    answer = json_bytes({**keys.to_graph(base_url=base_url), "timeline": _timeline(keys)})
    if as_json and svg is None:
        write_out(answer)
        return
    if svg is not None:
        from trustkeys.cli.timeline.picture import as_svg  # imported lazily: svg.py is slow

        picture = as_svg(keys, at=now)
        if svg == "-":
            write_out(picture)
        else:
            # The picture shows public data, and is made to be shared.
            write_new(svg, picture, mode=0o644)
            if as_json:
                write_result(answer, svg)
        return
    from trustkeys.cli.timeline.text import UNICODE, as_text

    text = as_text(
        keys,
        at=now,
        width=width(),
        color=has_colors(),
        plain=not can_write(UNICODE.values(), sys.stdout),
    )
    write_out(text)


def _timeline(keys: TrustFrameworkKeySet) -> list[dict[str, Any]]:
    from trustkeys.keyset.schedule import FOREVER, stretches

    kids = [key.kid for key in keys]
    return [
        {
            "start": stretch.start,
            "end": None if stretch.end == FOREVER else stretch.end,
            "kid": None if stretch.key is None else kids[stretch.key],
        }
        for stretch in stretches(list(keys))
    ]

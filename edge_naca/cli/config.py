"""``edge-naca config``."""

from __future__ import annotations

import shlex

import click

from edge_naca import __version__
from edge_naca.c_parts import PARTS, get_folder, get_includes, get_sources
from edge_naca.cli import common, report, settings
from edge_naca.format_versions import described, versions

STANDARD = "-std=c99"  # what every part of the C code asks of a compiler


@click.command()
@click.argument("parts", metavar="[PART]...", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--cflags", "what", flag_value="cflags", help="Flags to compile the sources with.")
@click.option("--includes", "what", flag_value="includes", help="Only flags to find headers.")
@click.option("--sources", "what", flag_value="sources", help="The C sources.")
@click.option("--folder", "what", flag_value="folder", help="The folder, for add_subdirectory.")
@common.json_option
def config(parts: tuple[str, ...], what: str | None, as_json: bool) -> None:
    """Show how edge-naca is set up, or what a build of C code asks for.

    Without options it shows versions, the file with defaults of options, whose entries it checks,
    and where the C code lies. PART is core (the network), signal (windows of a sensor), store
    (saved states) or link (the serial link); what a part needs comes with it. Without one it is
    the core.

    \b
    Examples
      edge-naca config
      edge-naca config --folder core
      gcc $(edge-naca config --cflags) net.c main.c $(edge-naca config --sources) -o main
    """
    if what is not None:
        _print_flags(what, parts or ("core",), as_json)
        return
    root = click.get_current_context().find_root()
    known = settings.current(root)
    if known is not None:
        known.check(root)
    file = settings.place() if known is None else known.path
    folders = {part: str(get_folder(part)) for part in parts or PARTS}
    if as_json:
        content = None if known is None else known.content
        report.print_json(
            {
                "version": __version__,
                "formats": versions(),
                "defaults": {"file": str(file), "content": content},
                "c": folders,
            }
        )
        return
    report.say(f"edge-naca {__version__}")
    report.say(f"formats: {described()}")
    report.say(f"defaults of options: {file}" + (" (there is none)" if known is None else ""))
    for part, folder in folders.items():
        report.say(f"C code, {part}: {folder}")


def _print_flags(what: str, parts: tuple[str, ...], as_json: bool) -> None:
    """Print words for a command line on one line, quoted where a shell asks for it."""
    includes = [f"-I{folder}" for folder in get_includes(*parts)]
    words = {
        "cflags": [STANDARD, *includes],
        "includes": includes,
        "sources": [str(source) for source in get_sources(*parts)],
        "folder": [str(get_folder(part)) for part in parts],
    }[what]
    if as_json:
        report.print_json({what: words})
    else:
        report.say(shlex.join(words))

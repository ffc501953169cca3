"""The command line: the group of commands, and the one place where errors become messages.

A command parses, calls one library function and shows the result. Data goes to stdout, everything
else to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from retrieval._version import __version__
from retrieval.cli.ask import ask_command
from retrieval.cli.caption import caption_command
from retrieval.cli.chat import chat_command
from retrieval.cli.compact import compact_command
from retrieval.cli.daemon import daemon_command
from retrieval.cli.describe import describe_command
from retrieval.cli.dupes import dupes_command
from retrieval.cli.evaluate import evaluate_command
from retrieval.cli.export import export_command
from retrieval.cli.forget import forget_command
from retrieval.cli.import_ import import_command
from retrieval.cli.index import index_command
from retrieval.cli.info import info_command
from retrieval.cli.ledger import ledger_command
from retrieval.cli.migrate import migrate_command
from retrieval.cli.ocr import ocr_command
from retrieval.cli.output import printable, tell
from retrieval.cli.repair import repair_command
from retrieval.cli.saved import saved_command
from retrieval.cli.search import search_command
from retrieval.cli.show import show_command
from retrieval.cli.similar import similar_command
from retrieval.cli.spaces import spaces_command
from retrieval.cli.story import story_command
from retrieval.cli.tags import tags_command
from retrieval.cli.trips import trips_command
from retrieval.cli.verify import verify_command
from retrieval.cli.watch import watch_command
from retrieval.errors import RetrievalError


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RetrievalError as exc:
            _fail(str(exc), exc.exit_code)
        except (KeyboardInterrupt, click.Abort):
            _fail("Interrupted. Nothing that was committed is lost; run the command again.", 130)
        except BrokenPipeError:  # the reader, such as `head`, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        return None


def _fail(message: str, code: int) -> None:
    tell(f"retrieval: {printable(message)}")
    sys.exit(code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="retrieval")
def main() -> None:
    """Search your photos by text or by picture: local, private, fast."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names of files need not be UTF-8
            stream.reconfigure(errors="surrogateescape")


main.add_command(index_command)
main.add_command(watch_command)
main.add_command(search_command)
main.add_command(ask_command)
main.add_command(chat_command)
main.add_command(similar_command)
main.add_command(show_command)
main.add_command(describe_command)
main.add_command(caption_command)
main.add_command(story_command)
main.add_command(daemon_command)
main.add_command(info_command)
main.add_command(trips_command)
main.add_command(tags_command)
main.add_command(dupes_command)
main.add_command(evaluate_command)
main.add_command(migrate_command)
main.add_command(spaces_command)
main.add_command(saved_command)
main.add_command(forget_command)
main.add_command(compact_command)
main.add_command(export_command)
main.add_command(import_command)
main.add_command(verify_command)
main.add_command(repair_command)
main.add_command(ocr_command)
main.add_command(ledger_command)

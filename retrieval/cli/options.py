"""Options that several commands share, and what they open."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from retrieval.cli.output import tell
from retrieval.config import VISION, Settings, load_settings
from retrieval.errors import ConfigError, MissingExtraError, ModelError, PrivacyError
from retrieval.records import REDACTIONS

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.encoders import EncoderSpec
    from retrieval.models import LanguageModel
    from retrieval.records import AskOptions, Redaction
    from retrieval.reranking import Judge

F = TypeVar("F", bound=Callable[..., Any])


def _add(options: list[Callable[[F], F]], function: F) -> F:
    for option in reversed(options):
        function = option(function)
    return function


def collection_option(function: F) -> F:
    """--collection NAME|PATH."""
    text = (
        "Name or path of the collection. Named ones live in $RETRIEVAL_HOME, in ./indexes if that "
        "folder exists, or in your data folder.  [default: default]"
    )
    return click.option("-c", "--collection", metavar="NAME|PATH", help=text)(function)


def pictures_option(function: F) -> F:
    """--pictures[=PROTOCOL]."""
    protocols = click.Choice(["auto", "kitty", "iterm", "sixel", "blocks"])
    text = "Thumbnails in the terminal, as it can draw them or by a protocol."
    return click.option("--pictures", type=protocols, is_flag=False, flag_value="auto", help=text)(
        function
    )


def encoder_options(function: F) -> F:
    """--model, --device, --precision."""
    model = (
        "auto, mini, an open_clip name such as ViT-B-32-256/datacomp_s34b_b86k, a checkpoint "
        "folder, or hf-hub:ORG/NAME.  [default: the collection's, or auto]"
    )
    precisions = click.Choice(["auto", "fp32", "bf16", "fp16"])
    return _add(
        [
            click.option("-m", "--model", metavar="MODEL", help=model),
            click.option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps."),
            click.option("--precision", type=precisions, help="Number format of the encoder."),
        ],
        function,
    )


def model_options(function: F) -> F:
    """--llm, --llm-model, --mmproj, --vision, --offline, --redact, --consent."""
    llm = "A language model that answers: the URL of an OpenAI-compatible server, or a GGUF file."
    redact = "Take these out of what is sent: gps, faces, names (with commas between)."
    return _add(
        [
            click.option("--llm", metavar="URL|FILE", help=llm),
            click.option("--llm-model", metavar="NAME", help="What the server calls the model."),
            click.option("--mmproj", metavar="FILE", help="The file that lets a GGUF model see."),
            click.option(
                "--vision",
                type=click.Choice(VISION),
                help="Whether the model is given pictures.  [default: if it takes them]",
            ),
            click.option("--offline", is_flag=True, default=None, help="Nothing may be sent."),
            click.option("--redact", metavar="WHAT", help=redact),
            click.option("--consent", is_flag=True, help="Agree that this server gets your data."),
        ],
        function,
    )


def judging_options(function: F) -> F:
    """--rerank, --reranker, --verify, --refine."""
    reranker = "A folder with a BLIP image-text matching model, which looks again instead."
    return _add(
        [
            click.option("--rerank", is_flag=True, help="Let the model look again at the first."),
            click.option("--reranker", metavar="FOLDER", help=reranker),
            click.option("--verify", is_flag=True, help="Let it judge each claim with its photo."),
            click.option("--refine", is_flag=True, help="Let it read questions that are unclear."),
        ],
        function,
    )


def work_options(function: F) -> F:
    """--batch-size, --threads."""
    return _add(
        [
            click.option("--batch-size", type=click.IntRange(1, 4096), help="Photos at a time."),
            click.option("--threads", type=click.IntRange(1, 256), help="Threads that decode."),
        ],
        function,
    )


def encoder_spec(settings: Settings) -> EncoderSpec:
    """The encoder that the settings ask for."""
    from retrieval.encoders import EncoderSpec

    model, device, precision, cache = spec_of(settings)
    return EncoderSpec(model, device, precision, cache=cache)


def spec_of(settings: Settings) -> tuple[str, str, str, str]:
    """The same as plain values, which cost no import and mean the same in another process."""
    cache = os.path.abspath(os.path.expanduser(settings.cache)) if settings.cache else ""
    return settings.model, settings.device, settings.precision, cache


def open_collection(flags: dict[str, Any], *, create: bool = False) -> tuple[Collection, Settings]:
    """Open the collection that flags, environment and retrieval.toml name; notices to stderr."""
    settings = load_settings(**flags)
    return open_settings(settings, create=create), settings


def open_settings(
    settings: Settings, *, create: bool = False, one_shot: bool = False
) -> Collection:
    """Open the collection that the settings name; notices to stderr."""
    from retrieval.collection import Collection

    return Collection.open(
        settings.collection,
        create=create,
        home=settings.home,
        spec=encoder_spec(settings),
        on_notice=show_notice,
        one_shot=one_shot,
    )


def model_of(settings: Settings, consent: bool = False) -> LanguageModel | None:
    """The language model that the settings name, None without one; notices to stderr.

    Nothing leaves this machine yet: the gate before it asks first, once for each server.
    """
    if not settings.llm:
        return None
    from retrieval.cli.consent import consent_given, consent_prompt
    from retrieval.models import ModelSpec, load_model
    from retrieval.privacy import open_gate

    gate = open_gate(
        offline=settings.offline,
        redact=redactions_of(settings),
        on_consent=consent_given if consent else consent_prompt,
        chosen="llm" not in settings.from_file,
    )
    spec = ModelSpec(settings.llm, settings.llm_model, settings.mmproj, settings.vision)
    return load_model(spec, gate, show_notice)


def usable_model(settings: Settings, consent: bool = False) -> LanguageModel | None:
    """The same where photos are found without it: one that cannot be loaded is told, and None.

    Raises ConfigError, as for any setting that is mistyped.
    """
    try:
        return model_of(settings, consent)
    except (ModelError, PrivacyError, MissingExtraError) as exc:
        show_notice(f"{exc} Answered without it.")
        return None


def ask_options(
    settings: Settings, *, k: int = 10, rerank: bool, verify: bool, refine: bool
) -> AskOptions:
    """How questions are answered, as the flags and settings say. Raises ConfigError."""
    from retrieval.records import AskOptions

    again = rerank or bool(settings.reranker)
    return AskOptions(k, again, verify, refine, redactions_of(settings))


def judge_of(settings: Settings) -> Judge | None:
    """The cross-encoder that the settings name, None without one. Raises ConfigError."""
    if not settings.reranker:
        return None
    from retrieval.reranking.crossencoder import CrossEncoder

    return CrossEncoder(settings.reranker)


def redactions_of(settings: Settings) -> tuple[Redaction, ...]:
    """What is taken out of all that is sent. Raises ConfigError."""
    named = [name.strip() for name in settings.redact.split(",") if name.strip()]
    for name in named:
        if name not in REDACTIONS:
            raise ConfigError(
                f"{name!r} cannot be taken out of what is sent; choose of {', '.join(REDACTIONS)}."
            )
    return tuple(what for what in REDACTIONS if what in named)


def show_notice(text: str) -> None:
    """Show a sentence that is no result."""
    tell(f"note: {text}")

"""`retrieval eval DIR`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import encoder_options, encoder_spec, show_notice, work_options
from retrieval.cli.output import emit, printable, progress_display, tell, to_json
from retrieval.config import load_settings

if TYPE_CHECKING:
    from retrieval.evaluation import Evaluation, Metrics


@click.command("eval")
@click.argument("folder", metavar="DIR")
@click.option("--captions", metavar="FILE", help="Score a table image,caption against DIR's.")
@encoder_options
@work_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate_command(folder: str, captions: str | None, as_json: bool, **flags: Any) -> None:
    """Measure an encoder on DIR, which holds images/ and captions.csv (image,caption)."""
    settings = load_settings(**flags)
    if captions:
        evaluate_a_table(folder, captions, as_json)
        return
    from retrieval.evaluation import evaluate_folder

    with progress_display() as on_progress:
        result = evaluate_folder(
            folder,
            encoder_spec(settings),
            batch_size=settings.batch_size,
            threads=settings.threads,
            on_progress=on_progress,
            on_notice=show_notice,
        )
    if as_json:
        emit(to_json(_record(result)))
    else:
        _show(result)


def evaluate_a_table(folder: str, captions: str, as_json: bool) -> None:
    """`--captions FILE`: by BLEU-4, ROUGE-L and CIDEr-D."""
    from retrieval.evaluation.captions import evaluate_captions

    found = evaluate_captions(folder, captions)
    if as_json:
        emit(to_json(asdict(found)))
        return
    scores = found.scores
    emit(f"{scores.captions:,} captions, {found.missing:,} photos without one")
    emit(f"  BLEU-4   {scores.bleu4:.2f}\n  ROUGE-L  {scores.rouge_l:.3f}")
    emit(f"  CIDEr-D  {scores.cider:.3f}")
    for image in found.unknown:
        tell(f"skipped {printable(image)}: {printable(folder)} has no captions of it")


def _record(result: Evaluation) -> dict[str, Any]:
    return {
        "text_to_image": _metrics_record(result.text_to_image),
        "image_to_text": _metrics_record(result.image_to_text),
        "images": result.images,
        "texts": result.texts,
        "encoder": result.encoder,
        "skipped": [{"path": s.path, "reason": s.reason} for s in result.skipped],
    }


def _metrics_record(metrics: Metrics) -> dict[str, Any]:
    intervals = {name: list(interval) for name, interval in metrics.intervals.items()}
    return {**metrics.values, "interval_95": intervals}


def _show(result: Evaluation) -> None:
    emit(f"{result.images:,} images, {result.texts:,} texts, encoder {result.encoder}")
    for name, metrics in (
        ("text to image", result.text_to_image),
        ("image to text", result.image_to_text),
    ):
        emit(name)
        for metric, value in metrics.values.items():
            low, high = metrics.intervals[metric]
            emit(f"  {metric:<5} {value:.3f}   95 % interval {low:.3f} to {high:.3f}")
    for skipped in result.skipped:
        tell(f"skipped {printable(skipped.path)}: {skipped.reason}")

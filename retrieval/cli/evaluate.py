"""`retrieval eval DIR`, `retrieval eval --questions FILE`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import (
    ask_options,
    collection_option,
    encoder_options,
    encoder_spec,
    judge_of,
    judging_options,
    model_of,
    model_options,
    open_settings,
    show_notice,
    work_options,
)
from retrieval.cli.output import emit, printable, progress_display, tell, to_json
from retrieval.config import Settings, load_settings
from retrieval.errors import UsageError

if TYPE_CHECKING:
    from retrieval.evaluation import Evaluation, Metrics, QuestionReport
    from retrieval.records import AskOptions


@click.command("eval")
@click.argument("folder", metavar="[DIR]", required=False)
@click.option("--captions", metavar="FILE", help="Score a table image,caption against DIR's.")
@click.option("--questions", metavar="FILE", help="Questions over a collection, instead of DIR.")
@click.option(
    "--root",
    metavar="DIR",
    help="Where file names of questions start.  [default: what was indexed]",
)
@collection_option
@encoder_options
@model_options
@judging_options
@work_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate_command(
    folder: str | None,
    captions: str | None,
    questions: str | None,
    root: str | None,
    rerank: bool,
    verify: bool,
    refine: bool,
    consent: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Measure an encoder on DIR, which holds images/ and captions.csv (image,caption).

    With --questions the answers to questions over a collection are measured. FILE is a JSON list of
    objects: kind (find, when, where, count, absent or another), question, files (the right ones,
    relative to the folder that was indexed) and answer. Answers are counted; R@k are shares.

    With --captions FILE, a table image,caption is compared with the captions.csv of DIR.
    """
    settings = load_settings(**flags)
    if bool(folder) == bool(questions) or (captions and questions):
        raise UsageError("Name either DIR or --questions FILE.")
    if questions:
        options = ask_options(settings, rerank=rerank, verify=verify, refine=refine)
        report = _questions(settings, questions, root, options, consent)
        if as_json:
            emit(to_json(_report_record(report)))
        else:
            _show_report(report)
        return
    assert folder is not None  # one of them was named
    if captions:
        _show_captions(folder, captions, as_json)
        return
    result = _folder(settings, folder)
    if as_json:
        emit(to_json(_record(result)))
    else:
        _show(result)


# --- a folder of captioned photos -----------------------------------------------------------


def _folder(settings: Settings, folder: str) -> Evaluation:
    from retrieval.evaluation import evaluate_folder

    with progress_display() as on_progress:
        return evaluate_folder(
            folder,
            encoder_spec(settings),
            batch_size=settings.batch_size,
            threads=settings.threads,
            on_progress=on_progress,
            on_notice=show_notice,
        )


def _show_captions(folder: str, captions: str, as_json: bool) -> None:
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


# --- questions over a collection ------------------------------------------------------------


def _questions(
    settings: Settings, file: str, root: str | None, options: AskOptions, consent: bool
) -> QuestionReport:
    from retrieval.evaluation import evaluate_questions, read_questions

    asked = read_questions(file)  # before anything is loaded
    with open_settings(settings) as collection, progress_display() as on_progress:
        return evaluate_questions(
            collection,
            asked,
            root,
            options=options,
            model=model_of(settings, consent),
            second_look=judge_of(settings),
            on_progress=on_progress,
            on_notice=show_notice,
        )


def _report_record(report: QuestionReport) -> dict[str, Any]:
    return {
        "kinds": report.kinds,
        "citations": report.citations,
        "latency_ms": report.latency_ms,
        "n": len(report.outcomes),
        "wrong_grounded": report.wrong_grounded,
        "reranking": report.reranking,
        "answerer": report.answerer,
    }


def _cell(key: str, value: float) -> str:
    return f"{key} {value:.2f}" if key.startswith("R@") else f"{key} {value:.0f}"


def _show_report(report: QuestionReport) -> None:
    wrong = sum(outcome.wrong_grounded for outcome in report.outcomes)
    emit(f"{len(report.outcomes):,} questions, answered by {report.answerer}")
    for kind, counts in report.kinds.items():
        cells = "  ".join(_cell(key, value) for key, value in counts.items() if key != "n")
        emit(f"  {printable(kind):<8} {counts['n']:>5.0f}  {cells}")
    if report.reranking:
        emit(f"second looks: {to_json(report.reranking, indent=None)}")
    emit(f"wrong answers given as grounded: {wrong} ({report.wrong_grounded:.1%})")
    cited = {key: "-" if v is None else f"{v:.2f}" for key, v in report.citations.items()}
    emit(f"citations: precision {cited['precision']}, recall {cited['recall']}")
    times = report.latency_ms
    emit(
        f"first hits {times['first_hits_p50']:.0f} ms (95 %: {times['first_hits_p95']:.0f}), "
        f"answers {times['answer_p50']:.0f} ms (95 %: {times['answer_p95']:.0f})"
    )

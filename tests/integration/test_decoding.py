"""Workers that crash, hang or grow cost one picture; they never outlive who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from retrieval import pictures
from retrieval.errors import ImageError
from retrieval.pictures import pool as pool_module
from retrieval.pictures.budget import Budget
from retrieval.pictures.pool import Pool
from tests import decoders
from tests.conftest import LONGEST_S, until
from tests.pictures import CORNERS, corner_colours, corners, encoded

GOOD = encoded(corners((64, 32)), "GIF")
CRASHED = "^its decoder crashed; the file is damaged, or made to do harm$"


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Workers that misbehave on demand."""
    made = Pool(Budget(1 << 30), decoders.COMMAND)
    yield made
    made.close()


def ids_of(pool: Pool) -> set[int]:
    return {worker.process.pid for worker in pool._workers}


def assert_good(pool: Pool, data: bytes = GOOD) -> None:
    picture = pool.decode(data, 16)
    assert (picture.width, picture.height, picture.format) == (64, 32, "GIF")
    assert picture.image.size == (32, 16)
    assert corner_colours(picture.image) == CORNERS


def gone(process: int) -> bool:
    """Whether a process has ended, within a minute."""

    def has_ended() -> bool:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        return state == "Z"

    return until(has_ended)


class TestOneAfterAnother:
    def test_one_worker_serves_many_pictures(self, pool: Pool) -> None:
        assert_good(pool)
        before = ids_of(pool)
        for _ in range(5):
            assert_good(pool)
        assert ids_of(pool) == before
        assert len(before) == 1

    def test_a_reason_comes_back_as_it_is(self, pool: Pool) -> None:
        with pytest.raises(ImageError, match=r"^not a picture that can be read"):
            pool.decode(b"some words", 16)
        assert_good(pool)

    @pytest.mark.parametrize("word", [b"crash", b"abort"])
    def test_a_crash_costs_one_picture(self, pool: Pool, word: bytes) -> None:
        for _ in range(2):
            with pytest.raises(ImageError, match=CRASHED):
                pool.decode(word + b" now", 16)
            assert_good(pool)
        assert len(ids_of(pool)) == 1

    def test_a_crash_is_only_believed_of_a_fresh_worker(self, pool: Pool) -> None:
        assert_good(pool, b"once " + GOOD)  # which spoils it
        before = ids_of(pool)
        assert_good(pool)
        assert not ids_of(pool) & before

    def test_a_worker_that_dies_between_two_pictures(self, pool: Pool) -> None:
        assert_good(pool)
        (process,) = ids_of(pool)
        os.kill(process, signal.SIGKILL)
        assert gone(process)
        assert_good(pool)

    def test_one_that_the_system_killed_may_be_better_next_time(self, pool: Pool) -> None:
        with pytest.raises(ImageError, match=r"^cannot be read: its decoder was killed"):
            pool.decode(b"killed now", 16)

    @pytest.mark.parametrize("word", [b"hang", b"spin"])
    def test_one_that_takes_too_long(
        self, pool: Pool, word: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert_good(pool)
        monkeypatch.setattr(pool_module, "TIME_LIMIT", 0.3)
        begun = time.monotonic()
        with pytest.raises(ImageError, match=r"longer than 0\.3 seconds and was stopped; save"):
            pool.decode(word + b" on", 16)
        assert time.monotonic() - begun < 60  # it would take minutes
        monkeypatch.undo()
        assert_good(pool)

    def test_a_large_file_that_a_hanging_worker_never_reads(
        self, pool: Pool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert_good(pool)
        (process,) = ids_of(pool)
        os.kill(process, signal.SIGSTOP)
        monkeypatch.setattr(pool_module, "TIME_LIMIT", 0.3)
        with pytest.raises(ImageError, match="longer than"):
            pool.decode(GOOD + bytes(20 << 20), 16)

    def test_one_that_wants_all_memory(self, pool: Pool) -> None:
        with pytest.raises(ImageError, match="does not fit into memory"):
            pool.decode(b"grow on", 16)
        assert_good(pool)

    def test_what_a_decoder_prints_is_no_answer(
        self, pool: Pool, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert_good(pool, b"print " + GOOD)
        assert capfd.readouterr() == ("", "")

    def test_a_worker_that_cannot_be_started(self) -> None:
        for command, detail in ((("/nowhere/python",), "No such file"), (("/bin/false",), "")):
            with pytest.raises(ImageError, match=f"^cannot be read: the process.*{detail}"):
                Pool(Budget(1 << 30), command).decode(GOOD, 16)

    def test_an_answer_that_is_none(self) -> None:
        speaks = "import os; os.write(1, b'r' + bytes(12)); os.read(0, 9); os.write(1, b'?' * 99)"
        with pytest.raises(ImageError, match=CRASHED):
            Pool(Budget(1 << 30), (sys.executable, "-c", speaks)).decode(GOOD, 16)


class TestManyAtOnce:
    def test_each_thread_gets_its_own_picture(self, pool: Pool) -> None:
        sizes = [(40 + 2 * number, 30) for number in range(60)]
        files = [encoded(corners(size), "GIF") for size in sizes]
        files[10], files[30] = b"crash now", b"abort now"

        def decode(data: bytes) -> tuple[int, int] | str:
            try:
                picture = pool.decode(data, 1000)
            except ImageError as exc:
                return str(exc)[:19]
            assert corner_colours(picture.image) == CORNERS
            return picture.width, picture.height

        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(decode, files))
        crashed = "its decoder crashed"
        assert found == [*sizes[:10], crashed, *sizes[11:30], crashed, *sizes[31:]]
        assert 1 <= len(ids_of(pool)) <= 4

    def test_they_never_hold_more_than_the_budget(self, pool: Pool) -> None:
        pool._budget.total = 100 << 20
        order = f"claim {60 << 20} 0.4".encode().ljust(64)
        for _ in range(2):
            assert_good(pool)
        begun = time.monotonic()
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda _: assert_good(pool, order + GOOD), range(2)))
        assert time.monotonic() - begun > 0.8  # one after the other

    def test_a_large_picture_ends_those_that_idle(self, pool: Pool) -> None:
        pool._budget.total = 100 << 20
        order = f"claim {1 << 20} 0.3".encode().ljust(64)
        with ThreadPoolExecutor(2) as threads:
            for _ in range(20):  # until they were at it at once
                list(threads.map(lambda _: assert_good(pool, order + GOOD), range(2)))
                if len(ids_of(pool)) > 1:
                    break
        assert len(ids_of(pool)) == 2
        assert_good(pool, f"claim {60 << 20} 0".encode().ljust(64) + GOOD)
        assert len(ids_of(pool)) == 1

    def test_a_wait_for_memory_is_not_the_decoders_fault(
        self, pool: Pool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert_good(pool)
        before = ids_of(pool)
        timers: list[threading.Timer] = []

        class Timer(threading.Timer):
            def start(self) -> None:
                timers.append(self)
                super().start()

        monkeypatch.setattr(threading, "Timer", Timer)
        with pool._budget.claim(pool._budget.total):
            waiting = threading.Thread(target=assert_good, args=(pool,))
            waiting.start()
            until(lambda: len(pool._budget._queue) == 1)
            assert [timer.finished.is_set() for timer in timers] == [True]  # its time stands still
        waiting.join(LONGEST_S)
        assert len(timers) == 2
        assert ids_of(pool) == before  # was not replaced, nor lost


class TestDoor:
    """What is decoded here, and what only by a worker."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        found: list[bytes] = []

        def refuse(data: bytes, least_side: int) -> None:
            found.append(data)
            raise ImageError("a worker was asked")

        monkeypatch.setattr(pictures.POOL, "decode", refuse)
        return found

    @pytest.mark.parametrize("mode", ["L", "RGB"])
    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_plain_ones_here(self, kind: str, mode: str, asked: list[bytes]) -> None:
        pictures.decode(encoded(corners().convert(mode), kind), 16)
        pictures.decode(encoded(corners().convert(mode), kind, progressive=True), 16)
        assert not asked

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "CMYK"])
    def test_others_never(self, kind: str, asked: list[bytes]) -> None:
        image = corners().convert("CMYK") if kind == "CMYK" else corners()
        data = encoded(image, "JPEG" if kind == "CMYK" else kind)
        with pytest.raises(ImageError, match="a worker was asked"):
            pictures.decode(data, 16)
        assert asked == [data]

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_nor_those_with_a_profile_that_holds_tables(
        self, kind: str, asked: list[bytes]
    ) -> None:
        icc = bytes(16) + b"RGB " + bytes(111) + b"\1A2B0" + bytes(64)
        with pytest.raises(ImageError, match="a worker was asked"):
            pictures.decode(encoded(corners(), kind, icc_profile=icc), 16)

    def test_nor_a_jpeg_that_passes_over_its_pixels_a_thousand_times(
        self, asked: list[bytes]
    ) -> None:
        data = encoded(corners((640, 480)), "JPEG", progressive=True)
        last = data.rindex(b"\xff\xda")
        bomb = data[:-2] + data[last:-2] * 2000 + data[-2:]
        with pytest.raises(ImageError, match="a worker was asked"):
            pictures.decode(bomb, 16)
        plain = encoded(corners((640, 480)), "JPEG")
        pictures.decode(plain + b"\xff\xda" * 2000, 16)  # one scan, and rubbish behind its end
        assert asked == [bomb]

    def test_decodes_here_share_the_budget(self) -> None:
        data = encoded(corners(), "PNG")
        with pictures.BUDGET.claim(pictures.BUDGET.total):
            waiting = threading.Thread(target=pictures.decode, args=(data, 16))
            waiting.start()
            waiting.join(0.2)
            assert waiting.is_alive()
        waiting.join(LONGEST_S)
        assert not waiting.is_alive()


class TestBudget:
    def test_a_large_claim_is_met_before_small_ones_that_came_later(self) -> None:
        budget, order = Budget(10), []

        def take(need: int) -> None:
            with budget.claim(need):
                order.append(need)
                time.sleep(0.05)

        with budget.claim(5):
            threads = [threading.Thread(target=take, args=(need,)) for need in (10, 1, 2)]
            for number, thread in enumerate(threads, 1):
                thread.start()
                until(lambda number=number: len(budget._queue) == number)
            assert order == []  # the small ones would fit
        for thread in threads:
            thread.join()
        assert order[0] == 10

    def test_one_that_is_larger_than_all_gets_all(self) -> None:
        with Budget(10).claim(1000):
            pass

    def test_a_failure_gives_back(self) -> None:
        budget = Budget(10)
        for _ in range(3):
            with pytest.raises(RuntimeError), budget.claim(10):
                raise RuntimeError


PARENT = """
import os, sys, threading, time
from retrieval.pictures import POOL
from tests import decoders
from retrieval.pictures.pool import Pool
from retrieval.pictures.budget import Budget
pool = Pool(Budget(1 << 30), decoders.COMMAND)
pool.decode(bytes.fromhex(sys.argv[1]), 16)
(worker,) = pool._workers
print(worker.process.pid, flush=True)
if sys.argv[2] == "exit":
    sys.exit()
time.sleep(60)
"""


class TestTheEnd:
    @pytest.mark.parametrize("end", ["exit", "kill"])
    def test_workers_end_with_their_parent(self, end: str) -> None:
        root = Path(__file__).parents[2]
        command = [sys.executable, "-c", PARENT, GOOD.hex(), end]
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, text=True)
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        if end == "kill":
            assert Path(f"/proc/{worker}").exists()
            parent.kill()
        parent.wait()
        parent.stdout.close()
        assert gone(worker)

    def test_closing_ends_them(self, pool: Pool) -> None:
        assert_good(pool)
        (worker,) = ids_of(pool)
        pool.close()
        assert gone(worker)
        assert_good(pool)

    @pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # threads and fork
    def test_a_forked_child_starts_its_own(self) -> None:
        pictures.decode(GOOD, 16)
        before = ids_of(pictures.POOL)
        child = os.fork()
        if not child:
            try:
                untouched = not pictures.POOL._workers
                pictures.decode(GOOD, 16)
                own = ids_of(pictures.POOL)
                pictures.POOL.close()
                os._exit(0 if untouched and own and not own & before else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        pictures.decode(GOOD, 16)
        assert ids_of(pictures.POOL) == before

    def test_no_descriptor_but_the_standard_ones_is_inherited(
        self, pool: Pool, tmp_path: Path
    ) -> None:
        with open(tmp_path / "secret", "wb") as file:
            os.set_inheritable(file.fileno(), True)
            assert_good(pool)
        (worker,) = ids_of(pool)
        held = {os.readlink(entry.path) for entry in os.scandir(f"/proc/{worker}/fd")}
        assert all(name == "/dev/null" or name.startswith("pipe:") for name in held)

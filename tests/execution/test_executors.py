"""The same bytes from any executor, in any order; lost workers cost nothing; errors arrive as they were raised."""

import concurrent.futures
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.execution import work
from wilks._base.errors import ChunksMissing, InvalidData, InvalidOption
from wilks.execution.chunks import plan
from wilks.execution.executors import run_chunks

PAYLOAD = {"seed": 3, "scale": np.array(2.0)}
CHUNKS = plan(23, 5, task="draws")


def as_bytes(results):
    return [{name: (array.dtype.str, array.shape, array.tobytes()) for name, array in r.items()} for r in results]


@pytest.fixture(scope="module")
def expected():
    return as_bytes(run_chunks(work.draw, PAYLOAD, CHUNKS))


class ShuffledExecutor(concurrent.futures.Executor):
    """Runs what it holds in random order, and only when a few have come together."""

    def __init__(self):
        self._held, self._random = [], random.Random(1)

    def submit(self, fn, /, *args, **kwargs):
        future = concurrent.futures.Future()
        self._held.append((future, fn, args))
        if len(self._held) == 5:
            self._random.shuffle(self._held)
            for future_, fn_, args_ in self._held:
                future_.set_result(fn_(*args_))
            self._held.clear()
        return future


def test_all_items_come_in_the_order_of_the_chunks():
    results = run_chunks(work.draw, PAYLOAD, CHUNKS)
    assert [len(r["x"]) for r in results] == [5, 5, 5, 5, 3]
    assert np.concatenate([r["index"] for r in results]).tolist() == list(range(23))
    assert all(isinstance(array, np.ndarray) for r in results for array in r.values())


def test_threads_give_the_same_bytes_though_chunks_arrive_late(expected):
    with concurrent.futures.ThreadPoolExecutor(5) as executor:
        assert as_bytes(run_chunks(work.draw_late_first, PAYLOAD, CHUNKS, executor=executor)) == expected


def test_an_executor_of_random_order_gives_the_same_bytes(expected):
    assert as_bytes(run_chunks(work.draw, PAYLOAD, CHUNKS, executor=ShuffledExecutor())) == expected


def test_two_spawned_processes_give_the_same_bytes(expected):
    assert as_bytes(run_chunks(work.draw_late_first, PAYLOAD, CHUNKS, executor=2)) == expected


def test_a_spawning_pool_of_the_user_gives_the_same_bytes(expected):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        assert as_bytes(run_chunks(work.draw, PAYLOAD, CHUNKS, executor=executor)) == expected
        assert run_chunks(work.process_of, None, CHUNKS, executor=executor)[0]["bits"] == 64


def test_two_dask_workers_give_the_same_bytes(expected):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    )
    with cluster, distributed.Client(cluster) as client:
        assert as_bytes(run_chunks(work.draw_late_first, PAYLOAD, CHUNKS, executor=client)) == expected
        with pytest.raises(ZeroDivisionError, match="chunk 3"):
            run_chunks(work.fail, "plain", CHUNKS, executor=client)


def test_own_workers_are_processes_of_64_bit_and_one_thread():
    results = run_chunks(work.process_of, None, plan(6, 1), executor=2)
    assert os.getpid() not in {int(r["process"]) for r in results}
    assert {int(r["bits"]) for r in results} == {64}
    if "WILKS_THREADS" not in os.environ:
        assert all(r["one_thread"] for r in results)


def test_a_chunk_whose_worker_died_is_run_again(tmp_path, expected):
    payload = {**PAYLOAD, "marker": str(tmp_path / "died")}
    assert as_bytes(run_chunks(work.die_once, payload, CHUNKS, executor=2)) == expected
    assert (tmp_path / "died").exists()


def test_a_chunk_that_always_kills_its_worker_is_named_and_the_others_are_kept(expected):
    with pytest.raises(ChunksMissing, match=r"draws chunk 2 \(items 10 to 14\) ended 2 times .* missing are") as caught:
        run_chunks(work.die_always, PAYLOAD, CHUNKS, executor=2, retries=1)
    kept = caught.value.result
    assert 2 not in kept
    assert all(as_bytes([arrays]) == [expected[position]] for position, arrays in kept.items())


@pytest.mark.parametrize("executor", [None, 2])
def test_an_error_of_the_function_is_raised_as_it_was(executor):
    with pytest.raises(ZeroDivisionError) as caught:
        run_chunks(work.fail, "plain", CHUNKS, executor=executor)
    assert str(caught.value) == "chunk 3"
    notes = "".join(getattr(caught.value, "__notes__", ()))
    assert executor is None or "work.py" in notes  # where in the worker it happened


def test_an_error_that_cannot_travel_arrives_as_text():
    with pytest.raises(RuntimeError, match="StubbornError: no value at 3: stubborn"):
        run_chunks(work.fail, "stubborn", CHUNKS, executor=1)


def test_a_result_that_is_no_array_of_numbers_is_refused():
    with pytest.raises(InvalidData, match=r"draws chunk 0 .* returned 'x' of type object"):
        run_chunks(work.objects, None, CHUNKS)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_a_forking_pool_is_refused():
    context = multiprocessing.get_context("fork")
    with (
        concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor,
        pytest.raises(InvalidOption, match=r"forks its workers.*spawn"),
    ):
        run_chunks(work.draw, PAYLOAD, CHUNKS, executor=executor)


@pytest.mark.parametrize("executor", [0, -2, True, 1.5, "two"])
def test_other_executors_are_refused(executor):
    with pytest.raises(InvalidOption, match=r"give None \(this process\), a number of processes"):
        run_chunks(work.draw, PAYLOAD, CHUNKS, executor=executor)


def test_a_lambda_travels_with_cloudpickle_and_is_refused_without(monkeypatch):
    pytest.importorskip("cloudpickle")
    function = lambda payload, chunk: {"x": np.full(chunk.size, payload)}  # noqa: E731  a lambda is the point
    results = run_chunks(function, 4.0, plan(2, 1), executor=1)
    assert [float(r["x"][0]) for r in results] == [4.0, 4.0]
    monkeypatch.setitem(sys.modules, "cloudpickle", None)  # as if it were not installed
    with pytest.raises(InvalidOption, match=r"cannot be sent to other processes.*top level of a module"):
        run_chunks(function, 4.0, plan(2, 1), executor=1)


def test_progress_counts_items_and_failures():
    calls = []
    run_chunks(
        work.draw,
        PAYLOAD,
        CHUNKS,
        progress=lambda *state: calls.append(state),
        count_failed=lambda arrays: int(np.sum(arrays["index"] < 7)),
    )
    assert calls[-1][:3] == (23, 23, 7)
    assert len(calls) <= len(CHUNKS)


def test_no_chunks_give_no_results():
    assert run_chunks(work.draw, PAYLOAD, ()) == []
    assert run_chunks(work.draw, PAYLOAD, (), executor=2) == []


PROGRAM = """
import signal
import sys
from tests.execution import work
from wilks.execution.chunks import plan
from wilks.execution.executors import run_chunks
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        run_chunks(work.wait_long, sys.argv[1], plan(2, 1), executor=2)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_an_interrupted_run(number, tmp_path, pytestconfig):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    started = tmp_path / "started"
    started.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)}
    with subprocess.Popen([sys.executable, script, started], env=environment, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(list(started.iterdir())) == 2)
        process.send_signal(number)
        assert process.wait(30) == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    wait_until(lambda: not any(is_alive(int(path.name)) for path in started.iterdir()))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)

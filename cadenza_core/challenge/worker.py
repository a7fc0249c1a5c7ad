"""A worker process: takes pickled tasks from standard input and gives pickled outcomes back on standard output.

It is started by `pool`, ends when its input does (the program that started it has ended, however), and leaves Ctrl-C to that.
"""

import contextlib
import os
import pickle
import queue
import signal
import sys
import threading

from .tasks import Outcome, Task, perform

__all__ = ["main"]


def main() -> None:
    """Work until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(AttributeError, OSError, ValueError):
        os.nice(int(os.environ.get("CADENZA_NICE", "0")))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not come between the answers
    tasks: queue.SimpleQueue[Task | Exception] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    _answer(answers, "ready")
    while True:
        task = tasks.get()
        if isinstance(task, Exception):
            _answer(answers, Outcome("unfit", {}, f"the worker cannot read its task ({type(task).__name__}: {task})"))
        else:
            _answer(answers, perform(task))


def _answer(answers: object, what: object) -> None:
    try:
        pickle.dump(what, answers)  # type: ignore[arg-type]
        answers.flush()  # type: ignore[attr-defined]
    except OSError:  # nobody is there any more
        os._exit(1)


def _listen(tasks: "queue.SimpleQueue[Task | Exception]") -> None:
    """Take tasks; end the process at once when nobody is there to give any, whatever it is at."""
    while True:
        try:
            tasks.put(pickle.load(sys.stdin.buffer))
        except (EOFError, OSError):
            os._exit(0)
        except Exception as error:
            tasks.put(error)


if __name__ == "__main__":
    main()

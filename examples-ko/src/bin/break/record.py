# IPC_TIMELINE이 있으면 python.rs가 쌍둥이의 앞에 붙입니다. 락과 세마포어를 기다리고 쥔 때를 Rust 쪽과 같은 형식으로 적습니다.
# 파이썬에는 기록하는 기능이 없으므로 multiprocessing의 메서드를 감쌉니다.

import json
import multiprocessing.process
import multiprocessing.synchronize
import os
import threading
import time

record = os.open(os.environ["IPC_TIMELINE"], os.O_WRONLY | os.O_APPEND)
Process = multiprocessing.process.BaseProcess
SemLock = multiprocessing.synchronize.SemLock
make_methods, run, join = SemLock._make_methods, Process.run, Process.join


def note(what, kind, object, places, start, end):
    target = getattr(multiprocessing.process.current_process(), "_target", None)
    span = {
        "pid": os.getpid(),
        "thread": threading.get_native_id(),
        "task": "파이썬 " + (target.__name__ if target else "main"),
        "kind": kind,
        "what": what,
        "object": object,
        "places": places,
        "start": start,
        "end": end,
    }
    os.write(record, (json.dumps(span) + "\n").encode())


class Span:
    def __init__(self, *span):
        self.span, self.start = span, time.monotonic_ns()
        note(*self.span, self.start, None)

    def end(self):
        note(*self.span, self.start, time.monotonic_ns())


def recorded_methods(lock):
    make_methods(lock)
    kind = {multiprocessing.synchronize.Lock: "lock", multiprocessing.synchronize.Semaphore: "semaphore"}.get(type(lock))
    places = lock._semlock._get_value()
    if kind is None or places == 0:
        return  # 큐와 풀이 신호로만 쓰는 것은 쥐는 것이 아닙니다.
    handle, held = lock._semlock.handle, []

    def acquire(*args, **kwargs):
        wait = Span("wait", kind, handle, places)
        acquired = lock._semlock.acquire(*args, **kwargs)
        wait.end()
        if acquired:
            held.append(Span("hold", kind, handle, places))
        return acquired

    def release():
        if held:
            held.pop().end()
        lock._semlock.release()

    lock.acquire, lock.release = acquire, release


def recorded_run(process):
    life = Span("run", "process", os.getpid(), 0)
    run(process)
    life.end()


def recorded_join(process, timeout=None):
    wait = Span("wait", "process", process.pid, 0)
    join(process, timeout)
    wait.end()
    if process.exitcode is not None:
        now = time.monotonic_ns()
        end = {"pid": process.pid, "thread": process.pid, "task": "", "kind": "process", "what": "end"}
        end |= {"object": process.pid, "places": 0, "start": now, "end": now}
        os.write(record, (json.dumps(end) + "\n").encode())


SemLock._make_methods = recorded_methods
SemLock.__enter__ = lambda lock: lock.acquire()
SemLock.__exit__ = lambda lock, *_: lock.release()
Process.run, Process.join = recorded_run, recorded_join
Span("run", "process", os.getpid(), 0)

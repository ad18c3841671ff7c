"""같은 일을 CPython의 multiprocessing으로 합니다. compare가 실행합니다.

사용법: python.py [--quick] [--processes N] 항목 ...
항목마다 {"row": 이름, "ns": 항목 하나의 나노초} 한 줄을 출력합니다. 결과가 틀리면 예외로 끝납니다.
자식은 가장 빠른 방법인 fork로 시작합니다.
"""

import argparse
import json
import math
import multiprocessing
import os
import platform
import time

mp = multiprocessing.get_context("fork")
now = time.perf_counter_ns  # CLOCK_MONOTONIC이어서 프로세스마다 같은 시계입니다.
MEBIBYTE = 1024 * 1024


def check(value, expected):
    if value != expected:
        raise SystemExit(f"{expected!r}이어야 하는데 {value!r}입니다")


def each(count, work):
    """work를 count번 되풀이했을 때, 한 번의 나노초."""
    start = now()
    for n in range(count):
        work(n)
    return (now() - start) / count


def together(tasks):
    """(함수, 인수)마다 자식을 시작해, 모두 모이면 함께 일하게 합니다. 전체 시간과 반환값들을 냅니다."""
    gate, inbox = mp.Barrier(len(tasks)), mp.SimpleQueue()
    children = [mp.Process(target=at_gate, args=(gate, inbox, *task)) for task in tasks]
    for child in children:
        child.start()
    starts, ends, values = zip(*(inbox.get() for _ in children))
    for child in children:
        child.join()
        check(child.exitcode, 0)
    return max(ends) - min(starts), values


def at_gate(gate, inbox, work, args):
    gate.wait()
    start = now()
    value = work(*args)
    inbox.put((start, now(), value))


# 항목들. size(n)은 --quick이면 n을 줄입니다.


def process(size):
    def start_and_join(_):
        child = mp.Process(target=nothing)
        child.start()
        child.join()
        check(child.exitcode, 0)

    return each(size(100), start_and_join)


def nothing():
    pass


def lock(size):
    times, guard, counter = size(200_000), mp.Lock(), mp.Value("q", 0, lock=False)
    start = now()
    add(guard, counter, times)
    span = now() - start
    check(counter.value, times)
    return span / times


def lock_4(size):
    # 수업처럼 Value를 그대로 씁니다. Value에도 락이 하나 더 있습니다.
    times, guard, counter = size(100_000), mp.Lock(), mp.Value("i", 0)
    span, _ = together([(add, (guard, counter, times))] * 4)
    check(counter.value, 4 * times)
    return span / (4 * times)


def add(guard, counter, times):
    for _ in range(times):
        with guard:
            counter.value += 1


def semaphore(size):
    doors = mp.Semaphore(2)

    def enter_and_leave(_):
        doors.acquire()
        doors.release()

    span = each(size(500_000), enter_and_leave)
    check(doors.get_value(), 2)
    return span


def queue(size):
    return queue_numbers(1, size(100_000))


def queue_2_2(size):
    return queue_numbers(2, size(100_000))


def queue_numbers(sides, count):
    line, share = mp.Queue(), count // sides
    span, values = together([(produce, (line, share)), (consume, (line, share))] * sides)
    check(sum(values), sides * sum(range(share)))
    return span / (sides * share)


def produce(line, share):
    for n in range(share):
        line.put(n)
    return 0


def consume(line, share):
    return sum(line.get() for _ in range(share))


def queue_1mib(size):
    line, count = mp.Queue(3), size(100)
    span, values = together([(produce_large, (line, count)), (consume_large, (line, count))])
    check(sum(values), sum(n % 256 for n in range(count)))
    return span / count


def produce_large(line, count):
    for n in range(count):
        line.put(bytes([n % 256]) * MEBIBYTE)
    return 0


def consume_large(line, count):
    total = 0
    for _ in range(count):
        item = line.get()
        check(len(item), MEBIBYTE)
        total += item[-1]
    return total


def pipe(size):
    receiver, sender = mp.Pipe(duplex=False)
    count = size(50_000)
    span, _ = together([(receive_all, (receiver, count)), (send_all, (sender, count))])
    return span / count


def receive_all(receiver, count):
    for n in range(count):
        check(receiver.recv(), n)


def send_all(sender, count):
    for n in range(count):
        sender.send(n)


def ping_pong(size):
    ours, theirs = mp.Pipe()
    count = size(5_000)
    child = mp.Process(target=echo, args=(theirs, count + 1))
    child.start()

    def trip(n):
        ours.send(n)
        check(ours.recv(), n + 1)

    trip(0)
    span = each(count, trip)
    child.join()
    check(child.exitcode, 0)
    return span


def echo(end, count):
    for _ in range(count):
        end.send(end.recv() + 1)


def factorials(size):
    numbers = size(12_000)
    start = now()
    with mp.Pool(PROCESSES) as pool:
        values = pool.map(math.factorial, range(numbers), chunksize=16)
    span = now() - start
    log = 0.0
    check(len(values), numbers)
    for n, value in enumerate(values):
        log += math.log2(max(n, 1))
        check(value.bit_length(), math.floor(log) + 1)
    return span


def square(number):
    return number * number


def warm_pool():
    """작업자 넷이 시작을 마친 풀."""
    pool = mp.Pool(4)
    pool.map(time.sleep, [0.005] * 16, chunksize=1)
    return pool


def squares(size):
    count = size(1_000_000)
    with warm_pool() as pool:
        start = now()
        values = pool.map(square, range(count))
        span = now() - start
    check(values, [n * n for n in range(count)])
    return span / count


def imap(size):
    count = size(20_000)
    with warm_pool() as pool:
        start = now()
        total = sum(pool.imap_unordered(square, range(count)))
        span = now() - start
    check(total, sum(n * n for n in range(count)))
    return span / count


def apply(size):
    with warm_pool() as pool:
        return each(size(2_000), lambda n: check(pool.apply(square, (n,)), n * n))


def pool_start(_):
    def start_to_end(_):
        with mp.Pool(4) as pool:
            check(pool.map(square, range(10)), [n * n for n in range(10)])

    return each(3, start_to_end)


ROWS = {
    "process": process,
    "lock": lock,
    "lock-4": lock_4,
    "semaphore": semaphore,
    "queue": queue,
    "queue-2-2": queue_2_2,
    "queue-1mib": queue_1mib,
    "pipe": pipe,
    "ping-pong": ping_pong,
    "factorials": factorials,
    "squares": squares,
    "imap": imap,
    "apply": apply,
    "pool": pool_start,
}


def main():
    global PROCESSES
    version = f"{platform.python_implementation()} {platform.python_version()}(fork)"
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("rows", nargs="*", choices=ROWS)
    options = parser.parse_args()
    PROCESSES = options.processes

    def size(full):
        return max(full // 10, 1) if options.quick else full

    for name in options.rows:
        print(json.dumps({"row": name, "ns": ROWS[name](size)}), flush=True)


if __name__ == "__main__":
    main()

# 11.1 스레드와 프로세스: 파이썬에서는 무엇이 다른지 봅니다
#
# 옆의 ../src/bin/threads-vs-processes.rs와 같은 일을 훨씬 작은 수로 합니다. GIL이 있는 파이썬에서는 스레드로 나누어도
# 빨라지지 않습니다.
#
# 실행: just py threads-vs-processes
# 마지막 줄: 프로세스  main이 보는 값은 0

import multiprocessing
import time
from multiprocessing.pool import ThreadPool

BLOCK_SIZE = 50_000
counter = 0


def count_primes(block):
    numbers = range(max(2, block * BLOCK_SIZE), (block + 1) * BLOCK_SIZE)
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in numbers)


def raise_counter():
    global counter
    for _ in range(1000):
        counter += 1


if __name__ == "__main__":
    blocks = range(8)
    start = time.time()
    results = [count_primes(block) for block in blocks]
    print(f"차례로      {time.time() - start:.2f}초, 소수 {sum(results)}개")

    start = time.time()
    # ANCHOR: speed
    # ① GIL이 있으면 빨라지지 않습니다.
    with ThreadPool(4) as pool:
        results = pool.map(count_primes, blocks)
    print(f"스레드로    {time.time() - start:.2f}초, 소수 {sum(results)}개")

    start = time.time()
    # ② 코어가 여럿이면 빨라집니다.
    with multiprocessing.Pool(4) as pool:
        results = pool.map(count_primes, blocks)
    # ANCHOR_END: speed
    print(f"프로세스로  {time.time() - start:.2f}초, 소수 {sum(results)}개")

    # ANCHOR: memory
    p = multiprocessing.Process(target=raise_counter)  # ①
    p.start()
    p.join()
    # ② 자식이 증가시킨 것은 자식의 변수입니다.
    print(f"프로세스  main이 보는 값은 {counter}")
    # ANCHOR_END: memory

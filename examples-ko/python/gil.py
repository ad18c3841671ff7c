# 11.1 GIL: 같은 계산을 차례로, 스레드로, 프로세스로 하고 시간을 비교합니다.

import multiprocessing
import time
from multiprocessing.pool import ThreadPool

def is_prime(number):
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))

def count_primes(block):
    return sum(map(is_prime, range(block * 20_000, (block + 1) * 20_000)))

def timed(name, count):
    start = time.perf_counter()
    count(count_primes, range(8))
    print(f"{name} {time.perf_counter() - start:.2f}초")

if __name__ == "__main__":
    timed("차례로    ", lambda f, blocks: list(map(f, blocks)))
    with ThreadPool(4) as pool:
        timed("스레드로  ", pool.map)
    with multiprocessing.Pool(4) as pool:
        timed("프로세스로", pool.map)

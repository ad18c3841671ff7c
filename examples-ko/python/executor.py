# 11.3 작업자가 죽으면: ProcessPoolExecutor는 바로 예외를 냅니다.

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

def calculate_square(number):
    if number == 7:
        os.abort()
    return number * number

if __name__ == "__main__":
    with ProcessPoolExecutor(4) as pool:
        try:
            print(list(pool.map(calculate_square, range(10))))
        except BrokenProcessPool:
            print("BrokenProcessPool")
        try:
            print(list(pool.map(calculate_square, range(5))))
        except BrokenProcessPool:
            print("다시 호출해도 BrokenProcessPool")

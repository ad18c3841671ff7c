# 11.3 작업자가 죽으면: Pool은 죽은 작업자의 결과를 영원히 기다립니다. 끝나지 않으므로 Ctrl-C를 누르십시오.

import multiprocessing
import os

def calculate_square(number):
    if number == 7:
        os.abort()
    return number * number

if __name__ == "__main__":
    with multiprocessing.Pool(processes=4) as pool:
        print(pool.map(calculate_square, range(10)))

# 11.2 팩토리얼: 프로세스 하나로, 그리고 다섯이 나누어 구합니다
#
# 옆의 ../src/bin/factorial.rs와 같은 일을 파이썬으로 합니다. 오래 걸리므로 숫자 4,000개만 구합니다.
# 12,000개를 구하려면 개수를 적습니다: python3 examples-ko/python/factorial.py 12000
#
# 실행: just py factorial
# 마지막 줄: --- 팩토리얼 예제 종료 ---

import math
import multiprocessing
import sys
import time

if __name__ == "__main__":
    print("--- 팩토리얼 예제 시작 ---")
    numbers = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(f"0부터 {numbers - 1}까지, 숫자 {numbers}개의 팩토리얼을 구합니다.")

    start = time.time()
    alone = [math.factorial(number) for number in range(numbers)]
    print(f"혼자서: {time.time() - start:.2f}초")

    start = time.time()
    # ANCHOR: pool
    with multiprocessing.Pool(processes=5) as pool:  # ①
        # ② 결과를 모두 모아 한꺼번에 반환합니다.
        together = pool.map(math.factorial, range(numbers))
    # ANCHOR_END: pool
    print(f"프로세스 5개로: {time.time() - start:.2f}초")

    bits = sum(number.bit_length() for number in together)
    same = "같습니다" if alone == together else "다릅니다"
    print(f"두 결과는 {same}. 모두 {bits}비트, 약 {bits / 8e6:.1f}MB입니다.")
    print("--- 팩토리얼 예제 종료 ---")

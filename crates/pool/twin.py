# 11.3 Pool: 네 프로세스가 제곱을 나누어 계산합니다
#
# 옆의 src/main.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 이름과 출력은 수업과 같습니다.
#
# 실행: python3 crates/pool/twin.py 또는 just py pool
# 마지막 줄: --- Pool 예제 종료 ---

import multiprocessing
import time


def calculate_square(number):
    # ① 작업자가 숫자마다 호출합니다. 이름으로 찾으므로
    # 함수를 파일의 맨 바깥에 둡니다.
    return number * number


if __name__ == "__main__":
    # 자식이 이 파일을 다시 읽어도(spawn, forkserver) 여기부터는 실행하지 않습니다.
    print("--- Pool 예제 시작 ---")
    numbers = range(10)
    start_time = time.time()

    # ANCHOR: map
    # ① 블록을 나가면 작업자들도 끝납니다.
    with multiprocessing.Pool(processes=4) as pool:
        results = pool.map(calculate_square, numbers)  # ②
    # ANCHOR_END: map

    print(f"결과: {results}")
    print(f"총 실행 시간: {time.time() - start_time:.4f} 초")
    print("--- Pool 예제 종료 ---")

# 11.7 Lock: 네 프로세스가 카운터 하나를 증가시킵니다
#
# 옆의 src/main.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 이름과 출력은 수업과 같습니다.
#
# 실행: python3 crates/lock/twin.py 또는 just py lock
# 마지막 줄: --- Lock 예제 종료 ---

import multiprocessing
import os


def increment_shared_counter(counter, lock):
    print(f"Process ID: {os.getpid()} - 카운터 증가 시작")
    for _ in range(100_000):
        lock.acquire()  # ①
        try:
            # ② 읽고, 더하고, 쓰는 여러 단계입니다.
            counter.value += 1
        finally:
            # ③ 예외가 나도 해제합니다.
            lock.release()
    print(f"Process ID: {os.getpid()} - 카운터 증가 완료")


if __name__ == "__main__":
    # 자식이 이 파일을 다시 읽어도(spawn, forkserver) 여기부터는 실행하지 않습니다.
    print("--- Lock 예제 시작 ---")

    # ANCHOR: shared
    # ① "i"는 C의 int(32비트)입니다.
    shared_counter = multiprocessing.Value("i", 0)
    lock = multiprocessing.Lock()
    num_processes = 4

    processes = []
    for _ in range(num_processes):
        # ② 값과 락을 모두 건넵니다.
        p = multiprocessing.Process(
            target=increment_shared_counter,
            args=(shared_counter, lock),
        )
        p.start()
        processes.append(p)
    for p in processes:
        p.join()  # ③
    # ANCHOR_END: shared

    print(f"최종 카운터 값: {shared_counter.value}")
    print("--- Lock 예제 종료 ---")

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
        lock.acquire()
        try:
            counter.value += 1  # 읽고, 더하고, 쓰는 여러 단계입니다. 락이 있어야 다른 프로세스가 끼어들지 못합니다.
        finally:
            lock.release()  # 예외가 나도 해제합니다. with lock: 한 줄로 줄여 적을 수 있습니다.
    print(f"Process ID: {os.getpid()} - 카운터 증가 완료")


if __name__ == "__main__":
    # 자식이 이 파일을 다시 읽어도(spawn, forkserver) 여기부터는 실행하지 않습니다.
    print("--- Lock 예제 시작 ---")

    # ANCHOR: shared
    shared_counter = multiprocessing.Value("i", 0)  # "i"는 C의 int(32비트)
    lock = multiprocessing.Lock()
    num_processes = 4

    processes = []
    for _ in range(num_processes):
        p = multiprocessing.Process(target=increment_shared_counter, args=(shared_counter, lock))
        p.start()
        processes.append(p)
    for p in processes:
        p.join()
    # ANCHOR_END: shared

    print(f"최종 카운터 값: {shared_counter.value}")
    print("--- Lock 예제 종료 ---")

# 11.8 Semaphore: 여섯 프로세스가 두 자리를 번갈아 씁니다
#
# 옆의 src/main.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 이름과 출력은 수업과 같습니다.
#
# 실행: python3 crates/semaphore/twin.py 또는 just py semaphore
# 마지막 줄: --- Semaphore 예제 종료 ---

import multiprocessing
import os
import time


def worker_with_semaphore(semaphore, worker_id):
    print(f"Process ID: {os.getpid()} - Worker {worker_id} 대기 중...")
    semaphore.acquire()  # ①
    try:
        # 아래의 2는 글자입니다. 자리를 바꾸어도
        # 따라 바뀌지 않습니다.
        print(f"Process ID: {os.getpid()} - Worker {worker_id} 작업 시작! (동시 실행 가능 수: 2)")
        time.sleep(2)  # ②
        print(f"Process ID: {os.getpid()} - Worker {worker_id} 작업 완료!")
    finally:
        # ③ 예외가 나도 자리를 반납합니다.
        # 프로세스가 죽으면 이 줄도 실행되지 않습니다.
        semaphore.release()


if __name__ == "__main__":
    # 자식이 이 파일을 다시 읽어도(spawn, forkserver) 여기부터는 실행하지 않습니다.
    print("--- Semaphore 예제 시작 ---")

    # ANCHOR: spawn
    semaphore = multiprocessing.Semaphore(2)  # ①
    num_workers = 6

    processes = []
    for worker_id in range(1, num_workers + 1):
        # ② 자리는 여섯이 함께 씁니다.
        p = multiprocessing.Process(
            target=worker_with_semaphore,
            args=(semaphore, worker_id),
        )
        p.start()
        processes.append(p)
    for p in processes:
        p.join()  # ③
    # ANCHOR_END: spawn

    print("모든 워커 프로세스 완료. 메인 프로세스 종료.")
    print("--- Semaphore 예제 종료 ---")

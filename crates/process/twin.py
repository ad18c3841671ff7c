# 11.4 Process: 함수 둘을 두 프로세스에서 동시에 실행합니다
#
# 옆의 src/main.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 이름과 출력은 수업과 같습니다.
#
# 실행: python3 crates/process/twin.py 또는 just py process
# 마지막 줄: --- Process 예제 종료 ---

import multiprocessing
import os
import time


def task1():
    print(f"Process ID: {os.getpid()} - Task 1 시작")  # ①
    for i in range(1, 4):
        time.sleep(1)  # ②
        print(f"Process ID: {os.getpid()} - Task 1 진행 중... ({i}/3)")
    print(f"Process ID: {os.getpid()} - Task 1 완료")  # ③


def task2():
    print(f"Process ID: {os.getpid()} - Task 2 시작")
    for i in range(1, 3):
        time.sleep(1.5)
        print(f"Process ID: {os.getpid()} - Task 2 진행 중... ({i}/2)")
    print(f"Process ID: {os.getpid()} - Task 2 완료")


if __name__ == "__main__":
    # 자식이 이 파일을 다시 읽어도(spawn, forkserver) 여기부터는 실행하지 않습니다.
    print("--- Process 예제 시작 ---")

    # ANCHOR: spawn
    # ① 객체만 생깁니다. 프로세스는 start()가 만듭니다.
    p1 = multiprocessing.Process(target=task1)
    p2 = multiprocessing.Process(target=task2)
    p1.start()  # ②
    p2.start()
    # ANCHOR_END: spawn

    # ANCHOR: join
    # ① 자식이 실패했는지는 알려 주지 않습니다.
    # 알려면 p1.exitcode를 봅니다.
    p1.join()
    p2.join()
    # ANCHOR_END: join

    print("모든 프로세스 완료. 메인 프로세스 종료.")
    print("--- Process 예제 종료 ---")

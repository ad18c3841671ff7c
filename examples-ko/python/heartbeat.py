# 11.2 맥박: 계산하는 동안 다른 프로세스가 살아 있음을 알립니다
#
# 옆의 ../src/bin/heartbeat.rs와 같은 일을 파이썬으로 합니다. 간격은 5초이고, 다르게 하려면 초를 적습니다.
#
# 실행: just py heartbeat
# 마지막 줄: --- 맥박 예제 종료 ---

import multiprocessing
import os
import sys
import time


def heartbeat(interval):
    while True:
        time.sleep(interval)  # ①
        # ② 계산이 끝났는지는 모릅니다.
        print(f"Process ID: {os.getpid()} - 아직 계산하고 있습니다.", flush=True)


def compute(span):
    print(f"Process ID: {os.getpid()} - 계산 시작")
    end = time.time() + span
    number = 2
    while time.time() < end:
        number = number * number % 1_000_003  # 오래 걸리기만 하면 무엇이든 좋습니다.
    print(f"Process ID: {os.getpid()} - 계산 완료")


if __name__ == "__main__":
    print("--- 맥박 예제 시작 ---")
    interval = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    # ANCHOR: pulse
    p_heartbeat = multiprocessing.Process(
        target=heartbeat, args=(interval,)
    )
    p_heartbeat.start()  # ①
    compute(interval * 2.5)  # ②
    # ③ 이 줄에 오지 못하면 맥박은 멈추지 않습니다.
    p_heartbeat.terminate()
    # ANCHOR_END: pulse
    p_heartbeat.join()
    print("--- 맥박 예제 종료 ---")

# 11.5 Queue: 생산자 하나와 소비자 둘이 큐로 아이템을 주고받습니다
#
# 옆의 src/main.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 이름과 출력은 수업과 같습니다.
#
# 실행: python3 crates/queue/twin.py 또는 just py queue
# 마지막 줄: --- Queue 예제 종료 ---

import multiprocessing
import os
import time


def producer(queue):
    print(f"Process ID: {os.getpid()} - 생산자 시작")
    for i in range(1, 6):
        item = f"아이템 {i}"
        # ① 보조 스레드에게 맡기고 바로 반환됩니다.
        # 이 프로세스가 곧 죽으면 아이템도 사라집니다.
        queue.put(item)
        print(f"Process ID: {os.getpid()} - {item} 생산 및 큐에 추가")
        time.sleep(0.5)
    queue.put(None)  # ② 더 없다는 종료 신호
    print(f"Process ID: {os.getpid()} - 생산자 완료")


def consumer(queue, name):
    print(f"Process ID: {os.getpid()} - 소비자 {name} 시작")
    while True:
        item = queue.get()  # ①
        if item is None:  # ②
            # ③ 다른 소비자도 볼 수 있게 도로 넣습니다.
            queue.put(None)
            break
        print(f"Process ID: {os.getpid()} - 소비자 {name} - {item} 소비")
        time.sleep(1)
    print(f"Process ID: {os.getpid()} - 소비자 {name} 완료")


if __name__ == "__main__":
    # 자식이 이 파일을 다시 읽어도(spawn, forkserver) 여기부터는 실행하지 않습니다.
    print("--- Queue 예제 시작 ---")

    # ANCHOR: spawn
    q = multiprocessing.Queue()  # ①
    # ② 인수가 하나인 튜플에는 쉼표가 있어야 합니다.
    # (q)는 튜플이 아니라 q입니다.
    p_producer = multiprocessing.Process(target=producer, args=(q,))
    p_consumer1 = multiprocessing.Process(target=consumer, args=(q, "A"))
    p_consumer2 = multiprocessing.Process(target=consumer, args=(q, "B"))
    p_producer.start()
    p_consumer1.start()
    p_consumer2.start()
    # ANCHOR_END: spawn

    p_producer.join()
    p_consumer1.join()
    p_consumer2.join()

    print("모든 프로세스 완료. 메인 프로세스 종료.")
    print("--- Queue 예제 종료 ---")

# 11.5 사라진 아이템: put()이 반환된 바로 다음에 프로세스가 죽으면 아이템도 사라집니다.

import multiprocessing
import os
import queue
import signal

def producer(items):
    items.put("아이템 1")
    os.kill(os.getpid(), signal.SIGKILL)  # put()은 이미 반환되었습니다.

if __name__ == "__main__":
    items = multiprocessing.Queue()
    p = multiprocessing.Process(target=producer, args=(items,))
    p.start()
    p.join()
    try:
        print("꺼낸 것:", items.get(timeout=3))
    except queue.Empty:
        print("꺼낸 것: 없음")

# 11.8 신호: 자리가 0개인 세마포어로 상대의 release()를 기다립니다. 상대가 알리기 전에 죽으면 그것을 알 수 없습니다.

import multiprocessing
import os
import signal

def prepare(ready, dies):
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    ready.release()

if __name__ == "__main__":
    for dies in (False, True):
        ready = multiprocessing.Semaphore(0)
        p = multiprocessing.Process(target=prepare, args=(ready, dies))
        p.start()
        print("상대가 알렸습니까?", ready.acquire(timeout=3))
        p.join()

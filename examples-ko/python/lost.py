# 11.8 사라진 자리: 자리를 쥔 프로세스가 죽으면 그 자리는 반납되지 않습니다.

import multiprocessing
import os
import signal

def worker(semaphore):
    semaphore.acquire()
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    semaphore = multiprocessing.Semaphore(1)
    p = multiprocessing.Process(target=worker, args=(semaphore,))
    p.start()
    p.join()
    print("자리를 얻었습니까?", semaphore.acquire(timeout=3))

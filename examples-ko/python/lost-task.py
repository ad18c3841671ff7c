# 11.5 끝나지 않는 join(): 일을 꺼낸 프로세스가 task_done() 전에 죽으면 join()은 반환되지 않습니다.

import multiprocessing
import os
import signal

def consumer(tasks):
    tasks.get()
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    tasks = multiprocessing.JoinableQueue()
    tasks.put("일 1")
    p = multiprocessing.Process(target=consumer, args=(tasks,))
    p.start()
    p.join()
    print("꺼낸 프로세스의 exitcode:", p.exitcode, flush=True)
    tasks.join()
    print("일이 모두 끝났습니다")

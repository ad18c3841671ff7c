# 11.4 만드는 것과 시작하는 것: 프로세스는 start()를 호출해야 생깁니다.

import multiprocessing

def task1():
    pass

if __name__ == "__main__":
    p1 = multiprocessing.Process(target=task1)
    print("만든 뒤:", p1.pid, multiprocessing.active_children())
    p1.start()
    print("start() 뒤:", p1.pid is not None)
    p1.join()

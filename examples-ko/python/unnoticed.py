# 11.4 알려지지 않는 실패: 자식이 예외로 죽어도 join()은 None입니다. exitcode를 따로 보아야 압니다.

import multiprocessing

def task2():
    raise ValueError("재료가 없습니다")

if __name__ == "__main__":
    p2 = multiprocessing.Process(target=task2)
    p2.start()
    print("join()의 반환값:", p2.join())
    print("exitcode:", p2.exitcode)

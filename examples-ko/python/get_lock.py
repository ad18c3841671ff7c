# 11.7 get_lock: 값에 딸린 락으로도 카운터를 지킬 수 있습니다.

import multiprocessing

def increment(counter):
    for _ in range(10000):
        with counter.get_lock():
            counter.value += 1

if __name__ == "__main__":
    counter = multiprocessing.Value("i", 0)
    processes = [multiprocessing.Process(target=increment, args=(counter,)) for _ in range(4)]
    for p in processes:
        p.start()
    for p in processes:
        p.join()
    print("최종 카운터 값:", counter.value)

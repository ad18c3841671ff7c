# 11.6 if 안에 적은 함수: spawn으로 시작한 자식은 그 함수를 찾지 못합니다.

import multiprocessing

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    conn1, conn2 = multiprocessing.Pipe(duplex=True)

    def worker1(conn):
        conn.send("Worker1 입니다. 안녕!")

    def worker2(conn):
        print("Worker2 받음:", conn.recv())

    p_worker1 = multiprocessing.Process(target=worker1, args=(conn1,))
    p_worker2 = multiprocessing.Process(target=worker2, args=(conn2,))
    p_worker1.start()
    p_worker2.start()
    p_worker1.join()
    p_worker2.join()
    print("모든 프로세스 완료. 메인 프로세스 종료.")

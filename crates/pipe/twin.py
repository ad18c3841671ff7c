# 11.6 Pipe: 단방향으로, 이어서 양방향으로 메시지를 주고받습니다
#
# 옆의 src/main.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 이름과 출력은 수업과 같습니다.
# 이 프로그램은 끝나지 않습니다. 수업의 프로그램에 있는 잘못을 그대로 두었기 때문입니다. 메시지를 다 받은 수신자가
# 오지 않는 EOFError를 기다리므로, 양방향 부분에는 이르지 못합니다.
#
# 실행: just py pipe (제한 시간 뒤에 강제로 끝냅니다)
#       python3 crates/pipe/twin.py로 실행했다면 Ctrl-C를 누르십시오.
# 마지막 줄: 메시지 받음: 데이터

import multiprocessing
import os
import sys
import time

# 강제로 끝낼 때까지의 줄이 모두 보이도록, 출력이 터미널이 아니어도 줄마다 내보냅니다.
sys.stdout.reconfigure(line_buffering=True)


def sender(conn, messages):
    print(f"Process ID: {os.getpid()} - Sender 시작")
    for msg in messages:
        conn.send(msg)  # ①
        print(f"Process ID: {os.getpid()} - 메시지 보냄: {msg}")
        time.sleep(0.5)
    # ② 이 프로세스의 것만 닫힙니다. main의 것은 남습니다.
    conn.close()
    print(f"Process ID: {os.getpid()} - Sender 완료")


def receiver(conn):
    print(f"Process ID: {os.getpid()} - Receiver 시작")
    while True:
        try:
            msg = conn.recv()  # ①
        # ② 보내는 쪽이 하나도 남지 않아야 납니다.
        except EOFError:
            break
        print(f"Process ID: {os.getpid()} - 메시지 받음: {msg}")
        time.sleep(0.7)
    print(f"Process ID: {os.getpid()} - Receiver 완료")


# 수업은 이 두 함수를 if __name__ == "__main__": 안에 적었습니다. 그러면 spawn과 forkserver로 시작한 자식이 찾지 못합니다.
def worker1(conn):
    conn.send("Worker1 입니다. 안녕!")  # ①
    # ② 답이 올 때까지 기다립니다.
    print(f"Process ID: {os.getpid()} - Worker1 받음: {conn.recv()}")
    conn.close()


def worker2(conn):
    # ① 받은 다음에 답합니다.
    print(f"Process ID: {os.getpid()} - Worker2 받음: {conn.recv()}")
    conn.send("Worker2 입니다. 잘 가!")  # ②
    conn.close()


def one_way():
    # ① 이름과 달리 받는 쪽이 parent_conn입니다.
    parent_conn, child_conn = multiprocessing.Pipe(duplex=False)
    messages_to_send = ["안녕", "파이프", "예제", "데이터"]

    # ② 인수는 복사되어 건너갑니다.
    # main에도 child_conn이 열린 채 남아 있습니다.
    p_sender = multiprocessing.Process(target=sender, args=(child_conn, messages_to_send))
    p_receiver = multiprocessing.Process(target=receiver, args=(parent_conn,))
    p_sender.start()
    p_receiver.start()
    p_sender.join()  # ③
    p_receiver.join()  # 여기서 영원히 기다립니다.


def two_way():
    conn1, conn2 = multiprocessing.Pipe(duplex=True)  # ①
    # ② 두 자식에게 하나씩 건넵니다.
    p_worker1 = multiprocessing.Process(target=worker1, args=(conn1,))
    p_worker2 = multiprocessing.Process(target=worker2, args=(conn2,))
    p_worker1.start()
    p_worker2.start()
    p_worker1.join()
    p_worker2.join()


if __name__ == "__main__":
    # 자식이 이 파일을 다시 읽어도(spawn, forkserver) 여기부터는 실행하지 않습니다.
    print("--- Pipe 예제 시작 (단방향) ---")
    one_way()
    print("\n--- Pipe 예제 시작 (양방향) ---")
    two_way()
    print("모든 프로세스 완료. 메인 프로세스 종료.")
    print("--- Pipe 예제 종료 ---")

# 11.5 Queue: 아이템 하나를 들고 다음 것을 꺼내려던 소비자를 죽입니다.
# 옆의 queue.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 따로 실행하려면: python3 queue-twin.py
# 끝나지 않으므로 Ctrl-C를 누르십시오.

import multiprocessing
import os
import time

# 수업 당시 리눅스의 기본 시작 방식입니다. 3.14부터는 기본이 아니므로 직접 적습니다.
# spawn은 소스 파일을 다시 읽는데, break는 이 소스를 파일이 아닌 -c로 건네므로 쓸 수 없습니다.
ctx = multiprocessing.get_context("fork")


def say(who, text):
    print(f"Process ID: {os.getpid()} - {who}: {text}", flush=True)


def put(queue, number):
    queue.put(f"아이템 {number}")
    say("부모", f"아이템 {number}, 큐에 추가")


def wait_asleep(pid):
    """프로세스가 커널 안에서 잠들 때까지 기다립니다."""
    while True:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            if stat.read().rpartition(") ")[2].startswith("S"):
                return
        time.sleep(0.001)


def consumer_a(queue, report):
    item = queue.get()
    say("소비자 A", f"{item}, 꺼냄. 들고서 get()을 다시 호출합니다.")
    report.send(None)
    queue.get()  # 여기서 죽습니다. 읽기 락을 쥐고 있습니다.


def consumer_b(queue):
    say("소비자 B", "get()을 호출합니다.")
    for _ in range(2):
        say("소비자 B", f"{queue.get()}, 꺼냄")


if __name__ == "__main__":
    queue = ctx.Queue()
    put(queue, 1)
    moment, report = ctx.Pipe(duplex=False)
    p_a = ctx.Process(target=consumer_a, args=(queue, report))
    p_a.start()
    moment.recv()  # A가 아이템 1을 들고 있습니다.
    wait_asleep(p_a.pid)  # 이제 get() 안에서 다음 것을 기다립니다.

    say("부모", f"소비자 A(PID {p_a.pid})에 SIGKILL을 보냅니다.")
    p_a.kill()
    p_a.join()
    put(queue, 2)
    put(queue, 3)
    p_b = ctx.Process(target=consumer_b, args=(queue,))
    p_b.start()
    p_b.join()
    say("부모", "모든 프로세스 완료. 메인 프로세스 종료.")

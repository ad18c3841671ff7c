# 11.8 Semaphore: 두 자리의 허가를 쥔 두 프로세스를 죽입니다.
# 옆의 semaphore.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 따로 실행하려면: python3 semaphore-twin.py
# 끝나지 않으므로 Ctrl-C를 누르십시오.

import multiprocessing
import os
import signal

# 수업 당시 리눅스의 기본 시작 방식입니다. 3.14부터는 기본이 아니므로 직접 적습니다.
# spawn은 소스 파일을 다시 읽는데, break는 이 소스를 파일이 아닌 -c로 건네므로 쓸 수 없습니다.
ctx = multiprocessing.get_context("fork")


def say(who, text):
    print(f"Process ID: {os.getpid()} - {who}: {text}", flush=True)


def holder(semaphore, worker_id, report):
    semaphore.acquire()
    say(f"Worker {worker_id}", "허가를 얻어 들어갔습니다.")
    report.send(None)
    signal.pause()  # 여기서 죽습니다.


def waiter(semaphore, calling):
    say("Worker 3", "acquire()를 호출합니다.")
    calling.send(None)
    semaphore.acquire()
    say("Worker 3", "들어갔습니다.")
    semaphore.release()


if __name__ == "__main__":
    semaphore = ctx.Semaphore(2)
    moment, report = ctx.Pipe(duplex=False)
    holders = []
    for worker_id in (1, 2):
        p_holder = ctx.Process(target=holder, args=(semaphore, worker_id, report))
        p_holder.start()
        holders.append(p_holder)
        moment.recv()  # 허가를 쥐고 있습니다.
    p_waiter = ctx.Process(target=waiter, args=(semaphore, report))
    p_waiter.start()
    moment.recv()

    for worker_id, p_holder in enumerate(holders, 1):
        say("부모", f"Worker {worker_id}(PID {p_holder.pid})에 SIGKILL을 보냅니다.")
        p_holder.kill()
        p_holder.join()
    say("부모", "두 자리에 아무도 없습니다. Worker 3을 기다립니다.")
    p_waiter.join()
    say("부모", "모든 프로세스 완료. 메인 프로세스 종료.")

# 11.3 Pool: 항목 하나를 계산하던 작업자를 죽입니다.
# 옆의 pool.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 따로 실행하려면: python3 pool-twin.py
# 끝나지 않으므로 Ctrl-C를 누르십시오.

import multiprocessing
import os
import signal

# 수업 당시 리눅스의 기본 시작 방식입니다. 3.14부터는 기본이 아니므로 직접 적습니다.
# spawn은 소스 파일을 다시 읽는데, break는 이 소스를 파일이 아닌 -c로 건네므로 쓸 수 없습니다.
ctx = multiprocessing.get_context("fork")


def say(who, text):
    print(f"Process ID: {os.getpid()} - {who}: {text}", flush=True)


started, report = ctx.Pipe(duplex=False)  # fork이므로 자식들이 물려받습니다.


def square(n):
    if n == 5:
        say("작업자", "5를 계산하기 시작했습니다.")
        report.send(os.getpid())
        signal.pause()  # 여기서 죽습니다.
    return n * n


def killer():
    worker = started.recv()  # 5를 계산하고 있습니다.
    say("죽이는 쪽", f"작업자(PID {worker})에 SIGKILL을 보냅니다.")
    os.kill(worker, signal.SIGKILL)


if __name__ == "__main__":
    # map은 결과를 기다리므로 죽이는 일은 다른 프로세스가 합니다.
    p_killer = ctx.Process(target=killer)
    p_killer.start()
    with ctx.Pool(4) as pool:
        say("부모", "map()을 호출합니다.")
        results = pool.map(square, range(10))
        say("부모", f"결과: {results}")
    p_killer.join()

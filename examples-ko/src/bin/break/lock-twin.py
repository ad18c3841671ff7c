# 11.7 Lock: 락을 쥐고 값을 반쯤 바꾼 프로세스를 죽입니다.
# 옆의 lock.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 따로 실행하려면: python3 lock-twin.py
# 끝나지 않으므로 Ctrl-C를 누르십시오.

import multiprocessing
import os
import signal

# 수업 당시 리눅스의 기본 시작 방식입니다. 3.14부터는 기본이 아니므로 직접 적습니다.
# spawn은 소스 파일을 다시 읽는데, break는 이 소스를 파일이 아닌 -c로 건네므로 쓸 수 없습니다.
ctx = multiprocessing.get_context("fork")


def say(who, text):
    print(f"Process ID: {os.getpid()} - {who}: {text}", flush=True)


def holder(lock, accounts, report):
    lock.acquire()
    accounts[0] -= 30
    say("쥔 쪽", f"락을 쥐고 30을 뺐습니다. 값은 {accounts[:]}입니다.")
    report.send(None)
    signal.pause()  # 여기서 죽습니다.


def next_holder(lock, accounts, calling):
    say("다음 차례", "acquire()를 호출합니다.")
    calling.send(None)
    lock.acquire()
    say("다음 차례", f"락을 획득했습니다. 값은 {accounts[:]}입니다.")
    lock.release()


if __name__ == "__main__":
    lock = ctx.Lock()
    accounts = ctx.Array("i", [100, 0], lock=False)
    moment, report = ctx.Pipe(duplex=False)
    p_holder = ctx.Process(target=holder, args=(lock, accounts, report))
    p_holder.start()
    moment.recv()  # 이제 락을 쥐고 있습니다.
    p_next = ctx.Process(target=next_holder, args=(lock, accounts, report))
    p_next.start()
    moment.recv()

    say("부모", f"쥔 쪽(PID {p_holder.pid})에 SIGKILL을 보냅니다.")
    p_holder.kill()
    p_holder.join()
    say("부모", f"쥔 쪽은 끝났고(exitcode {p_holder.exitcode}), 다음 차례를 기다립니다.")
    p_next.join()
    say("부모", "모든 프로세스 완료. 메인 프로세스 종료.")

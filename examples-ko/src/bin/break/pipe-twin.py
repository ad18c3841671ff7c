# 11.6 Pipe: 메시지 하나를 보낸 송신자를 죽입니다.
# 옆의 pipe.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 따로 실행하려면: python3 pipe-twin.py
# 끝나지 않으므로 Ctrl-C를 누르십시오.

import multiprocessing
import os
import signal

# 수업 당시 리눅스의 기본 시작 방식입니다. 3.14부터는 기본이 아니므로 직접 적습니다.
# spawn은 소스 파일을 다시 읽는데, break는 이 소스를 파일이 아닌 -c로 건네므로 쓸 수 없습니다.
ctx = multiprocessing.get_context("fork")


def say(who, text):
    print(f"Process ID: {os.getpid()} - {who}: {text}", flush=True)


def sender(conn):
    say("송신자", "메시지 보냄: 안녕")
    conn.send("안녕")
    signal.pause()  # 다음 메시지를 준비하는 동안 죽습니다.


def receiver(conn, report):
    while True:
        try:
            message = conn.recv()
        except EOFError:
            say("수신자", "EOFError를 받았습니다.")
            return
        say("수신자", f"메시지 받음: {message}. 다음을 기다립니다.")
        report.send(None)


if __name__ == "__main__":
    # 수업의 프로그램처럼, 건넨 쪽을 부모가 닫지 않습니다. fork에서는 수신자도 보내는 쪽을 물려받습니다.
    parent_conn, child_conn = ctx.Pipe(duplex=False)
    moment, report = ctx.Pipe(duplex=False)
    p_sender = ctx.Process(target=sender, args=(child_conn,))
    p_receiver = ctx.Process(target=receiver, args=(parent_conn, report))
    p_sender.start()
    p_receiver.start()
    moment.recv()  # 첫 메시지가 전해졌습니다.

    say("부모", f"송신자(PID {p_sender.pid})에 SIGKILL을 보냅니다.")
    p_sender.kill()
    p_sender.join()
    say("부모", f"송신자는 끝났고(exitcode {p_sender.exitcode}), 수신자를 기다립니다.")
    p_receiver.join()
    say("부모", "모든 프로세스 완료. 메인 프로세스 종료.")

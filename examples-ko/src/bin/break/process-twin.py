# 11.4 Process: 맡은 계산을 하던 자식을 죽입니다.
# 옆의 process.rs와 같은 일을 파이썬의 multiprocessing으로 합니다. 따로 실행하려면: python3 process-twin.py
# 아무 일도 없었던 것처럼 종료 코드 0으로 끝납니다.

import multiprocessing
import os
import signal

# 수업 당시 리눅스의 기본 시작 방식입니다. 3.14부터는 기본이 아니므로 직접 적습니다.
# spawn은 소스 파일을 다시 읽는데, break는 이 소스를 파일이 아닌 -c로 건네므로 쓸 수 없습니다.
ctx = multiprocessing.get_context("fork")


def say(who, text):
    print(f"Process ID: {os.getpid()} - {who}: {text}", flush=True)


def task(report):
    say("자식", "일을 시작했습니다.")
    report.send(None)
    signal.pause()  # 여기서 죽습니다.


if __name__ == "__main__":
    moment, report = ctx.Pipe(duplex=False)
    child = ctx.Process(target=task, args=(report,))
    child.start()
    moment.recv()  # 자식이 일을 시작했습니다.

    say("부모", f"자식(PID {child.pid})에 SIGKILL을 보냅니다.")
    child.kill()
    say("부모", f"join()이 반환한 것: {child.join()}. 예외도 없습니다.")
    say("부모", f"exitcode를 따로 들여다보아야 {child.exitcode}임을 압니다. 수업은 보지 않습니다.")
    say("부모", "모든 프로세스 완료. 메인 프로세스 종료.")

# 11.6 EOF가 오지 않는 이유: main이 보내는 쪽을 닫지 않아 끝나지 않습니다. Ctrl-C를 누르십시오.

import multiprocessing

def sender(conn):
    conn.send("안녕")
    conn.close()

def receiver(conn):
    try:
        while True:
            print("받음:", conn.recv(), flush=True)
    except EOFError:
        print("EOF가 왔습니다", flush=True)

if __name__ == "__main__":
    parent_conn, child_conn = multiprocessing.Pipe(duplex=False)
    p_sender = multiprocessing.Process(target=sender, args=(child_conn,))
    p_receiver = multiprocessing.Process(target=receiver, args=(parent_conn,))
    p_sender.start()
    p_receiver.start()
    p_sender.join()
    p_receiver.join()

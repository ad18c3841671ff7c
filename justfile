# 여기의 명령은 모두 cargo로도 할 수 있습니다. just가 없어도 됩니다(README.md).
# just 1.21(우분투 24.04)부터 동작하도록, 그 뒤에 생긴 기능은 쓰지 않습니다.

# 명령에 준 인수를 "$@"로 받습니다. 빈칸이 든 인수도 나뉘지 않습니다.
set positional-arguments

# just만 치면 목록을 보여 줍니다. just가 PATH에 없어도 되도록 자신의 경로로 실행합니다.
_list:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted --list-heading {{ quote("just 다음에 적을 수 있는 것 (인수는 예제로 넘어갑니다)\n") }}

# 11.1–11.8 모든 예제를 차례로 (1분쯤)
run-all *ARGS:
    @cargo run -- "$@"

# 11.1 스레드와 프로세스: 속도, 메모리, 격리를 비교합니다
run-threads-vs-processes *ARGS:
    @cargo run -p examples-ko --bin threads-vs-processes -- "$@"

# 11.1 두 요리사: 스레드로 요리합니다
run-two-cooks-threads *ARGS:
    @cargo run -p examples-ko --bin two-cooks-threads -- "$@"

# 11.1 두 요리사: 프로세스로 요리합니다
run-two-cooks-processes *ARGS:
    @cargo run -p examples-ko --bin two-cooks-processes -- "$@"

# 11.1 두 요리사를 스레드로, 이어서 프로세스로 실행합니다
run-two-cooks: run-two-cooks-threads run-two-cooks-processes

# 11.2 팩토리얼 12,000개: 프로세스 하나로, 이어서 다섯으로 구합니다
run-factorial *ARGS:
    @cargo run -p examples-ko --bin factorial -- "$@"

# 11.2 계산하는 동안 다른 프로세스가 살아 있다고 알립니다
run-heartbeat *ARGS:
    @cargo run -p examples-ko --bin heartbeat -- "$@"

# 11.3 Pool: 네 프로세스가 제곱을 나누어 계산합니다
run-pool *ARGS:
    @cargo run -p pool -- "$@"

# 11.4 Process: 함수 둘을 두 프로세스에서 동시에 실행합니다
run-process *ARGS:
    @cargo run -p process -- "$@"

# 11.5 Queue: 생산자 하나와 소비자 둘이 큐로 아이템을 주고받습니다
run-queue *ARGS:
    @cargo run -p queue -- "$@"

# 11.5 큐가 보장하는 순서와 보장하지 않는 순서
run-order *ARGS:
    @cargo run -p examples-ko --bin order -- "$@"

# 11.5 꺼내기 전에 조인하면 왜 멈추는가
run-full-queue *ARGS:
    @cargo run -p examples-ko --bin full-queue -- "$@"

# 11.6 Pipe: 단방향으로, 이어서 양방향으로
run-pipe *ARGS:
    @cargo run -p pipe -- "$@"

# 11.6 보내는 쪽이 남아 있으면 왜 종료되지 않는가
run-pipe-end *ARGS:
    @cargo run -p examples-ko --bin pipe-end -- "$@"

# 11.7 Lock: 네 프로세스가 카운터 하나를 400000까지 증가시킵니다
run-lock *ARGS:
    @cargo run -p lock -- "$@"

# 11.7 락이 없으면 갱신이 몇 번 사라지는가
run-no-lock *ARGS:
    @cargo run -p examples-ko --bin no-lock -- "$@"

# 11.8 Semaphore: 여섯 프로세스가 두 자리를 번갈아 씁니다
run-semaphore *ARGS:
    @cargo run -p semaphore -- "$@"

# 11.3–11.8 NAME(pool, process, queue, pipe, lock, semaphore)을 일부러 부수고, Rust와 파이썬에서 무엇이 보이는지 비교합니다
break NAME='' *ARGS='':
    @cargo run -p examples-ko --bin break -- "$@"

# 같은 일을 하는 파이썬 프로그램 NAME(lock 등)을 제한 시간 15초 안에서 실행합니다
py NAME='' *ARGS:
    @sh {{ quote(justfile_directory() / "scripts/py") }} "$@"

# "해 볼 것" 하나를 실행해 되었는지 알려 줍니다. 예: just try 11.7-1
try NAME='' *PROGRAM:
    @sh {{ quote(justfile_directory() / "scripts/try") }} "$@"

# 예제 NAME을 DEST에 작은 작업공간으로 가져갑니다. 예: just copy lock ../my-lock
copy NAME='' DEST='':
    @cd {{ quote(invocation_directory()) }} && sh {{ quote(justfile_directory() / "scripts/copy") }} "$@"

# 모든 테스트
test *ARGS:
    cargo test "$@"

# 죽이고 막고 넘치게 하기를 오래 되풀이합니다 (예: just torture 1 15 --seed 7, just torture --controls)
torture *ARGS:
    @cargo run --release -p tests --bin torture -- "$@"

# 스레드, 커널, 파이썬과 속도를 비교합니다 (예: just compare lock queue, just compare --rounds 11 --json, just compare --growth)
compare *ARGS:
    @cargo run --release -p tests --bin compare -- "$@"

# 서식, 린트, 문서
lint:
    sh .ci/lint

# CI가 하는 일 전부
ci:
    bash .ci/run

# 이 컴퓨터에 무엇이 있고 무엇이 모자라는지
doctor:
    @JUST={{ quote(just_executable()) }} sh scripts/doctor

# 여기의 명령은 모두 cargo로도 할 수 있습니다. just가 없어도 됩니다(README.md).
# just 1.21(우분투 24.04)부터 동작하도록, 그 뒤에 생긴 기능은 쓰지 않습니다.

# 명령에 준 인수를 "$@"로 받습니다. 빈칸이 든 인수도 나뉘지 않습니다.
set positional-arguments

# 실패하면 예제가 한국어로 알리므로 just가 덧붙이는 영어는 빼고([no-exit-message]), 프로젝트를 고칠 때만 쓰는 것은 목록에서
# 뺍니다([private]). 목록은 80칸과 22줄 안에 들어갑니다.

# just만 입력하면 목록을 보여 줍니다. just가 PATH에 없어도 되도록 자신의 경로로 실행합니다.
_list:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted --list-heading {{ quote("just 다음에 적을 수 있는 것 (인수는 예제로 넘어갑니다)\n") }}

# 11.1–11.8 모든 예제를 차례로 (1분쯤)
[no-exit-message]
run-all *ARGS:
    @cargo run -- "$@"

# 11.1 스레드와 프로세스의 속도, 격리
[no-exit-message]
run-threads-vs-processes *ARGS:
    @cargo run -p examples-ko --bin threads-vs-processes -- "$@"

# 11.1 두 요리사: 스레드로
[private, no-exit-message]
run-two-cooks-threads *ARGS:
    @cargo run -p examples-ko --bin two-cooks-threads -- "$@"

# 11.1 두 요리사: 프로세스로
[private, no-exit-message]
run-two-cooks-processes *ARGS:
    @cargo run -p examples-ko --bin two-cooks-processes -- "$@"

# 11.1 두 요리사: 스레드와 프로세스
[no-exit-message]
run-two-cooks *ARGS:
    @cargo run -p examples-ko --bin two-cooks-threads -- "$@"
    @cargo run -p examples-ko --bin two-cooks-processes -- "$@"

# 11.2 팩토리얼 12,000개를 나누어 계산
[no-exit-message]
run-factorial *ARGS:
    @cargo run -p examples-ko --bin factorial -- "$@"

# 11.2 계산하는 동안 살아 있다고 알리기
[private, no-exit-message]
run-heartbeat *ARGS:
    @cargo run -p examples-ko --bin heartbeat -- "$@"

# 11.3 Pool: 제곱을 나누어 계산
[no-exit-message]
run-pool *ARGS:
    @cargo run -p pool -- "$@"

# 11.4 Process: 함수 둘을 동시에
[no-exit-message]
run-process *ARGS:
    @cargo run -p process -- "$@"

# 11.5 Queue: 생산자 하나, 소비자 둘
[no-exit-message]
run-queue *ARGS:
    @cargo run -p queue -- "$@"

# 11.5 큐가 보장하는 순서
[private, no-exit-message]
run-order *ARGS:
    @cargo run -p examples-ko --bin order -- "$@"

# 11.5 꺼내기 전에 조인하면 멈춥니다
[private, no-exit-message]
run-full-queue *ARGS:
    @cargo run -p examples-ko --bin full-queue -- "$@"

# 11.5 진행 상황: 일하는 프로세스가 죽어도 끝나는 반복
[private, no-exit-message]
run-progress *ARGS:
    @cargo run -p examples-ko --bin progress -- "$@"

# 11.6 Pipe: 단방향과 양방향
[no-exit-message]
run-pipe *ARGS:
    @cargo run -p pipe -- "$@"

# 11.6 왜 파이프가 끝나지 않는가
[no-exit-message]
run-pipe-end *ARGS:
    @cargo run -p examples-ko --bin pipe-end -- "$@"

# 11.6 같은 단방향 파이프를 ipc-channel 크레이트로 만듭니다
[private, no-exit-message]
run-ipc-channel-pipe *ARGS:
    @cargo run -p examples-ko --bin ipc-channel-pipe -- "$@"

# 11.7 Lock: 카운터를 400000까지
[no-exit-message]
run-lock *ARGS:
    @cargo run -p lock -- "$@"

# 11.7 락이 없으면 사라지는 갱신
[no-exit-message]
run-no-lock *ARGS:
    @cargo run -p examples-ko --bin no-lock -- "$@"

# 11.7 직접 만든 구조체를 락에 넣어 네 프로세스가 함께 고칩니다
[private, no-exit-message]
run-shared-histogram *ARGS:
    @cargo run -p examples-ko --bin shared-histogram -- "$@"

# 11.7 락이 있어도, 읽을 때와 쓸 때 따로 획득하면 갱신을 잃습니다
[private, no-exit-message]
run-two-acquires *ARGS:
    @cargo run -p examples-ko --bin two-acquires -- "$@"

# 11.7 두 락을 서로 다른 순서로 획득하면 멈춥니다
[private, no-exit-message]
run-two-locks *ARGS:
    @cargo run -p examples-ko --bin two-locks -- "$@"

# 11.8 Semaphore: 여섯이 두 자리를 번갈아
[no-exit-message]
run-semaphore *ARGS:
    @cargo run -p semaphore -- "$@"

# 11.8 신호, 토큰, 버퍼: 세마포어로 하던 나머지 일을 파이프와 큐로 합니다
[private]
[no-exit-message]
run-signals *ARGS:
    @cargo run -p examples-ko --bin signals -- "$@"

# 11.3–11.8 일부러 부수기: just break lock
[no-exit-message]
break NAME='' *ARGS='':
    @cargo run -p examples-ko --bin break -- "$@"

# 누가 언제 쥐었는지: just timeline lock
[no-exit-message]
timeline NAME='' *ARGS='':
    @cargo run -p examples-ko --bin timeline -- "$@"

# 파이썬 쌍둥이(15초까지): just py lock
[no-exit-message]
py NAME='' *ARGS='':
    @sh {{ quote(justfile_directory() / "scripts/py") }} "$@"

# "해 볼 것"의 확인: just try 11.7-1
[no-exit-message]
try NAME='' *PROGRAM='':
    @sh {{ quote(justfile_directory() / "scripts/try") }} "$@"

# 장을 검색되는 책으로: just book --open
[no-exit-message]
book *ARGS='':
    @sh {{ quote(justfile_directory() / "scripts/book") }} "$@"

# 가져가기: just copy lock ../my-lock
[no-exit-message]
copy *NAMES_AND_DEST:
    @cd {{ quote(invocation_directory()) }} && sh {{ quote(justfile_directory() / "scripts/copy") }} "$@"

# 모든 테스트
[no-exit-message]
test *ARGS:
    cargo test "$@"

# 죽이고 막고 넘치게 하기를 오래 되풀이합니다 (예: just torture 1 15 --seed 7, just torture --controls)
[private, no-exit-message]
torture *ARGS:
    @cargo run --release -p tests --bin torture -- "$@"

# 예: just compare lock queue, just compare --rounds 11 --json, just compare --growth
# 스레드, 커널, 파이썬과 속도 비교
[no-exit-message]
compare *ARGS:
    @cargo run --release -p tests --bin compare -- "$@"

# 다른 타깃에서 예제와 테스트: just platform musl, just platform aarch64 (데비안 12, root)
[private, no-exit-message]
platform WHERE='' KERNEL='':
    @sh scripts/platform "$@"

# 서식, 린트, 문서
[private, no-exit-message]
lint:
    sh .ci/lint

# CI가 하는 일 전부
[private, no-exit-message]
ci:
    bash .ci/run

# API 문서: ipc-core와 여섯 예제. 크레이트끼리의 링크가 이어지도록 ipc-core를 먼저 만듭니다.
[private, no-exit-message]
doc:
    @cargo clean --quiet --doc
    @cargo doc --quiet --no-deps -p ipc-core
    @cargo doc --no-deps -p process -p pool -p queue -p pipe -p lock -p semaphore
    @cargo doc --quiet --no-deps -p ipc-core --open

# 무엇이 모자라는지
[no-exit-message]
doctor:
    @JUST={{ quote(just_executable()) }} sh scripts/doctor

# 이름만 적어도 됩니다.
[private]
alias pool := run-pool
[private]
alias process := run-process
[private]
alias queue := run-queue
[private]
alias pipe := run-pipe
[private]
alias lock := run-lock
[private]
alias semaphore := run-semaphore
[private]
alias threads-vs-processes := run-threads-vs-processes
[private]
alias two-cooks := run-two-cooks
[private]
alias factorial := run-factorial
[private]
alias heartbeat := run-heartbeat
[private]
alias order := run-order
[private]
alias full-queue := run-full-queue
[private]
alias pipe-end := run-pipe-end
[private]
alias no-lock := run-no-lock
[private]
alias all := run-all
